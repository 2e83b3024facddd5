"""The default places of profiles.toml and of the state: the only module that imports platformdirs."""

import os
from pathlib import Path

import platformdirs

STATE_FILE = "klarna24.sqlite"  # in the state folder


def default_path() -> Path:
    """``KLARNA24_CONFIG``, else profiles.toml in the platform's user config folder."""
    if from_env := os.environ.get("KLARNA24_CONFIG"):
        return Path(from_env)
    return platformdirs.user_config_path("klarna24") / "profiles.toml"


def default_state_dir() -> Path:
    """``KLARNA24_STATE_DIR``, else the platform's user state folder."""
    return Path(os.environ.get("KLARNA24_STATE_DIR") or platformdirs.user_state_path("klarna24"))
