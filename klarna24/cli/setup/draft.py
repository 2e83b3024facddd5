"""The profile as it grows: what was answered so far, and what can be asked with it. Nothing of it is on disk."""

import copy
import tempfile
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

from klarna24.cli.setup import profile_file
from klarna24.cli.setup import prompts as asking
from klarna24.config import credentials
from klarna24.config.loading import load
from klarna24.config.tables import File, Profile
from klarna24.config.values import secret_source
from klarna24.twentyfour.sessions import Sessions
from klarna24.twentyfour.setup import Choices, Company, SetupClient

T = TypeVar("T")
NO_CHOICES = Choices({}, {}, {}, "", "")
NOBODY = "00000000-0000-0000-0000-000000000000"


@dataclass
class Draft:
    """``table`` is the profile as it will stand in the file, ``typed`` the secrets so far, by their place;
    ``top`` what the file shall have besides (state_dir, notify), where it has none."""

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

    def profiles(self) -> dict[str, Any]:
        """Those that the file has."""
        profiles: dict[str, Any] = self.file.get("profiles", {})
        return profiles

    def profile(self, whole: bool = False) -> Profile:
        """``whole`` once every step has been answered; before, with placeholders for what a call does not need."""
        table = copy.deepcopy(self.table)
        table.setdefault("start_date", date(2026, 1, 1))
        table.setdefault("timezone", "Europe/Stockholm")
        filler = {"username": "?", "application_id": NOBODY, "identity_id": NOBODY, "client_id": 1}
        table["24sevenoffice"] = {**filler, **table.get("24sevenoffice", {}), "password": {"env": "unused"}}
        table["klarna"] = {**table.get("klarna", {}), "password": {"env": "unused"}}
        if not whole:
            table = {**table, "accounts": {"payout": 1, "receivable": 1}, "references": {}}
        file = File.model_validate({"profiles": {self.name: table}})
        profile = file.profiles[self.name]
        profile._name = self.name
        return profile

    def set_up(self, ask: Callable[[SetupClient], T]) -> T:
        """Ask 24SevenOffice something, with a session that is not kept."""
        with no_sessions() as sessions:
            office = SetupClient(self.profile(), self.secret("24sevenoffice"), sessions)
            try:
                return ask(office)
            finally:
                office.close()

    def ask_secret(self, where: str, question: str) -> None:
        known = where in self.typed or "password" in self.table.get(where, {})
        answer = asking.secret(question, keep=known)
        if answer is not None:
            self.typed[where] = answer

    def secret(self, where: str) -> str:
        """As typed, or from where the profile that is edited keeps it."""
        if where in self.typed:
            return self.typed[where]
        source = secret_source(self.table[where]["password"])
        return credentials.fetch(source, f"{self.name}.{where}")


def open_draft(path: Path, state_dir: Path | None, name: str | None) -> Draft:
    """Raises ConfigFault where there is a file with faults: it is mended first."""
    text = profile_file.read_text(path)
    if text.strip():
        load(path)
    return Draft(path, state_dir, name or "", text, tomllib.loads(text))


@contextmanager
def no_sessions() -> Iterator[Sessions]:
    """A place for sessions that keeps none."""
    with tempfile.TemporaryDirectory(prefix="klarna24-init-") as nowhere:
        yield Sessions(Path(nowhere), keep=False)
