"""Daily runs of profiles whose paths and passwords are all kinds of odd."""

from pathlib import Path
from typing import Any

import tomli_w

from klarna24.config.loading import Config, load
from tests.support.bookkeeping import PROFILE, Json, merged

ODD = '50% "odd" it\'s $HOME åäö; rm -rf * ~'
SOURCES: dict[str, Any] = {
    "env": "SHOP1",
    "file": "/etc/klarna24/shop1",
    "command": ["pass", "show", "klarna"],
    "systemd": "shop1-klarna",
    "keyring": True,
}


def config_in(folder: Path, *names: str, state_dir: Path | None = None, over: Json | None = None) -> Config:
    """A profiles.toml in that folder, with these profiles, each of a merchant of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "profiles.toml"
    own = {name: {"klarna": {"merchant_ids": [name]}} for name in names or ("shop1",)}
    profiles = {name: merged(merged(PROFILE, it), over or {}) for name, it in own.items()}
    top = {"state_dir": str(state_dir)} if state_dir else {}
    path.write_text(tomli_w.dumps({**top, "profiles": profiles}))
    path.chmod(0o600)
    return load(path)


def password_from(source: str) -> Json:
    """What a profile needs to have Klarna's password from there."""
    return {"klarna": {"password": {"env": None, source: SOURCES[source]}}}
