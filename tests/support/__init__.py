"""What tests share: builders, servers, and ways to run the program."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
"""The checkout."""

LONG = os.environ.get("KLARNA24_LONG") == "1"
"""Whether long searches run in full; without it, a share of each."""


def python(*arguments: str, timeout: float = 60, **options: Any) -> "subprocess.CompletedProcess[str]":
    """Runs Python with these arguments to its end; the options are those of subprocess.run."""
    if not {"stdout", "stderr"} & options.keys():
        options["capture_output"] = True
    options = {"cwd": ROOT, **options}
    return subprocess.run([sys.executable, *arguments], text=True, timeout=timeout, check=False, **options)


def data(test: str, name: str) -> dict[str, Any]:
    """The TOML file of this name that lies beside the test file."""
    return tomllib.loads((Path(test).parent / name).read_text("utf-8"))
