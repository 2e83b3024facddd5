"""The options that stand before a command; apart from the others, which load pydantic, so that --help is fast."""

from pathlib import Path
from typing import NamedTuple


class GlobalOptions(NamedTuple):
    """The options before the command's name."""

    config: Path | None
    state_dir: Path | None
    verbose: bool
    quiet: bool
