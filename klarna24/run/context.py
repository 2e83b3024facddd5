"""What a run works with: one profile, its two vendor clients, the rates of currencies, its state."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import NamedTuple, Self

from klarna24.bookkeeping.payout import PayoutKey
from klarna24.bookkeeping.voucher import Books, Rate
from klarna24.config import credentials
from klarna24.config.loading import Config
from klarna24.config.tables import Profile
from klarna24.ecb.client import EcbClient
from klarna24.klarna.client import KlarnaClient
from klarna24.run.messages import ResolveCommand
from klarna24.run.outcome import RowsProgress
from klarna24.state.records import Owner, RateKey, Row
from klarna24.state.store import State
from klarna24.twentyfour.client import TwentyFourClient
from klarna24.twentyfour.sessions import Sessions
from klarna24.twentyfour.shared_books import SharedBooks


class Shared(NamedTuple):
    """What the profiles of one run share: files of rates, and the books of a company, are read once for all."""

    ecb: EcbClient
    books: SharedBooks

    @classmethod
    def of(cls, config: Config) -> Self:
        """With nothing read yet."""
        return cls(EcbClient(config.rates_url), SharedBooks())


@dataclass
class RunContext:
    """One profile with its two vendor clients, the rates and its state, for the length of a run."""

    profile: Profile
    config: Config
    klarna: KlarnaClient
    office: TwentyFourClient
    ecb: EcbClient
    state: State
    progress: RowsProgress | None = None
    # no cached_property: until Python 3.12 it has one lock for all instances, and shops would wait for each other
    _books: Books | None = None
    _today: date | None = None
    _new_rates: dict[RateKey, Rate] = field(default_factory=dict)

    @property
    def today(self) -> date:
        """The shop's local date; fixed when first asked for, so that a run does not straddle midnight."""
        if self._today is None:
            self._today = datetime.now(self.profile.timezone).date()
        return self._today

    @property
    def books(self) -> Books:
        """Read when the first payout needs them: a run with nothing new makes no call to 24SevenOffice."""
        if self._books is None:
            self._books = self.office.books()
        return self._books

    def rate(self, day: date, currency: str) -> Rate:
        """What one unit of the currency was worth in the company's on the day: as the state has it, so that a
        payout keeps its rate, else as the European Central Bank publishes it. Raises NoRate, which blocks it."""
        key = RateKey(day, currency, self.books.home_currency)
        known = self._new_rates.get(key) or self.state.rate(key)
        if known is None:
            known = self._new_rates[key] = self.ecb.rate(*key)
        return known

    @property
    def new_rates(self) -> dict[RateKey, Rate]:
        """The rates asked for so far that the state does not have."""
        return dict(self._new_rates)

    @property
    def chart(self) -> dict[int, str]:
        """Account names by number; empty where the books were not read."""
        return self._books.chart if self._books else {}

    @property
    def owner(self) -> Owner:
        return Owner.of(self.profile)

    @property
    def scope(self) -> str:
        """What a listing asks for, as text. Where it has changed, the next listing goes back to the start date."""
        klarna, profile = self.profile.klarna, self.profile
        filters = [profile.start_date.isoformat(), profile.timezone.key, klarna.currencies, klarna.merchant_ids]
        return json.dumps([klarna.url, klarna.environment, klarna.username, *filters])

    def sent_namesakes(self, key: PayoutKey) -> list[Row]:
        """The company's other payouts of the same reference of which a voucher was sent, or may have been."""
        others = self.state.namesakes(self.owner, key)
        return [row for row in others if row.client_id == self.owner.client_id and row.trace]

    def resolve_command(self, key: PayoutKey) -> ResolveCommand:
        """The ``klarna24 resolve`` command for a payout."""
        rows = self.state.by_reference(self.profile.name, key.payment_reference)
        return ResolveCommand.of(self.profile.name, key, (row.key for row in rows))


@contextmanager
def open_context(
    profile: Profile,
    config: Config,
    state: State,
    sessions: Sessions,
    progress: RowsProgress | None = None,
    shared: Shared | None = None,
) -> Iterator[RunContext]:
    """``shared`` is that of all profiles of a run. Fetches Klarna's password now, and 24SevenOffice's only when a
    login needs it. Raises CredentialsFault."""
    shared = shared or Shared.of(config)
    klarna = KlarnaClient(profile.klarna, credentials.fetch(profile.klarna.password, f"{profile.name}.klarna"))
    office = TwentyFourClient(
        profile,
        lambda: credentials.fetch(profile.twentyfour.password, f"{profile.name}.24sevenoffice"),
        sessions,
        shared.books,
        state.count_request,
    )
    try:
        yield RunContext(profile, config, klarna, office, shared.ecb, state, progress)
    finally:
        klarna.close()
        office.close()
