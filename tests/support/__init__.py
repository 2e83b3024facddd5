"""What tests share: builders, servers, and ways to run the program."""

import os
from pathlib import Path

ROOT = Path(__file__).parents[2]
"""The checkout."""

LONG = os.environ.get("KLARNA24_LONG") == "1"
"""Whether long searches run in full; without it, a share of each."""
