"""What the tests of the mapping start from: Klarna's JSON, a profile of a small web shop, and its books."""

from datetime import date
from decimal import Decimal
from typing import Any

from klarna24.bookkeeping.payout import Payout, Transaction
from klarna24.bookkeeping.voucher import Books, Currency, FiscalYear, VoucherType
from klarna24.config.tables import File, Profile
from klarna24.klarna.client import parse_payout, parse_transaction

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
    "accounts": {"payout": 1930, "receivable": 1580, "fees": 6064, "fees_vat": 2641},
}
# Enough for every total. The reversals have an account of their own, so that no two roles but those that
# share a line of the money table share an account.
ALL_ACCOUNTS: Json = {
    "payout": 1930,
    "receivable": 1580,
    "fees": 6064,
    "fees_vat": 2641,
    "reversals": 6352,
    "commission": 3590,
    "holdback": 1688,
    "debt": 2890,
    "charges": 6990,
    "credits": 3990,
}
CHART = {
    1510: "Kundfordringar",
    1535: "Klarnafordringar, reskontra",
    1580: "Fordringar för kontokort och kuponger",
    1688: "Innehållet av Klarna",
    1930: "Företagskonto",
    1940: "Avräkning Klarna",
    2390: "Lån från Klarna",
    2420: "Leverantörsskulder, reskontra",
    2641: "Debiterad ingående moms",
    2890: "Skuld till Klarna",
    3590: "Provisionsintäkter",
    3990: "Övriga ersättningar och intäkter",
    6064: "Avgifter Klarna",
    6352: "Befarade kundförluster",
    6570: "Bankkostnader",
    6990: "Övriga externa kostnader",
    8410: "Räntekostnader",
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
    """``base`` with the tables of ``over`` merged into its own; None takes a key away."""
    result = dict(base)
    for key, value in over.items():
        if isinstance(value, dict) and isinstance(result.get(key), dict):
            result[key] = merged(result[key], value)
        elif value is None:
            result.pop(key, None)
        else:
            result[key] = value
    return result


def profile(over: Json | None = None) -> Profile:
    """Profile ``shop1``: lump, with the accounts that every payout needs, and what ``over`` adds."""
    file = File.model_validate({"profiles": {"shop1": merged(PROFILE, over or {})}})
    made = file.profiles["shop1"]
    made._name = "shop1"
    return made


def books(over: Json | None = None) -> Books:
    """A Swedish company with calendar years; ``over`` is JSON, as in the files below ``payouts/``."""
    over = over or {}
    chart = merged({str(number): name for number, name in CHART.items()}, over.get("chart", {}))
    years = over.get("fiscal_years", [[f"{y}-01-01", f"{y + 1}-01-01"] for y in (2025, 2026, 2027)])
    return Books(
        home_currency=over.get("home_currency", "SEK"),
        chart={int(number): name for number, name in chart.items()},
        voucher_type=VoucherType(number=9, title="Diverse", series_id=3),
        fiscal_years=tuple(
            FiscalYear(date.fromisoformat(start), date.fromisoformat(end), locked=bool(locked))
            for start, end, *locked in years
        ),
        currencies={
            symbol: Currency(symbol, Decimal(rate), unit)
            for symbol, (rate, unit) in over.get("currencies", {}).items()
        },
    )


def payout_json(totals: Json | None = None, **over: Any) -> Json:
    """Klarna's JSON of a payout. Totals by their short names, in minor units."""
    return merged(PAYOUT, {**over, "totals": {_full(name): minor for name, minor in (totals or {}).items()}})


def _full(name: str) -> str:
    return f"{name}_balance_amount" if name.endswith("_debt") else f"{name}_amount"


def payout(totals: Json | None = None, **over: Any) -> Payout:
    return parse_payout(payout_json(totals, **over))


def row(type_: str, minor: int, **fields: Any) -> Transaction:
    return parse_transaction({"type": type_, "amount": minor, "currency_code": "SEK", **fields})
