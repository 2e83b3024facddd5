"""The calls of init, and how long it waits for them."""

import time
from pathlib import Path

import pytest

from klarna24.cli.setup import draft as setup_draft
from klarna24.cli.setup.draft import Draft
from klarna24.cli.setup.prompts import Prompts
from klarna24.errors import Unavailable
from klarna24.sandbox.server import Sandbox
from klarna24.text.reader import Reader


def test_a_dead_address_is_waited_for_visibly_and_for_ten_seconds_at_most(
    box: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert setup_draft.FIRST_ANSWER_SECONDS == 10.0
    monkeypatch.setattr(setup_draft, "FIRST_ANSWER_SECONDS", 0.3)
    address = box.url
    box.stop()
    table = {"klarna": {"base_url": address, "username": "K"}}
    one = Draft(tmp_path, None, Prompts(Reader("en")), "", {}, "shop1", table=table, typed={"klarna": "x"})
    began = time.monotonic()
    with pytest.raises(Unavailable, match=f"did not answer at {address[7:]} within") as caught:
        one.ask_klarna()
    assert time.monotonic() - began < 5
    assert "check the address" in caught.value.hint
    assert f"Asking Klarna at {address[7:]} …" in capsys.readouterr().out
