"""What tests share: builders, servers, and ways to run the program."""

from pathlib import Path

ROOT = Path(__file__).parents[2]  # of the checkout
