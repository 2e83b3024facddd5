"""The terminal that people read: words wrapped, text from outside never parsed as markup."""

import sys
from itertools import zip_longest

from rich.console import Console
from rich.text import Text

from klarna24.cli.output.lines import columns, wrapped


def new_console() -> Console:
    """A terminal that shows text as it is. Without a height, rich takes one with TERM=dumb for 80 columns wide."""
    return Console(width=columns(sys.stdout), height=25, highlight=False, markup=False, emoji=False)


def print_paragraph(console: Console, text: str, style: str = "", indent: int = 0) -> None:
    """Wrapped at words, which stay whole."""
    for line in wrapped(text, console.width - indent):
        console.print(Text(f"{'':{indent}}{line}", style), soft_wrap=True)


def print_verdict(console: Console, name: str, width: int, text: str, *, is_good: bool) -> None:
    """A line of an overview: a mark, the name in a column of this width, and the text, wrapped beside it."""
    mark, style = ("✓", "green") if is_good else ("✗", "red")
    heads = [f"  {mark} {name:<{width}}  "]
    left = len(heads[0])
    for head, line in zip_longest(heads, wrapped(text, console.width - left), fillvalue=""):
        console.print(Text(f"{head:<{left}}", style).append(line, "default"), soft_wrap=True)
