"""On which line of a TOML text a key stands, for messages."""

import tomllib
from collections.abc import Iterator
from typing import Any

Path = tuple[str | int, ...]
Lines = dict[Path, int]


def line_of(lines: Lines, path: Path) -> int | None:
    """The line of the key, or else of the nearest table around it: what is missing has no line of its own."""
    return next((lines[path[:end]] for end in range(len(path), 0, -1) if path[:end] in lines), None)


def key_lines(text: str) -> Lines:
    """The first line of each key and each table of a valid TOML text, counted from 1.

    A statement of TOML is a valid document by itself, and half of one is not. So lines are put together until
    they parse, and no rule of the grammar has to be known here but that a header begins with a bracket.
    """
    found: Lines = {}
    table: Path = ()
    statement, first = "", 1
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), start=1):
        statement += f"{line}\n"
        try:
            parsed = tomllib.loads(statement)
        except tomllib.TOMLDecodeError:
            continue  # a list or a text that goes on in the next line
        below = list(_paths(parsed))
        is_header = statement.lstrip().startswith("[")
        for path in below:
            found.setdefault(path if is_header else (*table, *path), first)
        if is_header:
            table = below[-1]
        statement, first = "", number + 1
    return found


def _paths(table: dict[str, Any]) -> Iterator[Path]:
    for key, value in table.items():
        yield (key,)
        if isinstance(value, dict):
            yield from ((key, *path) for path in _paths(value))
