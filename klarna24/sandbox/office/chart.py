"""The data that a company in the sandbox starts with: chart, voucher types, VAT codes, rates, customers."""

from decimal import Decimal
from pathlib import Path

from klarna24.sandbox.office.company import Currency, Customer, TaxCode, VoucherType


def chart(name: str) -> dict[int, str]:
    """A chart of accounts below charts/: names by number."""
    lines = (Path(__file__).parent / "charts" / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    return {int(number): title for number, _, title in (line.partition(" ") for line in lines)}


BAS = chart("bas-2025")

# Ids, numbers and series differ, so that a test shows when a client confuses them.
TYPES = [
    VoucherType(type_id=501, number=0, title="Ingående balans", series=0),
    VoucherType(type_id=502, number=-1, title="Årsavslut", series=0),
    VoucherType(type_id=511, number=1, title="Kundfaktura", series=11),
    VoucherType(type_id=512, number=2, title="Leverantörsfaktura", series=12),
    VoucherType(type_id=513, number=3, title="Inbetalning", series=13),
    VoucherType(type_id=519, number=9, title="Diverse", series=15),
    VoucherType(type_id=520, number=10, title="Lön", series=16),
]

TAX_CODES = [
    TaxCode(tax_id=71, number="0", name="Ingen moms", rate=Decimal(0), account_no=None),
    TaxCode(tax_id=72, number="1", name="Ingående moms 25 %", rate=Decimal("25.00"), account_no=2641),
    TaxCode(tax_id=73, number="11", name="Utgående moms 25 %", rate=Decimal("25.00"), account_no=2611),
]

CURRENCIES = [
    Currency("SEK", 1, Decimal(1), 1),
    Currency("EUR", 2, Decimal("11.4250"), 1),
    Currency("NOK", 3, Decimal("97.8000"), 100),
]

DEPARTMENTS = {10: "Butik", 20: "Lager"}

CUSTOMERS = {
    1001: Customer("Klarna Bank AB", "Business"),
    1002: Customer("Klarna Bank AB (leverantör)", "Supplier"),
}
