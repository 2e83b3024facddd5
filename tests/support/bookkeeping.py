"""Builders for bookkeeping: Klarna's JSON, the profiles of two small web shops, their books, and their vouchers.

Their accounts are those of docs/vendors/bookkeeping.md, "Accounts": BAS 2026 for the Swedish shop, NS 4102 for the
Norwegian one, and where the table says "asked" or "own", what an accountant would open.
"""

import json
from datetime import date
from typing import Any

import pytest

from klarna24.bookkeeping.mapping import voucher_for
from klarna24.bookkeeping.payout import Payout, Transaction
from klarna24.bookkeeping.voucher import Books, FiscalYear, Voucher, VoucherType
from klarna24.config.tables import Profile
from klarna24.errors import Blocked
from klarna24.klarna.answers import parse_payout, parse_transactions

Json = dict[str, Any]

NOBODY = "00000000-0000-0000-0000-000000000000"
PROFILE: Json = {
    "start_date": date(2026, 1, 1),
    "timezone": "Europe/Stockholm",
    "klarna": {"username": "K123456_abcdef", "password": {"env": "SHOP1_KLARNA"}},
    "24sevenoffice": {
        "username": "integration@shop1.se",
        "password": {"env": "SHOP1_24SEVENOFFICE"},
        "application_id": NOBODY,
        "identity_id": NOBODY,
        "client_id": 1234567,
    },
    "accounts": {"payout": 1940, "receivable": 1686, "fees": 6064, "fees_vat": 2641},
}
# What the Norwegian shop has instead. It names no account for VAT on fees: what Klarna writes there is unknown.
NORWEGIAN: Json = {
    "timezone": "Europe/Oslo",
    "language": "nb",
    "accounts": {"payout": 1945, "receivable": 1577, "fees": 7770, "fees_vat": None},
}
# Enough for every total. Reversals have an account of their own, so that only those totals share an account that
# share a row of the table of accounts.
ALL_ACCOUNTS: Json = {
    "payout": 1940,
    "receivable": 1686,
    "fees": 6064,
    "fees_vat": 2641,
    "reversals": 6351,
    "commission": 3921,
    "holdback": 1689,
    "debt": 2899,
    "charges": 6990,
    "credits": 3990,
}
# Every total, with its settlement and debts; minor units.
ALL_TOTALS: Json = {
    "settlement": 773_698,
    "sale": 1_000_000,
    "return": 120_000,
    "reversal": 30_000,
    "fee": 29_000,
    "fee_correction": 410,
    "fee_refund": 1_230,
    "tax": 7_250,
    "tax_refund": 308,
    "commission": 2_500,
    "commission_reversal": 500,
    "charge": 15_000,
    "credit": 6_000,
    "holdback": 50_000,
    "release": 40_000,
    "repay": 35_000,
    "deposit": 10_000,
    "opening_debt": 35_000,
    "closing_debt": 10_000,
}
LONGEST_TYPE = "TRANSFER_FROM_LEGACY_INTEGRATION"
ITEMISED: Json = {
    "transfer": "itemised",
    "accounts": ALL_ACCOUNTS,
    "references": {"order_id": "comment", "merchant_reference1": "invoice_no", "merchant_reference2": "ocr"},
}
CHART = {
    1510: "Kundfordringar",
    1516: "Tvistiga kundfordringar",
    1535: "Klarnafordringar, reskontra",
    1686: "Fordringar för kontokort och kuponger",
    1689: "Övriga kortfristiga fordringar",
    1930: "Företagskonto",
    1940: "Avräkning Klarna",
    2411: "Kortfristiga lån från kreditinstitut",
    2419: "Övriga kortfristiga skulder till kreditinstitut",
    2614: "Utgående moms omvänd betalningsskyldighet, 25 %",
    2641: "Debiterad ingående moms",
    2645: "Beräknad ingående moms på förvärv från utlandet",
    2890: "Övriga kortfristiga skulder",
    2899: "Övriga kortfristiga skulder",
    3921: "Provisionsintäkter",
    3960: "Valutakursvinster på fordringar och skulder av rörelsekaraktär",
    3990: "Övriga ersättningar, bidrag och intäkter",
    6064: "Factoringavgifter",
    6069: "Övriga kreditförsäljningskostnader",
    6351: "Konstaterade förluster på kundfordringar",
    6990: "Övriga externa kostnader",
    7960: "Valutakursförluster på fordringar och skulder av rörelsekaraktär",
    8421: "Räntekostnader till kreditinstitut",
}
NORWEGIAN_CHART = {
    1500: "Kundefordringer",
    1577: "Fordringer på Klarna",
    1579: "Andre kortsiktige fordringer",
    1920: "Bankinnskudd",
    1945: "Klarna, oppgjørskonto",
    1950: "Bankinnskudd, skattetrekk",
    2390: "Annen gjeld til kredittinstitusjoner",
    2702: "Utgående mva, tjenester kjøpt fra utlandet",
    2711: "Inngående mva",
    2712: "Inngående mva, tjenester kjøpt fra utlandet",
    2999: "Annen kortsiktig gjeld",
    3705: "Provisjonsinntekter, avgiftsfrie",
    3900: "Annen driftsrelatert inntekt",
    7770: "Bank- og kortgebyrer",
    7790: "Annen kostnad, fradragsberettiget",
    7830: "Tap på fordringer",
    8060: "Valutagevinst (agio)",
    8160: "Valutatap (disagio)",
    8170: "Annen finanskostnad",
}
PAYOUT: Json = {
    "payment_reference": "XISA93DJ",
    "payout_date": "2026-11-19T09:00:00.000Z",
    "currency_code": "SEK",
    "merchant_settlement_type": "NET",
    "merchant_id": "N100198",
    "totals": {"settlement_amount": 0},
}


def merged(base: Json, over: Json) -> Json:
    """Return ``base`` with the tables of ``over`` merged into it; None removes a key."""
    result = dict(base)
    for key, value in over.items():
        if isinstance(value, dict) and isinstance(result.get(key), dict):
            result[key] = merged(result[key], value)
        elif value is None:
            result.pop(key, None)
        else:
            result[key] = value
    return result


def profile(over: Json | None = None, *, norwegian: bool = False) -> Profile:
    """Return the profile shop1: lump, the accounts that every payout needs, and what ``over`` adds."""
    base = merged(PROFILE, NORWEGIAN) if norwegian else PROFILE
    made = Profile.model_validate(merged(base, over or {}))
    made._name = "shop1"
    return made


def books(over: Json | None = None, *, norwegian: bool = False) -> Books:
    """Return the books of a company with calendar years; ``over`` is JSON, as in the golden files."""
    over = over or {}
    base = NORWEGIAN_CHART if norwegian else CHART
    chart = merged({str(number): name for number, name in base.items()}, over.get("chart", {}))
    years = over.get("fiscal_years", [[f"{y}-01-01", f"{y + 1}-01-01"] for y in (2025, 2026, 2027)])
    return Books(
        home_currency=over.get("home_currency", "NOK" if norwegian else "SEK"),
        chart={int(number): name for number, name in chart.items()},
        voucher_type=VoucherType(number=9, title="Diverse", series_id=3),
        fiscal_years=tuple(
            FiscalYear(date.fromisoformat(start), date.fromisoformat(end), locked=bool(locked))
            for start, end, *locked in years
        ),
    )


def payout_json(totals: Json | None = None, **over: Any) -> Json:
    """Return Klarna's JSON of a payout. Totals have their short names, and are in minor units."""
    return merged(PAYOUT, {**over, "totals": {_full(name): minor for name, minor in (totals or {}).items()}})


def _full(name: str) -> str:
    return f"{name}_balance_amount" if name.endswith("_debt") else f"{name}_amount"


def payout(totals: Json | None = None, **over: Any) -> Payout:
    """Return a payout as the client makes it of Klarna's JSON."""
    return payout_of(payout_json(totals, **over))


def payout_of(raw: Json) -> Payout:
    """Return the payout as the client makes it of Klarna's JSON; it must be readable."""
    made = parse_payout(json.dumps(raw))
    assert isinstance(made, Payout)
    return made


def transactions(rows: list[Json]) -> list[Transaction]:
    """Return rows as the client makes them of Klarna's JSON."""
    page = parse_transactions(json.dumps({"transactions": rows, "pagination": {"total": len(rows)}}))
    return [row.transaction for row in page.items]


def row(type_: str, minor: int, **fields: Any) -> Transaction:
    """Return a row of ``minor`` öre."""
    return transactions([{"type": type_, "amount": minor, "currency_code": "SEK", **fields}])[0]


def book(
    payout: Payout, rows: list[Transaction] | None = None, over: Json | None = None, books_over: Json | None = None
) -> Voucher:
    """Return the voucher of a payout that can be booked."""
    voucher = voucher_for(payout, rows or [], profile(over), books(books_over))
    assert voucher is not None
    return voucher


def block(
    payout: Payout, rows: list[Transaction] | None = None, over: Json | None = None, books_over: Json | None = None
) -> Blocked:
    """Return the reason why a payout is blocked."""
    with pytest.raises(Blocked) as blocked:
        voucher_for(payout, rows or [], profile(over), books(books_over))
    return blocked.value


def amounts(voucher: Voucher, kind: str) -> list[str]:
    """Return the amounts of the entries of one kind, sorted as text."""
    return sorted(str(entry.amount) for entry in voucher.entries if entry.kind == kind)


def needed_rows() -> list[Transaction]:
    """Return the rows that ALL_TOTALS needs in lump mode."""
    return [
        row("REVERSAL", 30_000, detailed_type="REVERSAL"),
        row("CHARGE", 15_000, detailed_type=LONGEST_TYPE),
        row("CREDIT", 6_000, detailed_type="CORRECTION_DISPUTE"),
    ]
