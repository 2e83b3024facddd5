"""Where init stores a typed password."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from klarna24.cli.setup.draft import Draft
from klarna24.cli.setup.secrets import ask_where_to_store, store_passwords
from klarna24.config import credentials
from klarna24.config.values import secret_source
from tests.support.secrets import WORD

ANSWERS = {
    "file": ["file"],
    "keyring": ["keyring"],
    "systemd": ["systemd"],
    "env": ["env", ""],
    "command": ["command", "false", f"echo '{WORD}", "echo another", f"echo '{WORD}'"],
}


@pytest.fixture
def keyring_in_a_file(keyring_of: Callable[[str], None], tmp_path: Path) -> None:
    """A keyring that works: it stores the one password in a file."""
    keyring_of("return pathlib.Path(__file__).with_suffix('.password').read_text()")
    module = tmp_path / "a_keyring.py"
    store = "pathlib.Path(__file__).with_suffix('.password').write_text(password)"
    module.write_text(module.read_text().replace("password): ...", f"password): {store}"))


@pytest.mark.parametrize(
    ("way", "expected"),
    [
        ("file", {"file": "{folder}/secrets/shop1.klarna"}),
        ("keyring", {"keyring": True}),
        ("systemd", {"systemd": "shop1-klarna"}),
        ("env", {"env": "SHOP1_KLARNA"}),
        ("command", {"command": ["echo", WORD]}),
    ],
)
def test_the_source_is_asked_for_and_the_password_stored_only_afterwards(
    tmp_path: Path, keyring_in_a_file: None, monkeypatch: pytest.MonkeyPatch, way: str, expected: dict[str, Any]
) -> None:
    answers = iter(ANSWERS[way])
    monkeypatch.setattr("klarna24.cli.setup.prompts.read_line", lambda _: next(answers))
    monkeypatch.setattr(credentials, "keyring_answers", lambda: True)
    monkeypatch.setenv("SHOP1_KLARNA", WORD)
    draft = Draft(tmp_path / "profiles.toml", None, "shop1", "", {}, {"klarna": {}}, {"klarna": WORD})
    ask_where_to_store(draft)
    source = draft.table["klarna"]["password"]
    assert repr(source) == repr(expected).replace("{folder}", str(tmp_path))
    assert not [*tmp_path.glob("secrets"), *tmp_path.glob("*.password")]
    store_passwords(draft)
    if way != "systemd":  # which only systemd loads
        assert credentials.fetch(secret_source(source), "shop1.klarna") == WORD
    for file in (tmp_path / "secrets").glob("*"):
        assert file.stat().st_mode & 0o777 == 0o600
