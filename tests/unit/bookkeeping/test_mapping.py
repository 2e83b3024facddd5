"""Rules from a payout to a voucher that a single golden file does not show: entries, rows, and the date."""

from datetime import date
from decimal import Decimal

import pytest

from klarna24.bookkeeping.mapping import needs_rows
from tests.support import bookkeeping as build
from tests.support.bookkeeping import (
    ITEMISED,
    Json,
    amounts,
    book,
)


@pytest.mark.parametrize("transfer", ["itemised", "itemised-fees"])
def test_twelve_hundred_sales_are_one_entry_for_each_row(transfer: str) -> None:
    rows: list[Json] = [{"type": "SALE", "amount": 10_000 + n, "order_id": f"order-{n}"} for n in range(1200)]
    rows += [{"type": "FEE", "amount": minor, "order_id": f"{n}"} for n in range(1200) for minor in (250, 29)]
    totals = {"sale": 12_719_400, "fee": 334_800, "tax": 83_700, "settlement": 12_300_900}
    transactions = build.transactions([{**it, "currency_code": "SEK"} for it in rows])
    voucher = book(build.payout(totals), transactions, {**ITEMISED, "transfer": transfer})
    assert amounts(voucher, "sale") == sorted(f"-{100 + Decimal(n) / 100:.2f}" for n in range(1200))
    assert amounts(voucher, "tax") == ["837.00"]
    by_row = ["0.29"] * 1200 + ["2.50"] * 1200
    assert amounts(voucher, "fee") == (["3348.00"] if transfer == "itemised" else by_row)


@pytest.mark.parametrize(
    ("totals", "profile", "currency", "needed"),
    [
        ({"settlement": 100, "sale": 100}, {}, "SEK", False),
        ({"settlement": 100, "sale": 100}, {"transfer": "itemised"}, "SEK", True),
        ({"settlement": 100, "sale": 100}, {"transfer": "itemised-fees"}, "SEK", True),
        ({"settlement": 90, "sale": 100, "charge": 10}, {}, "SEK", True),
        ({"settlement": 110, "sale": 100, "credit": 10}, {}, "SEK", True),
        ({"settlement": 100, "sale": 100}, {}, "EUR", True),  # the message shows VAT, which only rows have
    ],
)
def test_rows_are_asked_for_if_the_totals_do_not_suffice(
    totals: Json, profile: Json, currency: str, needed: bool
) -> None:
    payout = build.payout(totals, currency_code=currency)
    assert needs_rows(payout, build.profile(profile), build.books()) is needed


@pytest.mark.parametrize(
    ("payout_date", "timezone", "day"),
    [
        ("2026-11-18T23:30:00Z", "Europe/Stockholm", date(2026, 11, 19)),
        ("2026-11-18T22:30:00Z", "Europe/Stockholm", date(2026, 11, 18)),
        ("2026-07-18T22:30:00Z", "Europe/Stockholm", date(2026, 7, 19)),  # summer time
        ("2026-11-18T23:30:00Z", "Europe/London", date(2026, 11, 18)),
        ("2026-11-18T04:30:00Z", "America/New_York", date(2026, 11, 17)),
        ("2026-11-18T23:42:00Z", "Europe/Helsinki", date(2026, 11, 19)),
    ],
)
def test_a_voucher_is_dated_with_the_day_in_the_shops_time_zone(
    payout_date: str, timezone: str, day: date
) -> None:
    payout = build.payout({"settlement": 100, "sale": 100}, payout_date=payout_date)
    assert book(payout, over={"timezone": timezone}).date == day
