"""Statements and rows: SQLite's marks and values in the words of psycopg, and rows with names."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import psycopg

from klarna24.state.connection import Values

_MARK = re.compile(r"'[^']*'|\?|:(\w+)|%")


@lru_cache(512)
def translated(statement: str) -> bytes:
    """The statement with psycopg's marks: ``?`` is ``%s``, ``:name`` is ``%(name)s``; quoted texts stay."""

    def mark(found: re.Match[str]) -> str:
        whole = found[0]
        if whole == "?":
            return "%s"
        return f"%({found[1]})s" if found[1] else whole.replace("%", "%%")

    return _MARK.sub(mark, statement).encode()


def plain(values: Values) -> Any:
    """The values as SQLite would store them: a truth is a number, and whatever is a text is nothing more."""
    if isinstance(values, Mapping):
        return {name: _plain(value) for name, value in values.items()}
    return [_plain(value) for value in values]


def _plain(value: object) -> object:
    if isinstance(value, bool):
        return int(value)
    return str(value) if isinstance(value, str) else value


class NamedRow:
    """A row: its values by name or number, or one after the other."""

    __slots__ = ("_numbers", "_values")

    def __init__(self, numbers: dict[str, int], values: tuple[Any, ...]) -> None:
        self._numbers = numbers
        self._values = values

    def __getitem__(self, name: str | int) -> Any:
        return self._values[name if isinstance(name, int) else self._numbers[name]]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def keys(self) -> list[str]:
        """The names of the columns."""
        return [*self._numbers]


def named_row(cursor: psycopg.Cursor[Any]) -> Callable[[Sequence[Any]], NamedRow]:
    """A row factory of psycopg."""
    numbers = {column.name: number for number, column in enumerate(cursor.description or ())}
    return lambda values: NamedRow(numbers, tuple(values))
