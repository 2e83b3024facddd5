"""The profile so far, and the calls that can be made with it. Nothing of it is on disk."""

import copy
import tempfile
import tomllib
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from klarna24.bookkeeping.payout import Listed
from klarna24.bookkeeping.usual_accounts import country_code
from klarna24.cli.setup import profile_file
from klarna24.cli.setup.prompts import Prompts
from klarna24.config import credentials
from klarna24.config.defaults import Raw, with_defaults
from klarna24.config.file import DEFAULTS, PROFILES
from klarna24.config.loading import load
from klarna24.config.tables import Profile
from klarna24.config.values import secret_source
from klarna24.errors import Unavailable
from klarna24.klarna.client import KlarnaClient
from klarna24.notify.limit import within
from klarna24.text.reader import Reader
from klarna24.text.sentences import Sentence, sentence
from klarna24.twentyfour.sessions import Sessions
from klarna24.twentyfour.setup import Choices, Company, SetupClient

T = TypeVar("T")
NO_CHOICES = Choices({}, {}, {}, "", "")
ANY_GUID = "00000000-0000-0000-0000-000000000000"
LOOK_BACK_DAYS = 60
FIRST_ANSWER_SECONDS = 10.0  # after which an address is taken for dead
ANSWER_SECONDS = 60.0  # of one that has answered before


@dataclass
class Draft:
    """``text`` and ``file`` are profiles.toml as it is; ``table`` is the profile as it will be (a new one begins
    with the answers of ``like``), ``top`` what else the file will get if it is missing (state_dir, archive,
    notify), and ``others`` are other profiles that change too. ``typed`` are the passwords by their table,
    ``refused`` the tables whose known password is wrong. ``answered`` are the keys of the questions that need
    not be asked (again), ``asked`` those that were, in order, and ``every`` those that a profile in the file has
    answered. ``payouts`` are all that the Klarna login has seen lately, whatever the filters."""

    path: Path
    state_dir: Path | None
    prompts: Prompts
    text: str
    file: dict[str, Any]
    name: str = ""
    like: str | None = None
    table: dict[str, Any] = field(default_factory=dict)
    top: dict[str, Any] = field(default_factory=dict)
    others: dict[str, dict[str, Any]] = field(default_factory=dict)
    typed: dict[str, str] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)
    answered: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    every: frozenset[str] = frozenset()
    wants_more: bool = False
    is_saved: bool = False
    companies: list[Company] = field(default_factory=list)
    choices: Choices = NO_CHOICES
    payouts: list[Listed] = field(default_factory=list)

    @property
    def profiles(self) -> dict[str, Raw]:
        """The tables of the profiles in the file, without the defaults."""
        found: dict[str, Raw] = self.file.get(PROFILES, {})
        return found

    @property
    def defaults(self) -> Raw:
        """What the file says for all profiles."""
        found: Raw = self.file.get(DEFAULTS, {})
        return found

    def existing(self, name: str) -> Raw:
        """The profile as the file and its defaults have it; a new one has the defaults alone."""
        return copy.deepcopy(with_defaults(self.profiles.get(name, {}), self.defaults))

    def own_table(self) -> Raw:
        """The profile as the file will have it: without what the defaults say, unless the file repeats it."""
        return _own(self.table, self.defaults, self.profiles.get(self.name, {}))

    @property
    def country(self) -> str:
        """SE, NO or ""."""
        return country_code(self.choices.country, self.choices.currency)

    def reopen(self, keys: Iterable[str]) -> None:
        """Have these questions asked again."""
        self.answered -= set(keys)

    def put(self, table: str, key: str, value: object) -> None:
        """Set a key of a table of the profile, "" for the profile itself; None is written as no line at all."""
        target = self.table.setdefault(table, {}) if table else self.table
        if value is None:
            target.pop(key, None)
        else:
            target[key] = value
        if table and not target:
            del self.table[table]

    def get(self, table: str, key: str, default: Any = None) -> Any:
        """What :meth:`put` has set."""
        return (self.table.get(table, {}) if table else self.table).get(key, default)

    def covers(self, merchant_id: str, currency: str) -> bool:
        """Whether the profile's filters let such a payout through."""
        merchants, currencies = (self.get("klarna", key) for key in ("merchant_ids", "currencies"))
        return (merchants is None or merchant_id in merchants) and (currencies is None or currency in currencies)

    def profile(self, complete: bool = False) -> Profile:
        """With placeholders for what is not known yet; the accounts and filters are left out unless all is
        ``complete``."""
        return profile_of(self.name or "new", self.table, complete)

    def ask_password(self, table: str, question: str) -> None:
        """Ask for the password of this table; an empty answer keeps one that is known and was not refused."""
        known = table in self.typed or "password" in self.table.get(table, {})
        answer = self.prompts.hidden(question, keep=known and table not in self.refused)
        if answer is not None:
            self.typed[table] = answer
            self.refused.discard(table)

    def forget_password(self, table: str) -> None:
        """It was refused."""
        self.typed.pop(table, None)
        self.refused.add(table)

    def password(self, table: str) -> str:
        """As typed, or fetched from where the existing profile keeps it."""
        if table in self.typed:
            return self.typed[table]
        source = secret_source(self.table[table]["password"])
        return credentials.fetch(source, f"{self.name}.{table}")

    def ask_office(self, question: Callable[[SetupClient], T], seconds: float = ANSWER_SECONDS) -> T:
        """The answer of 24SevenOffice, asked in a session that is not stored."""
        password, profile = self.password("24sevenoffice"), self.profile()

        def work() -> T:
            with no_sessions() as sessions, closing(SetupClient(profile, password, sessions)) as office:
                return question(office)

        return self._wait_for(
            "24SevenOffice", profile.twentyfour.base_url or "api.24sevenoffice.com", seconds, work
        )

    def ask_klarna(self, since: date | None = None) -> list[Listed]:
        """All payouts that the login sees since that day, or lately; whatever the filters."""
        profile, password = self.profile(), self.password("klarna")
        today = datetime.now(profile.timezone).date()
        first = since or today - timedelta(days=LOOK_BACK_DAYS)

        def work() -> list[Listed]:
            with closing(KlarnaClient(profile.klarna, password)) as client:
                return client.payouts(first, today, profile.timezone)

        seconds = ANSWER_SECONDS if since else FIRST_ANSWER_SECONDS
        return self._wait_for("Klarna", profile.klarna.url, seconds, work)

    def _wait_for(self, server: str, url: str, seconds: float, work: Callable[[], T]) -> T:
        """Raises Unavailable after so many seconds, having said that one has to wait."""
        host = urlsplit(url).netloc
        self.prompts.say(
            sentence("Asking {server} at {host} …", server=server, host=host), indent=2, colour="bright_black"
        )
        try:
            return within(seconds, work)
        except TimeoutError:
            message = sentence(
                "{server} did not answer at {host} within {seconds} s",
                server=server,
                host=host,
                seconds=int(seconds),
            )
            raise Unavailable(message, _REACH) from None


_REACH: Sentence = sentence("check the address and this machine's network, then press Enter at each answer")


def profile_of(name: str, table: dict[str, Any], complete: bool) -> Profile:
    """The table as a profile. See :meth:`Draft.profile`."""
    table = copy.deepcopy(table)
    table.setdefault("start_date", date(2026, 1, 1))
    table.setdefault("timezone", "Europe/Stockholm")
    placeholders = {"username": "?", "application_id": ANY_GUID, "identity_id": ANY_GUID, "client_id": 1}
    table["24sevenoffice"] = {**placeholders, **table.get("24sevenoffice", {}), "password": {"env": "unused"}}
    table["klarna"] = {"username": "?", **table.get("klarna", {}), "password": {"env": "unused"}}
    if not complete:
        table = {**table, "accounts": {"payout": 1, "receivable": 1}, "references": {}, "vat": {}}
        table["klarna"] = {k: v for k, v in table["klarna"].items() if k not in {"merchant_ids", "currencies"}}
    profile = Profile.model_validate(table)
    profile._name = name
    return profile


def _own(table: Raw, defaults: Raw, before: Raw) -> Raw:
    own: Raw = {}
    for key, value in table.items():
        usual, known = defaults.get(key), before.get(key)
        if isinstance(value, dict) and isinstance(usual, dict) and key != "password":
            if inner := _own(value, usual, known if isinstance(known, dict) else {}):
                own[key] = inner
        elif value != usual or known is not None:
            own[key] = value
    return own


def open_draft(path: Path, state_dir: Path | None) -> Draft:
    """Raises ConfigFault if the file exists and cannot be used: its faults have to be corrected first."""
    text = profile_file.read_text(path)
    if text.strip():
        load(path)
    return Draft(path, state_dir, Prompts(Reader.of_environment()), text, tomllib.loads(text))


@contextmanager
def no_sessions() -> Iterator[Sessions]:
    """A session store that stores nothing."""
    with tempfile.TemporaryDirectory(prefix="klarna24-init-") as folder:
        yield Sessions(Path(folder), keep=False)
