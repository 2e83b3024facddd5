"""Where init stores a typed password."""

from pathlib import Path
from typing import Any

import pytest

from klarna24.cli.setup.draft import Draft
from klarna24.cli.setup.prompts import Prompts
from klarna24.cli.setup.secrets import ask_where_to_store, store_passwords
from klarna24.config import credentials
from klarna24.config.values import secret_source
from klarna24.text.reader import Reader
from tests.support.secrets import WORD


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        (["file"], {"file": "{folder}/secrets/shop1.klarna"}),
        (["keyring"], {"keyring": True}),
        (["systemd"], {"systemd": "shop1-klarna"}),
        (["env", ""], {"env": "SHOP1_KLARNA"}),
        (["command", "false", f"echo '{WORD}", "echo another", f"echo '{WORD}'"], {"command": ["echo", WORD]}),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_the_source_is_asked_for_and_the_password_stored_only_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answers: list[str], expected: dict[str, Any]
) -> None:
    stored: list[tuple[str, str]] = []
    monkeypatch.setattr("klarna24.cli.setup.prompts.read_line", lambda _: answers.pop(0))
    monkeypatch.setattr(credentials, "keyring_answers", lambda: True)
    monkeypatch.setattr(credentials, "store_in_keyring", lambda name, value: stored.append((name, value)))
    prompts = Prompts(Reader("en"))
    draft = Draft(tmp_path / "profiles.toml", None, prompts, "", {}, "shop1")
    draft.table, draft.typed = {"klarna": {}}, {"klarna": WORD}
    ask_where_to_store(draft)
    source = draft.table["klarna"]["password"]
    assert repr(source) == repr(expected).replace("{folder}", str(tmp_path))
    assert not [*answers, *stored, *tmp_path.glob("secrets")]
    store_passwords(draft)
    assert stored == ([("shop1.klarna", WORD)] if "keyring" in source else [])
    if "file" in source:
        assert Path(source["file"]).stat().st_mode & 0o777 == 0o600
        assert credentials.fetch(secret_source(source), "shop1.klarna") == WORD
