"""Rules from a payout to a voucher that a single golden file does not show: entries, rows, and the date."""

from datetime import date
from decimal import Decimal

import pytest

from klarna24.bookkeeping.mapping import needs_rows
from tests.support import bookkeeping as build
from tests.support.bookkeeping import (
    ALL_ACCOUNTS,
    ALL_TOTALS,
    ITEMISED,
    Json,
    amounts,
    block,
    book,
    charge_and_credit,
    row,
)


def test_nothing_is_netted() -> None:
    """Sixteen totals and the settlement are seventeen entries, although they share nine accounts."""
    voucher = book(build.payout(ALL_TOTALS), charge_and_credit(), {"accounts": ALL_ACCOUNTS})
    assert len(voucher.entries) == len({entry.kind for entry in voucher.entries}) == 17


@pytest.mark.parametrize("settlement_type", ["NET", "GROSS"])
def test_equal_totals_on_opposite_sides_stay_two_entries(settlement_type: str) -> None:
    """Under GROSS as well: where the sum holds with the fee terms, they are booked, also if it holds without."""
    totals = {"settlement": 10_000, "sale": 10_000, "fee": 500, "fee_refund": 500}
    voucher = book(build.payout(totals, merchant_settlement_type=settlement_type))
    assert {entry.kind for entry in voucher.entries} == {"settlement", "sale", "fee", "fee_refund"}
    assert (amounts(voucher, "fee"), amounts(voucher, "fee_refund")) == (["5.00"], ["-5.00"])


def test_every_entry_has_two_decimals_and_none_is_zero() -> None:
    rows = [row("SALE", 10_000), row("SALE", 0)]
    voucher = book(build.payout({"settlement": 10_000, "sale": 10_000}), rows, ITEMISED)
    assert [str(entry.amount) for entry in voucher.entries] == ["100.00", "-100.00"]


def test_two_equal_refunds_are_both_kept() -> None:
    """A row has no id: two equal rows are two partial refunds."""
    refund = row("RETURN", 2_500, order_id="order-1", merchant_reference1="1001")
    rows = [row("SALE", 10_000, order_id="order-1"), refund, refund]
    voucher = book(build.payout({"settlement": 5_000, "sale": 10_000, "return": 5_000}), rows, ITEMISED)
    assert amounts(voucher, "return") == ["25.00", "25.00"]


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


@pytest.mark.parametrize("transfer", ["lump", "itemised", "itemised-fees"])
def test_charges_are_one_entry_for_each_detailed_type_in_every_mode(transfer: str) -> None:
    rows = [row("SALE", 10_000, order_id="order-1")]
    rows += [row("CHARGE", minor, detailed_type=kind) for minor, kind in ((100, "A"), (200, "B"), (300, "A"))]
    profile = {"transfer": transfer, "accounts": {"charges": {"A": 6570, "other": 6990}}}
    voucher = book(build.payout({"settlement": 9_400, "sale": 10_000, "charge": 600}), rows, profile)
    charges = {(e.account_no, str(e.amount), e.comment) for e in voucher.entries if e.kind == "charge"}
    assert charges == {
        (6570, "4.00", "Klarna XISA93DJ charge A"),
        (6990, "2.00", "Klarna XISA93DJ charge B"),
    }


def test_department_project_and_customer_are_on_itemised_entries_too() -> None:
    voucher_settings = {"department_id": 10, "project_id": 7, "customer_id": 1001}
    profile = {**ITEMISED, "voucher": voucher_settings, "accounts": {"receivable": 1510}}
    rows = [row("SALE", 6_000), row("SALE", 4_000)]
    voucher = book(build.payout({"settlement": 10_000, "sale": 10_000}), rows, profile)
    found = [(e.account_no, e.customer_id, e.department_id, e.project_id) for e in voucher.entries]
    assert found == [(1930, None, 10, 7), (1510, 1001, 10, 7), (1510, 1001, 10, 7)]


# Rows


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


def test_rows_of_another_currency_belong_to_another_payout_of_that_reference() -> None:
    rows = [row("SALE", 10_000), row("SALE", 700, currency_code="EUR")]
    voucher = book(build.payout({"settlement": 10_000, "sale": 10_000}), rows, ITEMISED)
    assert amounts(voucher, "sale") == ["-100.00"]


def test_in_lump_rows_that_are_not_needed_are_not_missed() -> None:
    """Rows are fetched for a charge; that there is none for the sales is no reason to block."""
    totals = {"settlement": 9_000, "sale": 10_000, "charge": 1_000}
    voucher = book(build.payout(totals), [row("CHARGE", 1_000)], {"accounts": ALL_ACCOUNTS})
    assert amounts(voucher, "sale") == ["-100.00"]


def test_rows_that_do_not_add_up_are_blocked_with_both_sums() -> None:
    blocked = block(build.payout({"settlement": 10_000, "sale": 10_000}), [row("SALE", 9_000)], ITEMISED)
    assert blocked.code == "rows-mismatch"
    assert all(figure in blocked.message for figure in ("90.00", "100.00"))


@pytest.mark.parametrize("kind", ["CHARGE", "CREDIT"])
def test_rows_of_a_total_that_is_zero_are_blocked_where_rows_are_booked(kind: str) -> None:
    """They would be booked nowhere, and the totals would not show it."""
    rows = [row("SALE", 10_000), row(kind, 500)]
    blocked = block(build.payout({"settlement": 10_000, "sale": 10_000}), rows, ITEMISED)
    assert (blocked.code, "5.00 SEK" in blocked.message) == ("rows-mismatch", True)


@pytest.mark.parametrize("minor", [-1, -2_000])
def test_a_negative_row_is_blocked_although_the_rows_add_up(minor: int) -> None:
    """Amounts are magnitudes, even one öre."""
    rows = [row("SALE", 10_000 - minor), row("SALE", minor)]
    blocked = block(build.payout({"settlement": 10_000, "sale": 10_000}), rows, ITEMISED)
    assert (blocked.code, f"{minor / 100:.2f} SEK" in blocked.message) == ("negative", True)


# The date


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
