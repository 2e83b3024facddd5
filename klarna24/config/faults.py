"""What is wrong with profiles.toml, in our own words: of pydantic come the place and the kind of each fault."""

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from klarna24.config.lines import Lines, Path, line_of
from klarna24.config.values import OF_PATTERN, Table
from klarna24.text.clean import clean
from klarna24.text.sentences import Sentence, sentence

_EMPTY = sentence("it is empty: give a value, or leave the key out")
_NO_INTEGER = sentence("not a whole number: write it without quotes and without decimals")
_NO_DATE = sentence("not a date: write it without quotes and time, as in 2026-11-24")
# What is said of pydantic's kinds of faults that have no figure of their own:
_PLAIN = {
    "missing": sentence("missing"),
    "string_too_short": _EMPTY,
    "too_short": _EMPTY,
    "string_type": sentence("not a text: write it in quotes"),
    "int_type": _NO_INTEGER,
    "int_from_float": _NO_INTEGER,
    "list_type": sentence("not a list: put it in square brackets, {brackets}", brackets="[…]"),
    "date_type": _NO_DATE,
    "date_from_datetime_inexact": _NO_DATE,
}


@dataclass(frozen=True, slots=True)
class Fault:
    """``path`` is where it is in the file."""

    path: Path
    what: Sentence
    kind: str = ""

    @property
    def is_missing(self) -> bool:
        """A required key is not there."""
        return self.kind == "missing"

    @property
    def is_unknown(self) -> bool:
        """There is no such key."""
        return self.kind == "extra_forbidden"

    @property
    def is_conflict(self) -> bool:
        """Each value is valid, but they do not go together."""
        return self.kind == "klarna24-conflict"

    @property
    def where(self) -> str:
        """The path as it is written in TOML, with the number of an item in a list."""
        return ".".join(clean(str(part)) for part in self.path)

    def in_file(self, file: str, lines: Lines) -> Sentence:
        """The whole line that a person reads."""
        if line := line_of(lines, self.path):
            return sentence(
                "{file}, line {line}: {where}: {what}", file=file, line=line, where=self.where, what=self.what
            )
        return sentence("{file}: {where}: {what}", file=file, where=self.where, what=self.what)


def faults_of(error: ValidationError, kind: type[Table], path: Path) -> list[Fault]:
    """One for each fault in the table of this kind, which stands at ``path``."""
    return [Fault((*path, *detail["loc"]), _what(detail, kind, path), detail["type"]) for detail in error.errors()]


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that was probably meant."""
    return next(iter(difflib.get_close_matches(word, list(known), n=1)), None)


def unknown_key(key: str, known: Iterable[str]) -> Sentence:
    """With the nearest known key, if one is near."""
    if near := nearest(key, known):
        return sentence("unknown key; did you mean {key}?", key=near)
    return sentence("unknown key")


def _what(detail: ErrorDetails, kind: type[Table], path: Path) -> Sentence:
    context = detail.get("ctx", {})
    match detail["type"]:
        case "klarna24" | "klarna24-conflict":
            message: Sentence = context["message"]
            return message
        case "extra_forbidden":
            return _unknown(detail["loc"], kind, path)
        case "string_pattern_mismatch":
            return OF_PATTERN[context["pattern"]]
        case "greater_than_equal":
            return sentence("too small: the least is {number}", number=context["ge"])
        case "less_than_equal":
            return sentence("too large: the most is {number}", number=context["le"])
        case "literal_error":
            return _no_choice(detail["input"], re.findall(r"'([^']*)'", context["expected"]))
        case "dict_type" | "model_type":
            where = ".".join(clean(str(part)) for part in (*path, *detail["loc"]))
            return sentence("not a table: write its settings below [{table}]", table=where)
    return _PLAIN.get(detail["type"], sentence("not a valid value"))


def _unknown(location: Path, kind: type[Table], path: Path) -> Sentence:
    *tables, key = location
    table: type[Table] | None = kind
    for part in tables:
        table = table and table.table(part)
    if table is None:
        return sentence("unknown key")
    if nearest(str(key), table.keys()) is None:
        homes = [name for name in kind.keys() if (below := kind.table(name)) and key in below.keys()]  # noqa: SIM118
        if len(homes) == 1:
            home = ".".join(map(str, (*path, *homes)))
            return sentence("unknown key here; it belongs below [{table}]", table=home)
    return unknown_key(str(key), table.keys())


def _no_choice(given: object, choices: list[str]) -> Sentence:
    quoted = ", ".join(f'"{choice}"' for choice in choices)
    if isinstance(given, str) and (near := nearest(given.lower(), choices)):
        return sentence('not one of {choices}; did you mean "{choice}"?', choices=quoted, choice=near)
    return sentence("not one of {choices}", choices=quoted)
