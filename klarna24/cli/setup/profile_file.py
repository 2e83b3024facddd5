"""profiles.toml as text: one profile is added or changed, every other line stays unchanged.

Of a profile that is changed, only the lines of changed values are written anew, so that its comments stay, too.
Where that is impossible (see :func:`with_profile`) the whole table is written anew.
"""

import tomllib
from pathlib import Path
from typing import Any

import tomli_w

from klarna24 import files
from klarna24.cli.setup.toml_lines import Line, changed, lines_of
from klarna24.errors import ConfigFault
from klarna24.text.sentences import sentence


def read_text(path: Path) -> str:
    """The text of the file, empty if there is none. Raises ConfigFault if it cannot be read."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigFault(
            sentence("{path} cannot be read: {error}", path=str(path), error=str(error)), f"ls -l {path}"
        ) from None


def with_profile(text: str, name: str, table: dict[str, Any], top: dict[str, Any]) -> str:
    """The text with ``[profiles.name]`` changed to ``table``, and with the keys of ``top`` that it does not have.

    All other lines stay as they are, and of the profile those whose value does not change. Lost are the comments
    within a value of several lines that changes, and those beside a value that is removed. Raises ConfigFault,
    with the new table in its hint, where the file cannot be edited line by line (as with an inline table).
    """
    before = tomllib.loads(text)
    wanted = {**before, **{key: value for key, value in top.items() if key not in before}}
    wanted["profiles"] = {**before.get("profiles", {}), name: table}
    new = tomli_w.dumps({"profiles": {name: table}}).replace("[profiles]\n", "").strip() + "\n"
    lines = list(lines_of(text))
    if name in before.get("profiles", {}):
        attempts = [changed(lines, ("profiles", name), table), _replaced(lines, name, new)]
    else:
        attempts = [_appended(text, new)]
    for attempt in attempts:
        edited = _with_top(attempt, before, top)
        try:
            if tomllib.loads(edited) == wanted:
                return edited
        except tomllib.TOMLDecodeError:
            continue
    raise ConfigFault(
        sentence("the file cannot be edited line by line"), sentence("add by hand:\n{table}", table=new)
    )


def _appended(text: str, new: str) -> str:
    """The text with ``new`` at its end, after a blank line."""
    if text and not text.endswith("\n"):
        text += "\n"
    gap = "\n" if text.strip() and not text.endswith("\n\n") else ""
    return f"{text}{gap}{new}"


def _replaced(lines: list[Line], name: str, new: str) -> str:
    """The text with ``new`` in the place of the profile's lines, and without the comments among them."""
    kept: list[str] = []
    pending: list[str] = []  # blank lines and comments belong to what follows them
    is_placed = False
    for line in lines:
        inside = line.table[:2] == ("profiles", name)
        if line.is_blank:
            pending.append(line.text)
        elif not inside:
            kept += [*pending, line.text]
            pending = []
        else:
            if not is_placed:
                kept += [*pending, new]
                is_placed = True
            pending = []
    return "".join([*kept, *pending])


def _with_top(text: str, before: dict[str, Any], top: dict[str, Any]) -> str:
    """The text with plain keys added before the first table, and tables at the end."""
    missing = {key: value for key, value in top.items() if key not in before}
    plain = {key: value for key, value in missing.items() if not isinstance(value, dict)}
    tables = {key: value for key, value in missing.items() if isinstance(value, dict)}
    if tables:
        text = _appended(text.rstrip("\n") + "\n", tomli_w.dumps(tables).strip() + "\n")
    if plain:
        lines = list(lines_of(text))
        first = next((index for index, line in enumerate(lines) if line.is_header), len(lines))
        while first and lines[first - 1].text.lstrip().startswith("#"):
            first -= 1  # the comments above the first table belong to it
        parts = [line.text for line in lines]
        text = "".join([*parts[:first], tomli_w.dumps(plain) + "\n", *parts[first:]])
    return text


def write(path: Path, text: str) -> None:
    """Replace the file (mode 0600) as a whole, creating its folder (0700) if need be. Raises ConfigFault."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        files.replace(path, text)
    except OSError as error:
        raise ConfigFault(
            sentence("{path} cannot be written: {error}", path=str(path), error=str(error.strerror)),
            f"ls -ld {path.parent}",
        ) from None
