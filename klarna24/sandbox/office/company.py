"""The data of a company in 24SevenOffice. Amounts are Decimal; a debit is positive."""

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple


class VoucherType(NamedTuple):
    """A voucher type. `number` is its Sort; a number of 0 or below marks a system type."""

    type_id: int
    number: int
    title: str
    series: int


class TaxCode(NamedTuple):
    """A VAT code; its rate is in per cent."""

    tax_id: int
    number: str
    name: str
    rate: Decimal
    account_no: int | None


class Currency(NamedTuple):
    """A currency: `unit` units of it cost `rate` in the company's own currency today."""

    symbol: str
    id: int
    rate: Decimal
    unit: int


class Customer(NamedTuple):
    """A customer or supplier in the register; `kind` is the contract's CompanyType."""

    name: str
    kind: str = "Business"
    organization_number: str = ""


@dataclass
class FiscalYear:
    """A fiscal year; `end` is the day after its last day.

    `number` is the YearId. For a split year it is not documented: the sandbox chooses the year of `start`.
    """

    id: str
    start: date
    end: date
    locked: bool = False
    number: int = 0

    def __post_init__(self) -> None:
        self.number = self.number or self.start.year


@dataclass
class Image:
    """An uploaded image; ``page`` is 0 until it is saved as a page of its stamp number."""

    id: int
    content: bytes = b""
    stamp_no: int = 0
    page: int = 0


@dataclass
class Draft:
    """One voucher that is saved and not booked. Its entries have the fields of the contract's Entry."""

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
    """A company, with the one identity that the sandbox's user has in it.

    `ledger` has a dict for each line: the fields of the contract's Transaction, and Year, Sort, CustomerId,
    DepartmentId, ProjectId and DraftName, the name that its draft had; the API tells none of these.
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
    images: dict[int, Image] = field(default_factory=dict)

    def pages(self, stamp_no: int) -> list[Image]:
        """The saved pages with this stamp number."""
        return [image for image in self.images.values() if image.page and image.stamp_no == stamp_no]

    def pages_of(self, draft: Draft) -> int:
        """How many pages a person sees beside the draft."""
        return sum(len(self.pages(number)) for number in {entry["StampNo"] for entry in draft.entries})

    def type_of(self, number: int) -> VoucherType | None:
        """The voucher type with this Sort, if any."""
        return next((kind for kind in self.types if kind.number == number), None)

    def next_number(self, year: int, series: int) -> int:
        """The number after the highest one booked in the series of the year. It is not reserved."""
        sorts = {kind.number for kind in self.types if kind.series == series}
        used = (line["TransactionNo"] for line in self.ledger if line["Year"] == year and line["Sort"] in sorts)
        return max(used, default=0) + 1
