"""A month's report as data: what was gathered, and what came of it. The page, the table, CSV and JSON read these.

Amounts are Decimal with two decimals. Those of Klarna are in the payout's currency; those of the ledger in the
company's, a debit positive and a credit negative.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple, Self
from zoneinfo import ZoneInfo

from klarna24.bookkeeping.ledger_match import LedgerLine
from klarna24.bookkeeping.payout import ZERO, Listed, PayoutKey, net_fees, net_vat
from klarna24.errors import Problem, ProblemCode, worst
from klarna24.state.records import Row, Status
from klarna24.text.sentences import Language


class Month(NamedTuple):
    """A calendar month of the shop's zone. As a str, 2026-11."""

    year: int
    number: int

    @classmethod
    def of(cls, day: date) -> Self:
        """Return the month of the day."""
        return cls(day.year, day.month)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read YYYY-MM. Raises ValueError."""
        return cls.of(date.fromisoformat(f"{text}-01"))

    @property
    def first(self) -> date:
        """Return its first day."""
        return date(self.year, self.number, 1)

    @property
    def last(self) -> date:
        """Return its last day."""
        return (self.first + timedelta(days=31)).replace(day=1) - timedelta(days=1)

    @property
    def before(self) -> "Month":
        """Return the month before it."""
        return Month.of(self.first - timedelta(days=1))

    def __str__(self) -> str:
        return f"{self.first:%Y-%m}"


@dataclass(frozen=True, slots=True)
class Gathered:
    """All that a report is made of, of one profile and month. ``listed`` is what Klarna states now; ``rows`` what
    the state has of the month, and ``earlier`` of all months before it. ``before`` are the closing debts that each
    listed payout may open with, as far as they are known. ``vouchers`` are the whole vouchers in the ledger that
    mention a payout, by the id of its row; ``lines`` are those of the accounts that were read, by account, from
    ``read_from`` to ``today``. ``corrected`` are the ids of rows whose voucher a person says to have corrected to
    figures that Klarna changed, and whose new sums are unknown. ``accounts`` are payout, holdback and debt, where
    the profile has one; ``chart`` has account names by number."""

    profile: str
    language: Language
    zone: ZoneInfo
    month: Month
    today: date
    read_from: date
    home_currency: str
    listed: Sequence[Listed]
    rows: Sequence[Row]
    earlier: Sequence[Row]
    before: Mapping[PayoutKey, Sequence[Decimal]]
    vouchers: Mapping[int, Sequence[LedgerLine]]
    lines: Mapping[int, Sequence[LedgerLine]]
    corrected: frozenset[int]
    chart: Mapping[int, str]
    accounts: Mapping[str, int]

    @property
    def is_over(self) -> bool:
        """Return whether the month has passed where the shop is."""
        return self.today > self.month.last


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that keeps the month from closing; ``message`` is a Sentence."""

    payment_reference: str | None
    message: str


@dataclass(frozen=True, slots=True)
class MonthPayout:
    """A payout of the month. ``status`` is None where the state does not know it. ``totals`` are Klarna's as it
    states them now (of the state where Klarna has it no longer), by the names of ``bookkeeping.payout.NAMES``
    without zeros; ``stored`` those that were drafted. ``drafted`` and ``booked`` are sums per account.
    ``days_to_booking`` counts from the payout date to the day on which the ledger was first seen to have it;
    ``waits_since`` is the day on which a draft was saved that nobody has booked yet; ``standing`` are the numbers
    of its vouchers where the ledger has several and none is certain to be the one."""

    key: PayoutKey
    payout_date: date
    status: Status | None
    totals: Mapping[str, Decimal]
    stored: Mapping[str, Decimal]
    drafted: Mapping[int, Decimal]
    booked: Mapping[int, Decimal]
    transaction_no: int | None = None
    days_to_booking: int | None = None
    waits_since: date | None = None
    standing: tuple[int, ...] = ()
    problem: Problem | None = None
    remarks: tuple[str, ...] = ()  # Sentences

    @property
    def settlement(self) -> Decimal:
        """Return what Klarna paid."""
        return self.totals.get("settlement", ZERO)


@dataclass(frozen=True, slots=True)
class Balance:
    """A debt to Klarna, or money that it holds back: ``opening`` + ``added`` − ``taken`` + ``settled`` elsewhere =
    ``closing``, in the payout's currency. ``settled`` is what left the chain beside the payouts (a debt that was
    invoiced; negative). ``ledger`` is what ``account_no`` moved in the month, in the company's currency: of that
    ``by_payouts`` by vouchers of the month's payouts, the rest by others. None where there is no account."""

    opening: Decimal
    added: Decimal
    taken: Decimal
    settled: Decimal
    closing: Decimal
    account_no: int | None = None
    ledger: Decimal | None = None
    by_payouts: Decimal | None = None

    @property
    def is_empty(self) -> bool:
        """Return whether there is nothing to show."""
        return not any((self.opening, self.added, self.taken, self.settled, self.closing, self.ledger))


@dataclass(frozen=True, slots=True)
class OpenItem:
    """A line of the clearing account that nothing had matched at the month's end. ``age`` is its days until then;
    ``settled_on`` is the day on which a later line has matched it."""

    day: date
    transaction_no: int
    comment: str
    amount: Decimal
    age: int
    settled_on: date | None = None


@dataclass(frozen=True, slots=True)
class PastPayout:
    """A payout of the last twelve months, this one included, as the state has it: for the charts."""

    payout_date: date
    settlement: Decimal
    sales: Decimal
    fees: Decimal
    vat: Decimal
    days_to_booking: int | None


@dataclass(frozen=True, slots=True)
class CurrencyMonth:
    """One currency of the month. ``klarna``: the sum of each of Klarna's totals over the payouts; ``stored``: of
    those that were drafted; ``ledger``: per account, of the booked vouchers, and ``expected`` what was drafted of
    the same vouchers. ``cost`` is fees without VAT in per cent of sales; None without sales."""

    currency: str
    payouts: tuple[MonthPayout, ...]
    klarna: Mapping[str, Decimal]
    stored: Mapping[str, Decimal]
    ledger: Mapping[int, Decimal]
    expected: Mapping[int, Decimal]
    debt: Balance
    holdback: Balance
    differences: tuple[Difference, ...]
    history: tuple[PastPayout, ...] = ()

    @property
    def closes(self) -> bool:
        """Return whether nothing keeps it from closing."""
        return not self.differences

    @property
    def settlement(self) -> Decimal:
        """Return what Klarna paid in the month."""
        return self.klarna.get("settlement", ZERO)

    @property
    def fees(self) -> Decimal:
        """Return fees less corrections and refunds, without VAT."""
        return net_fees(self.klarna)

    @property
    def vat(self) -> Decimal:
        """Return the VAT on fees less what was refunded."""
        return net_vat(self.klarna)

    @property
    def cost(self) -> Decimal | None:
        """Return what Klarna costs in per cent of sales, not rounded."""
        sales = self.klarna.get("sale", ZERO)
        return 100 * self.fees / sales if sales else None


@dataclass(frozen=True, slots=True)
class ProfileMonth:
    """A profile's month: its currencies, by name. ``clearing`` is the number of the payout account where that is a
    clearing account, and None where it is the bank's; ``open_items`` are the account's at the month's end, oldest
    first, of lines since ``read_from``, and ``balance`` is their sum. ``is_over``: its last day has passed in
    ``zone``, where the shop is. ``problems`` are reads that failed: then nothing else is known."""

    profile: str
    language: Language
    zone: ZoneInfo
    month: Month
    is_over: bool = True
    home_currency: str = ""
    chart: Mapping[int, str] | None = None
    currencies: tuple[CurrencyMonth, ...] = ()
    clearing: int | None = None
    open_items: tuple[OpenItem, ...] = ()
    read_from: date | None = None
    problems: tuple[Problem, ...] = ()

    @property
    def closes(self) -> bool:
        """Return whether all was read, and every currency closes."""
        return self.is_over and not self.problems and all(one.closes for one in self.currencies)

    @property
    def balance(self) -> Decimal:
        """Return the sum of the open items."""
        return sum((item.amount for item in self.open_items), ZERO)

    @property
    def exit_code(self) -> int:
        """Return that of a read that failed, 7 where it does not close, else 0."""
        is_read = self.is_over and all(one.closes for one in self.currencies)
        differs = 0 if is_read else ProblemCode.CHANGED.exit_code
        return worst([*(problem.exit_code for problem in self.problems), differs])


def worst_first(months: Sequence[ProfileMonth]) -> list[ProfileMonth]:
    """Those that could not be read, those that do not close (most reasons first), then the others by name."""
    return sorted(months, key=lambda it: (not it.problems, -sum(len(one.differences) for one in it.currencies)))
