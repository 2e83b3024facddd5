"""The payouts of the past as data, month by month. The table, JSON and the advice on start_date read these."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import NamedTuple

from klarna24.bookkeeping.lines import Line
from klarna24.bookkeeping.payout import SIGNS, ZERO, Listed, PayoutKey
from klarna24.bookkeeping.voucher import Trace
from klarna24.report.month import Month
from klarna24.state.records import Row, Status
from klarna24.text.sentences import Language, Sentence

# What a dry run may say of a payout; None where that depends on rows that were not read.
OUTCOMES = (Status.READY, Status.BLOCKED, Status.SKIPPED, None)


class Standing(StrEnum):
    """Whether a payout stands in the ledger; these words are those of JSON."""

    KNOWN = "known"  # the state has it: drafted, booked, blocked …
    CERTAIN = "certain"
    PROBABLE = "probable"
    NOT_FOUND = "not-found"
    NOT_READ = "not-read"  # the ledger of its days was not read


@dataclass(frozen=True, slots=True)
class PastPayout:
    """What a dry run would make of a payout. ``outcome`` is ready, blocked (``reason`` says why), skipped where
    there is nothing to book, or None where that is not known: its rows, or the company's books, were not read, and
    nothing else is against it. ``lines`` are of its totals and detailed types, empty where these contradict each
    other; ``detailed_types`` are those of the rows that were read, apart from sales and
    fees; ``trace`` is by what its voucher would be found
    in the ledger, as far as that is known."""

    payout: Listed
    day: date | None
    outcome: Status | None
    reason: str = ""
    lines: tuple[Line, ...] = ()
    detailed_types: tuple[str, ...] = ()
    trace: Trace | None = None

    @property
    def key(self) -> PayoutKey:
        """Return what identifies the payout."""
        return self.payout.key


@dataclass(frozen=True, slots=True)
class Found:
    """A voucher of the ledger that is the payout's, for certain or probably; ``why`` says by what it was found.
    ``is_noticed``: a run would notice it, and not draft the payout a second time. ``is_ours``: it has klarna24's
    own words."""

    transaction_no: int
    day: date
    is_certain: bool
    why: Sentence
    is_noticed: bool
    is_ours: bool = False


@dataclass(frozen=True, slots=True)
class HistoryPayout:
    """A payout with what a dry run would make of it, the state's ``row`` if it has one, and its voucher ``found``
    in the ledger, whoever booked it. ``is_looked_up``: the ledger of its days was read."""

    past: PastPayout
    day: date
    row: Row | None
    found: Found | None
    is_looked_up: bool

    @property
    def is_settled(self) -> bool:
        """Whether no run would draft it, because the state says what has become of it."""
        return self.row is not None and not self.row.may_be_sent

    @property
    def standing(self) -> Standing:
        """Return whether it stands in the ledger."""
        if self.is_settled:
            return Standing.KNOWN
        if self.found:
            return Standing.CERTAIN if self.found.is_certain else Standing.PROBABLE
        return Standing.NOT_FOUND if self.is_looked_up else Standing.NOT_READ

    @property
    def transaction_no(self) -> int | None:
        """Return the number of its voucher, also of a draft that was booked since the state last heard of it."""
        if self.row and self.row.transaction_no:
            return self.row.transaction_no
        return self.found.transaction_no if self.found else None

    @property
    def totals(self) -> tuple[str, ...]:
        """Return the names of Klarna's totals that are not zero."""
        payout = self.past.payout
        return tuple(name for name in SIGNS if payout.figures.get(name, ZERO))


class MissingAccount(NamedTuple):
    """The profile has no account ``key`` for this kind: a detailed type, or the total."""

    key: str
    kind: str


@dataclass(frozen=True, slots=True)
class HistoryMonth:
    """A month's payouts, oldest first, and the accounts that the profile lacks for them."""

    month: Month
    payouts: Sequence[HistoryPayout]
    missing: Sequence[MissingAccount]

    @property
    def totals(self) -> tuple[str, ...]:
        """Return the names of the totals that occur, in Klarna's order."""
        occurring = {name for payout in self.payouts for name in payout.totals}
        return tuple(name for name in SIGNS if name in occurring)

    @property
    def detailed_types(self) -> tuple[str, ...]:
        """Return the detailed types that occur in the rows that were read."""
        return tuple(sorted({name for payout in self.payouts for name in payout.past.detailed_types}))


@dataclass(frozen=True, slots=True)
class History:
    """The payouts of a profile from ``since`` to ``until``, by month, oldest first. ``ledger_since`` is the first
    day of the ledger that was read, None if none was or need be, and ``accounts`` are those that were looked
    through. ``not_looked_at`` says what was left out, and ``advice`` which start_date fits: both are sentences."""

    profile: str
    language: Language
    start_date: date
    since: date
    until: date
    months: Sequence[HistoryMonth]
    ledger_since: date | None
    accounts: Sequence[int]
    not_looked_at: Sequence[str]
    advice: Sequence[str]
