"""A profiles.toml for the tests of config."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import tomli_w

from klarna24.config.file import File
from klarna24.config.loading import Config, load
from klarna24.config.tables import Profile
from klarna24.config.values import Table
from klarna24.errors import ConfigFault
from tests.support import ROOT
from tests.support.bookkeeping import PROFILE, Json, merged

EXAMPLE = (ROOT / "profiles.example.toml").read_text("utf-8")
ALL_IN_USE = re.sub(r"(?m)^# ", "", EXAMPLE)  # "# key = value" is a setting that is left out; "## …" explains
EMAIL: Json = {"host": "smtp.example.com", "from": "klarna24@shop1.se", "to": ["accounts@shop1.se"]}


class Settings:
    """Writes a profiles.toml and loads it. ``over`` is merged into the profile, ``top`` into the file; None
    removes a key."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "profiles.toml"

    def text(self, text: str | bytes) -> Path:
        self.path.write_bytes(text.encode() if isinstance(text, str) else text)
        self.path.chmod(0o600)
        return self.path

    def write(self, over: Json | None = None, top: Json | None = None, name: str = "shop1") -> Path:
        return self.text(tomli_w.dumps(merged({"profiles": {name: merged(PROFILE, over or {})}}, top or {})))

    def load(self, over: Json | None = None, top: Json | None = None, name: str = "shop1") -> Config:
        return load(self.write(over, top, name))

    def profile(self, over: Json | None = None) -> Profile:
        return self.load(over).profile("shop1")

    def faults(self, over: Json | None = None, top: Json | None = None, name: str = "shop1") -> list[str]:
        """All faults of the file, or of its profiles, without the path and the line with which each must begin."""
        self.write(over, top, name)
        try:
            faults = [problem for it in load(self.path).broken.values() for problem in it.fault.problems()]
        except ConfigFault as fault:
            faults = [*fault.problems()]
        assert faults
        found = [re.fullmatch(rf"{re.escape(str(self.path))}(, line \d+)?: (.*)", it.message) for it in faults]
        assert all(found), faults
        return [it[2] for it in found if it]

    def fault(self, over: Json | None = None, top: Json | None = None, name: str = "shop1") -> str:
        """The only fault."""
        (fault,) = self.faults(over, top, name)
        return fault


def nested(path: str, value: Any) -> Json:
    """``a.b`` and a value as ``{"a": {"b": value}}``."""
    for part in reversed(path.split(".")):
        value = {part: value}
    return dict(value)


def keys(table: type[Table], path: str = "") -> Iterator[str]:
    """Every key below a table, as a dotted path; those of a profile below that of shop1, too."""
    if table is File:
        yield from keys(Profile, "profiles.shop1.")
    for name, field in table.model_fields.items():
        here = f"{path}{field.alias or name}"
        below = [kind for kind in (field.annotation, *get_args(field.annotation)) if isinstance(kind, type)]
        tables = [kind for kind in below if issubclass(kind, Table)]
        if tables:
            yield from keys(tables[0], f"{here}.")
        else:
            yield here
