"""Files and keyrings that hold a secret."""

from collections.abc import Callable
from pathlib import Path

import pytest

WORD = "hemligt-åäö"


def private(path: Path, content: bytes | str = WORD) -> Path:
    """Write a file that only its owner can read."""
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    path.chmod(0o600)
    return path


@pytest.fixture
def keyring_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Installs a keyring whose look-up runs the given statement, and creates a file ``asked`` before that."""

    def make(body: str) -> None:
        (tmp_path / "a_keyring.py").write_text(
            "import pathlib, keyring.backend\n"
            "class Keyring(keyring.backend.KeyringBackend):\n"
            "    priority = 1\n"
            "    def set_password(self, service, username, password): ...\n"
            "    def get_password(self, service, username):\n"
            f"        pathlib.Path({str(tmp_path / 'asked')!r}).touch()\n"
            f"        {body}\n"
        )
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "a_keyring.Keyring")

    return make
