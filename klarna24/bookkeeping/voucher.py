"""What the ledger wants: a voucher that balances, and the books it must fit.

Amounts are Decimal with two decimals; debit positive, credit negative (facts: SaveBundleList).
"""

import hashlib
from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

CENT = Decimal("0.01")


class Unbalanced(ValueError):
    """Raised instead of a voucher whose debit and credit differ: such a voucher cannot exist."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the voucher. ``kind`` is the name of the total it comes from; ``customer_id`` may be the
    supplier's: 24SevenOffice keeps both in one field."""

    account_no: int
    amount: Decimal
    kind: str
    comment: str
    invoice_no: str | None = None
    ocr: str | None = None
    customer_id: int | None = None
    department_id: int | None = None
    project_id: int | None = None


@dataclass(frozen=True, slots=True)
class Currency:
    """How 24SevenOffice writes a currency: ``rate`` is for ``unit`` of it (contract: Client.Currency)."""

    symbol: str
    rate: Decimal = Decimal(1)
    unit: int = 1


@dataclass(frozen=True, slots=True)
class VoucherType:
    """Contract: Account.TypeData; ``number`` is the Sort of a bundle."""

    number: int
    title: str
    series_id: int


@dataclass(frozen=True, slots=True)
class FiscalYear:
    """Contract: Transaction.FiscalYear; ``end`` is the first day that is no longer in it."""

    start: date
    end: date
    locked: bool


@dataclass(frozen=True, slots=True)
class Books:
    """What 24SevenOffice says of the company, read once a run. Currencies are there when the profile needs
    them, and empty otherwise."""

    home_currency: str
    chart: dict[int, str]
    voucher_type: VoucherType
    fiscal_years: tuple[FiscalYear, ...]
    currencies: dict[str, Currency]


@dataclass(frozen=True, slots=True)
class Trace:
    """By what a voucher is found in the ledger, kept from the moment before it was sent: whatever the profile
    says later, this is what was sent."""

    payment_reference: str
    name: str
    account_no: int
    date: date
    amount: Decimal
    sums: dict[int, Decimal]


@dataclass(frozen=True, slots=True)
class Voucher:
    """One journal document for one payout.

    ``anchor`` is the entry by which the voucher is found again: its comment begins
    ``Klarna {payment_reference}`` whatever the profile says.
    """

    payment_reference: str
    date: date
    type: VoucherType
    year: int
    currency: Currency
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
        return f"Klarna {self.payment_reference} {self.date}"

    @property
    def debit(self) -> Decimal:
        return sum((entry.amount for entry in self.entries if entry.amount > 0), Decimal(0))

    def sums(self) -> dict[int, Decimal]:
        """The sum per account, zeros included: what is compared when the voucher is looked for."""
        sums: defaultdict[int, Decimal] = defaultdict(Decimal)
        for entry in self.entries:
            sums[entry.account_no] += entry.amount
        return dict(sums)

    def trace(self) -> Trace:
        anchor = self.anchor
        return Trace(self.payment_reference, self.name, anchor.account_no, self.date, anchor.amount, self.sums())

    def fingerprint(self) -> str:
        """Equal for vouchers that say the same, whatever the order of their lines (Klarna promises none) and the
        language of our own words: what an Exception may have saved is not sent again because that changed."""
        ours = f"Klarna {self.payment_reference} "
        lines = sorted(
            repr(replace(entry, comment="") if entry.comment.startswith(ours) else entry) for entry in self.entries
        )
        head = (self.name, self.type.number, self.year, self.currency.symbol)
        return hashlib.sha256(repr((head, lines)).encode()).hexdigest()
