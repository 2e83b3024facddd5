"""What one profile's run comes to: its payouts, and what became of each."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Literal

from klarna24.bookkeeping.ledger_match import LedgerMatch
from klarna24.bookkeeping.payout import Payout, PayoutKey
from klarna24.bookkeeping.voucher import Voucher
from klarna24.errors import Problem, worst
from klarna24.state.records import Row
from klarna24.text import Language

ItemStatus = Literal["ready", "drafted", "blocked", "in-doubt", "rejected", "skipped"]
RowsProgress = Callable[[str, int, int], None]  # payment reference, rows so far, rows in all


@dataclass(frozen=True, slots=True)
class Item:
    """A payout and what is to become, or became, of it. ``payout`` is None where Klarna was not asked for it,
    or no longer has it; ``found`` is what the ledger says of one that was in doubt."""

    key: PayoutKey
    payout_date: date
    settlement: Decimal
    status: ItemStatus
    voucher: Voucher | None = None
    problem: Problem | None = None
    payout: Payout | None = None
    row: Row | None = None
    found: LedgerMatch | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """The new and the unfinished payouts, oldest first; ``adopted`` are rows of profiles that are gone."""

    items: list[Item] = field(default_factory=list)
    adopted: list[Row] = field(default_factory=list)


@dataclass(slots=True)
class Report:
    """What one profile's run comes to. Not ``due``: nothing was done before ``next_due`` (UTC), which after a run
    is that of the next. ``ended``: it came to its end, and saw all there is."""

    profile: str
    language: Language = "en"
    due: bool = True
    ended: bool = False
    next_due: datetime | None = None
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


def tally(items: Iterable[Item]) -> str:
    """``11 drafted, 2 held``."""
    counts = Counter(item.status for item in items)
    return ", ".join(f"{count} {status}" for status, count in counts.items()) or "nothing new"
