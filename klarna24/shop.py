"""What a run works with: one profile, its two ends, its state; and what it comes to."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from typing import Literal

from klarna24 import credentials
from klarna24.config import Config, Profile
from klarna24.errors import Problem, worst
from klarna24.klarna import KlarnaClient
from klarna24.lookup import Found
from klarna24.payout import Payout, PayoutKey
from klarna24.state import Owner, Row, State
from klarna24.twentyfour import Sessions, TwentyFourClient
from klarna24.voucher import Books, Voucher

ItemStatus = Literal["ready", "posted", "held", "in-doubt", "rejected", "skipped"]
RowsProgress = Callable[[str, int, int], None]  # payment reference, rows so far, rows in all


@dataclass(frozen=True, slots=True)
class Item:
    """A payout and what is to become, or became, of it. ``payout`` is None where Klarna was not asked for it,
    or no longer has it; ``found`` is what the journal says of one that was in doubt."""

    key: PayoutKey
    payout_date: date
    settlement: Decimal
    status: ItemStatus
    voucher: Voucher | None = None
    problem: Problem | None = None
    payout: Payout | None = None
    row: Row | None = None
    found: Found | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """The new and the unfinished payouts, oldest first; ``adopted`` are rows of profiles that are gone."""

    items: list[Item] = field(default_factory=list)
    adopted: list[Row] = field(default_factory=list)


@dataclass(slots=True)
class Report:
    """What one profile's run comes to."""

    profile: str
    due: bool = True
    checkpoint: date | None = None
    items: list[Item] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    chart: dict[int, str] = field(default_factory=dict)

    def all_problems(self) -> Iterator[Problem]:
        yield from (item.problem for item in self.items if item.problem)
        yield from self.problems

    @property
    def exit_code(self) -> int:
        return worst(problem.exit_code for problem in self.all_problems())


@dataclass
class Shop:
    """One profile with its two ends and its state, for the length of a run."""

    profile: Profile
    config: Config
    klarna: KlarnaClient
    office: TwentyFourClient
    state: State
    progress: RowsProgress | None = None

    @cached_property
    def today(self) -> date:
        """Where the shop is; fixed when first asked, so that a run does not straddle midnight."""
        return datetime.now(self.profile.timezone).date()

    @cached_property
    def books(self) -> Books:
        """Read when the first payout needs them: a run with nothing new makes no call to 24SevenOffice."""
        return self.office.books()

    @property
    def chart(self) -> dict[int, str]:
        """Account names, if the books were read."""
        return self.books.chart if "books" in self.__dict__ else {}

    @property
    def owner(self) -> Owner:
        return Owner(self.profile.name, self.profile.twentyfour.client_id, self.profile.klarna.environment)

    @property
    def scope(self) -> str:
        """What a listing asks for: where it changes, the next one goes back to the start date."""
        klarna = self.profile.klarna
        return json.dumps([self.profile.start_date.isoformat(), klarna.currencies, klarna.merchant_ids])


@contextmanager
def open_shop(
    profile: Profile, config: Config, state: State, sessions: Sessions, progress: RowsProgress | None = None
) -> Iterator[Shop]:
    """Fetches Klarna's password now, and 24SevenOffice's only when a login needs it."""
    klarna = KlarnaClient(profile.klarna, credentials.fetch(profile.klarna.password, f"{profile.name}.klarna"))
    office = TwentyFourClient(
        profile,
        lambda: credentials.fetch(profile.twentyfour.password, f"{profile.name}.24sevenoffice"),
        sessions,
    )
    try:
        yield Shop(profile, config, klarna, office, state, progress)
    finally:
        klarna.close()
        office.close()
