"""profiles.toml as text: one profile is added or replaced, every other line stays unchanged."""

import re
import tomllib
from pathlib import Path
from typing import Any

import tomli_w

from klarna24 import files
from klarna24.errors import ConfigFault

HEADER = re.compile(r"^\s*\[\[?\s*([^\]]+?)\s*\]\]?\s*(#.*)?$")


def read_text(path: Path) -> str:
    """The text of the file, empty if there is none. Raises ConfigFault if it cannot be read."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigFault(f"{path} cannot be read: {error}", f"ls -l {path}") from None


def with_profile(text: str, name: str, table: dict[str, Any], top: dict[str, Any]) -> str:
    """The text with ``[profiles.name]`` replaced by ``table``, and with the keys of ``top`` that it does not have.

    All other lines, comments included, stay as they are. Raises ConfigFault, with the new table in its hint, where
    that is impossible line by line (for example if the profile is an inline table).
    """
    before = tomllib.loads(text)
    new = tomli_w.dumps({"profiles": {name: table}}).replace("[profiles]\n", "").strip() + "\n"
    edited = _with_top(_replaced(text, name, new), before, top)
    wanted = {**before, **{key: value for key, value in top.items() if key not in before}}
    wanted["profiles"] = {**before.get("profiles", {}), name: table}
    try:
        is_right = tomllib.loads(edited) == wanted
    except tomllib.TOMLDecodeError:
        is_right = False
    if not is_right:
        raise ConfigFault("the file cannot be edited line by line", f"add by hand:\n{new}")
    return edited


def _replaced(text: str, name: str, new: str) -> str:
    """The text with ``new`` in the place of the profile's lines, or at the end."""
    kept: list[str] = []
    place: int | None = None
    inside = False
    pending: list[str] = []  # blank lines and comments belong to what follows them
    for line in text.splitlines(keepends=True):
        header = HEADER.match(line)
        if header:
            inside = _is_profile(header.group(1), name)
            if inside and place is None:
                kept += pending
                place = len(kept)
            elif not inside:
                kept += pending
            pending = []
        if not line.strip() or line.lstrip().startswith("#"):
            pending.append(line)
        elif not inside:
            kept += [*pending, line]
            pending = []
        else:
            pending = []
    kept += pending
    if place is None:
        gap = ["\n"] if kept and kept[-1].strip() else []
        ending = ["\n"] if kept and not kept[-1].endswith("\n") else []
        return "".join([*kept, *ending, *gap, new])
    gap = ["\n"] if place < len(kept) and kept[place].strip() else []
    return "".join([*kept[:place], new, *gap, *kept[place:]])


def _is_profile(header: str, name: str) -> bool:
    parts = [part.strip().strip("\"'") for part in header.split(".")]
    return parts[:2] == ["profiles", name]


def _with_top(text: str, before: dict[str, Any], top: dict[str, Any]) -> str:
    """The text with plain keys added before the first table, and tables at the end."""
    missing = {key: value for key, value in top.items() if key not in before}
    plain = {key: value for key, value in missing.items() if not isinstance(value, dict)}
    tables = {key: value for key, value in missing.items() if isinstance(value, dict)}
    if tables:
        text = text.rstrip("\n") + "\n\n" + tomli_w.dumps(tables).strip() + "\n"
    if plain:
        lines = text.splitlines(keepends=True)
        first = next((index for index, line in enumerate(lines) if HEADER.match(line)), len(lines))
        while first and lines[first - 1].lstrip().startswith("#"):
            first -= 1  # the comments above the first table belong to it
        lines.insert(first, tomli_w.dumps(plain) + "\n")
        text = "".join(lines)
    return text


def write(path: Path, text: str) -> None:
    """Replace the file (mode 0600) as a whole, creating its folder (0700) if need be. Raises ConfigFault."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        files.replace(path, text)
    except OSError as error:
        raise ConfigFault(f"{path} cannot be written: {error.strerror}", f"ls -ld {path.parent}") from None
