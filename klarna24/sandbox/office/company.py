"""What a company in 24SevenOffice holds. Numbers as in the contract; amounts are Decimal, debit positive."""

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple


class VoucherType(NamedTuple):
    """TypeData and TransactionType. `number` is what Sort takes; ≤ 0 marks a system type."""

    type_id: int
    number: int
    title: str
    series: int


class TaxCode(NamedTuple):
    """TaxCodeElement; the rate in per cent."""

    tax_id: int
    number: str
    name: str
    rate: Decimal
    account_no: int | None


class Currency(NamedTuple):
    """`rate` home units for `unit` units of the currency, today."""

    symbol: str
    id: int
    rate: Decimal
    unit: int


class Customer(NamedTuple):
    """A company in the register; kind is the contract's CompanyType."""

    name: str
    kind: str = "Business"
    organization_number: str = ""


@dataclass
class FiscalYear:
    """`end` is exclusive (fact). `number` is what YearId takes: the start's year, a guess if split."""

    id: str
    start: date
    end: date
    locked: bool = False
    number: int = 0

    def __post_init__(self) -> None:
        self.number = self.number or self.start.year


@dataclass
class Draft:
    """One voucher that waits for a person. Entries have the contract's Entry fields."""

    id: int
    client_id: int
    name: str
    year: int
    sort: int
    bundle_direct: bool
    transaction_no: int
    entries: list[dict[str, Any]]
    saved_at: datetime


@dataclass
class Company:
    """A client of 24SevenOffice, with the one identity that the sandbox's user has in it.

    ledger: one dict a line with the contract's Transaction fields, plus Year, Sort, CustomerId,
    DepartmentId, ProjectId.
    """

    client_id: int
    identity_id: str
    name: str
    home_currency: str
    country: str
    chart: dict[int, str] = field(default_factory=dict)
    types: list[VoucherType] = field(default_factory=list)
    tax_codes: list[TaxCode] = field(default_factory=list)
    fiscal_years: list[FiscalYear] = field(default_factory=list)
    departments: dict[int, str] = field(default_factory=dict)
    currencies: list[Currency] = field(default_factory=list)
    customers: dict[int, Customer] = field(default_factory=dict)
    drafts: list[Draft] = field(default_factory=list)
    ledger: list[dict[str, Any]] = field(default_factory=list)

    def type_of(self, number: int) -> VoucherType | None:
        """The voucher type with this Sort."""
        return next((kind for kind in self.types if kind.number == number), None)

    def next_number(self, year: int, series: int) -> int:
        """The number after the greatest one booked in the year's series; nothing is reserved (fact)."""
        sorts = {kind.number for kind in self.types if kind.series == series}
        used = (line["TransactionNo"] for line in self.ledger if line["Year"] == year and line["Sort"] in sorts)
        return max(used, default=0) + 1
