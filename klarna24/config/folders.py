"""The default places of profiles.toml and of the state: the only module that imports platformdirs."""

import os
from pathlib import Path

import platformdirs

from klarna24.errors import ConfigFault
from klarna24.text.sentences import sentence

STATE_FILE = "klarna24.sqlite"  # in the state folder
NOWHERE = Path(os.devnull, "klarna24")  # a folder that cannot be: for a host that keeps nothing


def default_path() -> Path:
    """``KLARNA24_CONFIG``, else profiles.toml in the platform's user config folder. Raises ConfigFault."""
    if from_env := os.environ.get("KLARNA24_CONFIG"):
        return Path(from_env)
    try:
        return (platformdirs.user_config_path("klarna24") / "profiles.toml").expanduser()
    except RuntimeError:
        raise _homeless("--config FILE") from None


def default_state_dir() -> Path:
    """``KLARNA24_STATE_DIR``, else the platform's user state folder. Raises ConfigFault."""
    if from_env := os.environ.get("KLARNA24_STATE_DIR"):
        return Path(from_env)
    try:
        return platformdirs.user_state_path("klarna24").expanduser()
    except RuntimeError:
        raise _homeless("--state-dir FOLDER") from None


def _homeless(option: str) -> ConfigFault:
    message = sentence("there is no home folder: HOME is not set")
    return ConfigFault(message, sentence("set HOME, or give {option}", option=option))
