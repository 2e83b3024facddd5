"""The profile so far, and the calls that can be made with it. Nothing of it is on disk."""

import copy
import tempfile
import tomllib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

from klarna24.cli.setup import profile_file
from klarna24.cli.setup.prompts import ask_hidden
from klarna24.config import credentials
from klarna24.config.file import DEFAULTS
from klarna24.config.loading import load
from klarna24.config.profiles import Profiles, read_profiles
from klarna24.config.tables import Profile
from klarna24.config.values import secret_source
from klarna24.twentyfour.sessions import Sessions
from klarna24.twentyfour.setup import Choices, Company, SetupClient

T = TypeVar("T")
NO_CHOICES = Choices({}, {}, {}, "", "")
ANY_GUID = "00000000-0000-0000-0000-000000000000"


@dataclass
class Draft:
    """``text`` and ``file`` are profiles.toml as it is; ``table`` is the profile as it will be, ``top`` what else
    the file will get if it is missing (state_dir, notify); ``typed`` are the passwords by their table."""

    path: Path
    state_dir: Path | None
    name: str
    text: str
    file: dict[str, Any]
    table: dict[str, Any] = field(default_factory=dict)
    typed: dict[str, str] = field(default_factory=dict)
    top: dict[str, Any] = field(default_factory=dict)
    companies: list[Company] = field(default_factory=list)
    choices: Choices = NO_CHOICES

    def profile(self, complete: bool = False) -> Profile:
        """With placeholders for what is not known yet; the accounts are left out unless all is ``complete``."""
        table = copy.deepcopy(self.table)
        table.setdefault("start_date", date(2026, 1, 1))
        table.setdefault("timezone", "Europe/Stockholm")
        placeholders = {"username": "?", "application_id": ANY_GUID, "identity_id": ANY_GUID, "client_id": 1}
        table["24sevenoffice"] = {**placeholders, **table.get("24sevenoffice", {}), "password": {"env": "unused"}}
        table["klarna"] = {**table.get("klarna", {}), "password": {"env": "unused"}}
        if not complete:
            table = {**table, "accounts": {"payout": 1, "receivable": 1}, "references": {}}
        return self._read(table).valid[self.name]

    def refuse_broken(self) -> None:
        """Raises ConfigFault where the profile exists and has values that are not valid: they are suggested."""
        if self.table and self.name not in self._read(self.table).valid:
            load(self.path).profile(self.name)

    def _read(self, table: dict[str, Any]) -> Profiles:
        return read_profiles({self.name: table}, self.file.get(DEFAULTS, {}))

    def query_office(self, question: Callable[[SetupClient], T]) -> T:
        """The answer of 24SevenOffice, asked in a session that is not stored."""
        password = self.password("24sevenoffice")
        with no_sessions() as sessions, closing(SetupClient(self.profile(), password, sessions)) as office:
            return question(office)

    def ask_password(self, table: str, question: str) -> None:
        """Ask for the password of this table; an empty answer keeps one that is known."""
        answer = ask_hidden(question, keep=table in self.typed or "password" in self.table.get(table, {}))
        if answer is not None:
            self.typed[table] = answer

    def password(self, table: str) -> str:
        """As typed, or fetched from where the existing profile keeps it."""
        if table in self.typed:
            return self.typed[table]
        source = secret_source(self.table[table]["password"])
        return credentials.fetch(source, f"{self.name}.{table}")


def open_draft(path: Path, state_dir: Path | None, name: str | None) -> Draft:
    """Raises ConfigFault if the file exists and cannot be used: its faults have to be corrected first."""
    text = profile_file.read_text(path)
    if text.strip():
        load(path)
    return Draft(path, state_dir, name or "", text, tomllib.loads(text))


@contextmanager
def no_sessions() -> Iterator[Sessions]:
    """A session store that stores nothing."""
    with tempfile.TemporaryDirectory(prefix="klarna24-init-") as folder:
        yield Sessions(Path(folder), keep=False)
