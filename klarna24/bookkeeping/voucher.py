"""A voucher that balances, and the company's books, which it must fit.

Amounts are Decimal with two decimals; a debit is positive, a credit negative.
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

CENT = Decimal("0.01")
SIX_DECIMALS = Decimal("0.000001")
MOST_WORTH = Decimal(1_000_000)  # more than any currency is worth in another


class Unbalanced(ValueError):
    """Raised instead of making a voucher whose debit and credit differ, or one of whose parts is not valid."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the voucher. ``kind`` is the name of the total that it comes from. ``customer_id`` may be the
    supplier's, because 24SevenOffice has one field for both; ``tax_code`` is the number of a VAT code."""

    account_no: int
    amount: Decimal
    kind: str
    comment: str
    invoice_no: str | None = None
    ocr: str | None = None
    customer_id: int | None = None
    department_id: int | None = None
    project_id: int | None = None
    tax_code: int | None = None


@dataclass(frozen=True, slots=True)
class Rate:
    """What one unit of the payout's currency is worth in the company's, and the day for which it was published.
    ``value`` has at most six decimals, so that a person can recalculate with it. Raises ValueError for one that
    no two currencies can have."""

    value: Decimal
    day: date

    def __post_init__(self) -> None:
        is_possible = self.value.is_finite() and SIX_DECIMALS <= self.value < MOST_WORTH
        if not is_possible or self.value != self.value.quantize(SIX_DECIMALS):
            raise ValueError(f"{self.value} is no rate")


@dataclass(frozen=True, slots=True)
class VoucherType:
    """A voucher type (contract: Account.TypeData); ``number`` is the Sort of a bundle."""

    number: int
    title: str
    series_id: int


@dataclass(frozen=True, slots=True)
class FiscalYear:
    """A fiscal year (contract: Transaction.FiscalYear); ``end`` is the first day after it."""

    start: date
    end: date
    locked: bool


@dataclass(frozen=True, slots=True)
class Books:
    """What 24SevenOffice says of the company, read once a run."""

    home_currency: str
    chart: dict[int, str]
    voucher_type: VoucherType
    fiscal_years: tuple[FiscalYear, ...]


@dataclass(frozen=True, slots=True)
class Trace:
    """What is needed to find a voucher in the ledger: its name, its anchor and its sums per account, in the
    company's currency. Stored before the voucher is sent, so that a later change of the profile does not
    matter."""

    payment_reference: str
    name: str
    account_no: int
    date: date
    amount: Decimal
    currency: str
    sums: dict[int, Decimal]


@dataclass(frozen=True, slots=True)
class Voucher:
    """One accounting document for one payout, in the company's currency. Raises Unbalanced if it does not balance.

    ``anchor`` is the entry by which the voucher is found again. Its comment always begins
    ``Klarna {payment_reference}``.
    """

    payment_reference: str
    date: date
    type: VoucherType
    year: int
    currency: str
    entries: tuple[Entry, ...]
    anchor: Entry

    def __post_init__(self) -> None:
        difference = sum((entry.amount for entry in self.entries), Decimal(0))
        if difference:
            raise Unbalanced(f"{self.name}: debit and credit differ by {difference}")
        if self.anchor not in self.entries:
            raise Unbalanced(f"{self.name}: the anchor is not one of the entries")
        for entry in self.entries:
            if not entry.amount or entry.amount != entry.amount.quantize(CENT):
                raise Unbalanced(f"{self.name}: {entry.amount} is no amount in two decimals")

    @property
    def name(self) -> str:
        """Return the bundle's name: Klarna, the payment reference and the date."""
        return f"Klarna {self.payment_reference} {self.date}"

    @property
    def debit(self) -> Decimal:
        """Return the sum of the debit entries, which is also that of the credit entries."""
        return sum((entry.amount for entry in self.entries if entry.amount > 0), Decimal(0))

    def sums(self) -> dict[int, Decimal]:
        """Return the sum per account, zeros included."""
        sums: defaultdict[int, Decimal] = defaultdict(Decimal)
        for entry in self.entries:
            sums[entry.account_no] += entry.amount
        return dict(sums)

    def trace(self) -> Trace:
        """Return what is needed to find the voucher in the ledger."""
        anchor = self.anchor
        return Trace(
            payment_reference=self.payment_reference,
            name=self.name,
            account_no=anchor.account_no,
            date=self.date,
            amount=anchor.amount,
            currency=self.currency,
            sums=self.sums(),
        )
