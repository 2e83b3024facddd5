"""Where profiles.toml and the state are, unless somebody says otherwise. The only door to platformdirs."""

import os
from pathlib import Path

import platformdirs

STATE_FILE = "klarna24.sqlite"  # in the state folder


def default_path() -> Path:
    """``KLARNA24_CONFIG``, else the platform's user config folder."""
    if from_env := os.environ.get("KLARNA24_CONFIG"):
        return Path(from_env)
    return platformdirs.user_config_path("klarna24") / "profiles.toml"


def default_state_dir() -> Path:
    """``KLARNA24_STATE_DIR``, else the platform's user state folder."""
    return Path(os.environ.get("KLARNA24_STATE_DIR") or platformdirs.user_state_path("klarna24"))


def cache() -> Path:
    """What may be lost at any time."""
    return platformdirs.user_cache_path("klarna24")
