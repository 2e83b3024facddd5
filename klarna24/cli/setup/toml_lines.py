"""The lines of a TOML file, and the change of single values in it. A line is what tomllib accepts
as one, and whoever changes a file compares what it parses to afterwards."""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import tomli_w

PART = r"""(?:[A-Za-z0-9_-]+|"[^"\n]*"|'[^'\n]*')"""
DOTTED = rf"{PART}(?:[ \t]*\.[ \t]*{PART})*"
HEADER = re.compile(rf"^[ \t]*\[[ \t]*({DOTTED})[ \t]*\][ \t]*(#.*)?$")
KEY = re.compile(rf"^[ \t]*({DOTTED})[ \t]*=")
Keys = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """A header, a key with its value (which may take several lines of text), or a blank line or comment. ``table``
    is the one that the line is in or begins, ``keys`` the whole path of the value; ``text`` has its line break."""

    text: str
    table: Keys
    keys: Keys = ()
    is_header: bool = False

    @property
    def is_blank(self) -> bool:
        """Whether it is neither a header nor a value."""
        return not self.is_header and not self.keys


def lines_of(text: str) -> Iterator[Line]:
    """The lines of a text that tomllib can parse."""
    rest, table = text.splitlines(keepends=True), Keys()
    while rest:
        whole = rest.pop(0)
        bare = whole.rstrip("\r\n")
        if header := HEADER.match(bare):
            table = _path(header[1])
            yield Line(whole, table, is_header=True)
        elif key := KEY.match(bare):
            while rest and _value(whole) is None:
                whole += rest.pop(0)
            yield Line(whole, table, (*table, *_path(key[1])))
        else:
            if bare.lstrip().startswith("[["):
                table = ("[[",)  # whatever stands in it is nobody's profile
            yield Line(whole, table, is_header=bare.lstrip().startswith("[["))


def changed(lines: list[Line], at: Keys, new: dict[str, Any]) -> str:
    """The text in which the table ``at`` has the values of ``new``. Keeps every line that need not change, and the
    comment after a value that does."""
    left, out = _flat(new, at, lines), list[tuple[Line, str]]()
    for line in lines:
        if line.keys[: len(at)] != at:
            gone = line.is_header and line.table[: len(at)] == at and not _has(new, line.table[len(at) :])
            out += [] if gone else [(line, line.text)]
        elif line.keys in left:
            value = left.pop(line.keys)
            out.append((line, line.text if _same(_value(line.text), value) else _with_value(line, value)))
    for keys, value in left.items():
        _insert(out, keys, value)
    return "".join(text for _, text in out)


def _flat(new: dict[str, Any], at: Keys, lines: list[Line]) -> dict[Keys, Any]:
    """Each value by its whole path. A table has lines of its own where it stands directly below the profile or has
    a header, unless it is the value of a line; any other is one value."""
    headers, values = ({getattr(line, name) for line in lines} for name in ("table", "keys"))
    flat: dict[Keys, Any] = {}
    for key, value in new.items():
        path = (*at, key)
        if isinstance(value, dict) and path not in values and (len(path) <= 3 or path in headers):
            flat |= _flat(value, path, lines)
        else:
            flat[path] = value
    return flat


def _insert(out: list[tuple[Line, str]], keys: Keys, value: Any) -> None:
    """A new line after the last one of its table; without one, a new table after the last one of the profile."""
    table, text = keys[:-1], f"{_key(keys[-1])} = {_written(value)}\n"
    line = Line(text, table, keys)
    own = [place for place, (it, _) in enumerate(out) if it.table == table and not it.is_blank]
    if not own:
        header = Line(f"[{'.'.join(map(_key, table))}]\n", table, is_header=True)
        near = [place for place, (it, _) in enumerate(out) if it.table[:2] == table[:2] and not it.is_blank]
        place = near[-1] + 1 if near else len(out)
        blank = Line("\n", table)
        out[place:place] = [(blank, blank.text), (header, header.text)]
        own = [place + 1]
    last, before = out[own[-1]]
    if not before.endswith("\n"):
        out[own[-1]] = (last, f"{before}\n")
    out.insert(own[-1] + 1, (line, text))


def _with_value(line: Line, value: Any) -> str:
    """The line with another value, and with its indentation and the comment after it."""
    key = KEY.match(line.text)
    head = line.text[: key.end()] if key else ""
    ending = line.text[len(line.text.rstrip("\r\n")) :]
    return f"{head} {_written(value)}{_comment(line.text)}{ending}"


def _comment(text: str) -> str:
    """The comment at the end of the line, with the blanks before it: what can be left out without a difference."""
    bare, value = text.rstrip("\r\n"), _value(text)
    for found in re.finditer(r"[ \t]*#", bare):
        if "\n" not in bare[found.start() :] and _same(_value(bare[: found.start()]), value):
            return bare[found.start() :]
    return ""


def _value(text: str) -> Any:
    """The value of a line; None where it does not parse."""
    try:
        found: Any = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return None
    key = KEY.match(text)
    for part in _path(key[1]) if key else ():
        found = found[part]
    return found


def _same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and bool(one == other)


def _has(table: dict[str, Any], path: Keys) -> bool:
    found: Any = table
    for part in path:
        if not isinstance(found, dict) or part not in found:
            return False
        found = found[part]
    return isinstance(found, dict)


def _path(dotted: str) -> Keys:
    parts, found = [], tomllib.loads(f"[{dotted}]")
    while found:
        ((part, found),) = found.items()
        parts.append(part)
    return tuple(parts)


def _key(part: str) -> str:
    """The key as TOML wants it, quoted where it has to be."""
    return tomli_w.dumps({part: 0}).removesuffix(" = 0\n")


def _written(value: Any) -> str:
    """The value on one line, a table as an inline one."""
    match value:
        case dict():
            inner = ", ".join(f"{_key(key)} = {_written(it)}" for key, it in value.items())
            return f"{{ {inner} }}" if inner else "{}"
        case list():
            return f"[{', '.join(map(_written, value))}]"
    return tomli_w.dumps({"k": value}).removeprefix("k = ").rstrip("\n")
