"""The rules from a payout to a voucher that a single golden file does not show."""

import itertools
import re
import tomllib
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import get_args

import pytest

from klarna24.bookkeeping.mapping import needs_rows, voucher_for
from klarna24.bookkeeping.payout import Payout, Transaction
from klarna24.bookkeeping.voucher import Currency, Entry, Unbalanced, Voucher, VoucherType
from klarna24.errors import Blocked
from klarna24.text import Language
from tests.support import bookkeeping as build
from tests.support.bookkeeping import ALL_ACCOUNTS, Json, row

ITEMISED: Json = {
    "transfer": "itemised",
    "accounts": ALL_ACCOUNTS,
    "references": {
        "order_id": "comment",
        "merchant_reference1": "invoice_no",
        "merchant_reference2": "ocr",
    },
}
ALL_TOTALS = {
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


def book(
    payout: Payout, rows: list[Transaction] | None = None, profile: Json | None = None, books: Json | None = None
) -> Voucher:
    voucher = voucher_for(payout, rows or [], build.profile(profile), build.books(books))
    assert voucher is not None
    return voucher


def hold(
    payout: Payout, rows: list[Transaction] | None = None, profile: Json | None = None, books: Json | None = None
) -> Blocked:
    with pytest.raises(Blocked) as held:
        voucher_for(payout, rows or [], build.profile(profile), build.books(books))
    return held.value


def amounts(voucher: Voucher, kind: str) -> list[str]:
    return sorted(str(entry.amount) for entry in voucher.entries if entry.kind == kind)


def charge_and_credit() -> list[Transaction]:
    return [row("CHARGE", 15_000, detailed_type=LONGEST_TYPE), row("CREDIT", 6_000, detailed_type="REVERSAL")]


# Entries


def test_nothing_is_netted() -> None:
    """Sixteen totals and the settlement are seventeen entries, although they share nine accounts."""
    voucher = book(build.payout(ALL_TOTALS), charge_and_credit(), {"accounts": ALL_ACCOUNTS})
    assert len(voucher.entries) == len({entry.kind for entry in voucher.entries}) == 17


def test_equal_totals_on_opposite_sides_stay_two_entries() -> None:
    totals = {"settlement": 10_000, "sale": 10_000, "fee": 500, "fee_refund": 500}
    voucher = book(build.payout(totals))
    assert amounts(voucher, "fee") == ["5.00"]
    assert amounts(voucher, "fee_refund") == ["-5.00"]


def test_gross_whose_fee_terms_cancel_out_books_them() -> None:
    """If the identity holds with the fee terms, they are booked: also where it holds without them."""
    totals = {"settlement": 10_000, "sale": 10_000, "fee": 500, "fee_refund": 500}
    voucher = book(build.payout(totals, merchant_settlement_type="GROSS"))
    assert {entry.kind for entry in voucher.entries} == {"settlement", "sale", "fee", "fee_refund"}


def test_every_entry_is_in_two_decimals_and_none_is_zero() -> None:
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
def test_twelve_hundred_sales_are_one_entry_a_row(transfer: str) -> None:
    sales = [row("SALE", 10_000 + n, order_id=f"order-{n}") for n in range(1200)]
    fees = [row("FEE", minor, order_id=f"order-{n}") for n in range(1200) for minor in (250, 29)]
    totals = {"sale": 12_719_400, "fee": 334_800, "tax": 83_700, "settlement": 12_300_900}
    voucher = book(build.payout(totals), sales + fees, {**ITEMISED, "transfer": transfer})
    assert amounts(voucher, "sale") == sorted(f"-{100 + Decimal(n) / 100:.2f}" for n in range(1200))
    assert amounts(voucher, "tax") == ["837.00"]
    if transfer == "itemised":
        assert amounts(voucher, "fee") == ["3348.00"]
    else:
        assert amounts(voucher, "fee") == ["0.29"] * 1200 + ["2.50"] * 1200


@pytest.mark.parametrize("transfer", ["lump", "itemised", "itemised-fees"])
def test_charges_and_credits_are_one_entry_a_detailed_type_in_every_mode(transfer: str) -> None:
    rows = [row("SALE", 10_000, order_id="order-1")]
    rows += [row("CHARGE", minor, detailed_type=kind) for minor, kind in ((100, "A"), (200, "B"), (300, "A"))]
    profile = {"transfer": transfer, "accounts": {"charges": {"A": 6570, "other": 6990}}}
    voucher = book(build.payout({"settlement": 9_400, "sale": 10_000, "charge": 600}), rows, profile)
    charges = {(e.account_no, str(e.amount), e.comment) for e in voucher.entries if e.kind == "charge"}
    assert charges == {
        (6570, "4.00", "Klarna XISA93DJ charge A"),
        (6990, "2.00", "Klarna XISA93DJ charge B"),
    }


def test_department_project_and_customer_stand_on_itemised_entries_too() -> None:
    voucher_settings = {"department_id": 10, "project_id": 7, "customer_id": 1001}
    profile = {**ITEMISED, "voucher": voucher_settings, "accounts": {"receivable": 1510}}
    rows = [row("SALE", 6_000), row("SALE", 4_000)]
    voucher = book(build.payout({"settlement": 10_000, "sale": 10_000}), rows, profile)
    found = [(e.account_no, e.customer_id, e.department_id, e.project_id) for e in voucher.entries]
    assert found == [(1930, None, 10, 7), (1510, 1001, 10, 7), (1510, 1001, 10, 7)]


def test_rows_of_the_same_reference_in_another_currency_are_another_payouts() -> None:
    rows = [row("SALE", 10_000), row("SALE", 700, currency_code="EUR")]
    voucher = book(build.payout({"settlement": 10_000, "sale": 10_000}), rows, ITEMISED)
    assert amounts(voucher, "sale") == ["-100.00"]


def test_in_lump_rows_that_are_not_needed_are_not_missed() -> None:
    """Rows are fetched for a charge: that the sales have none is no reason to hold."""
    totals = {"settlement": 9_000, "sale": 10_000, "charge": 1_000}
    voucher = book(build.payout(totals), [row("CHARGE", 1_000)], {"accounts": ALL_ACCOUNTS})
    assert amounts(voucher, "sale") == ["-100.00"]


@pytest.mark.parametrize(
    ("totals", "profile", "currency", "needed"),
    [
        ({"settlement": 100, "sale": 100}, {}, "SEK", False),
        ({"settlement": 100, "sale": 100}, {"transfer": "itemised"}, "SEK", True),
        ({"settlement": 100, "sale": 100}, {"transfer": "itemised-fees"}, "SEK", True),
        ({"settlement": 90, "sale": 100, "charge": 10}, {}, "SEK", True),
        ({"settlement": 110, "sale": 100, "credit": 10}, {}, "SEK", True),
        ({"settlement": 100, "sale": 100}, {}, "EUR", True),  # its message shows VAT, which rows alone have
    ],
)
def test_rows_are_asked_for_where_the_totals_do_not_suffice(
    totals: Json, profile: Json, currency: str, needed: bool
) -> None:
    payout = build.payout(totals, currency_code=currency)
    assert needs_rows(payout, build.profile(profile), build.books()) is needed


# Comments and the anchor


@pytest.mark.parametrize("language", get_args(Language))
@pytest.mark.parametrize("length", [1, 8, 36, 42, 43, 47, 48, 49, 50, 61, 62, 75, 200])
def test_a_comment_has_at_most_75_characters_and_the_reference_is_never_cut(length: int, language: str) -> None:
    """And no payout is blocked for its language: the words of another one may be longer, and are cut."""
    payout = build.payout(ALL_TOTALS, payment_reference="x" * length)
    profile = {"accounts": ALL_ACCOUNTS, "language": language}
    if length + len("Klarna  commission reversed") > 75:  # the longest of the English words
        held = hold(payout, charge_and_credit(), profile)
        assert held.code == "reference-too-long"
        return
    voucher = book(payout, charge_and_credit(), profile)
    assert all(len(entry.comment) <= 75 for entry in voucher.entries)
    assert all(entry.comment.startswith(f"Klarna {'x' * length} ") for entry in voucher.entries)


@pytest.mark.parametrize(
    ("totals", "rows", "account_no", "amount"),
    [
        # the payout entry, however small it is
        ({"settlement": 1, "sale": 10_000, "return": 9_999}, [("SALE", 10_000), ("RETURN", 9_999)], 1930, "0.01"),
        # zero: the largest entry that is no row
        (
            {"settlement": 0, "sale": 10_000, "fee": 4_000, "tax": 1_000, "holdback": 5_000},
            [("SALE", 10_000)],
            1688,
            "50.00",
        ),
        # rows alone
        ({"settlement": 0, "sale": 900, "return": 900}, [("SALE", 900), ("RETURN", 900)], 1580, None),
    ],
)
def test_the_anchors_comment_always_begins_with_the_payment_reference(
    totals: Json, rows: list[tuple[str, int]], account_no: int, amount: str | None
) -> None:
    transactions = [row(kind, minor, order_id=f"order-{minor}") for kind, minor in rows]
    voucher = book(build.payout(totals), transactions, ITEMISED)
    assert voucher.anchor.comment.startswith("Klarna XISA93DJ ")
    assert voucher.anchor.account_no == account_no
    assert amount is None or str(voucher.anchor.amount) == amount
    assert voucher.name == "Klarna XISA93DJ 2026-11-19"


def test_a_reference_in_the_comment_stands_there_unchanged() -> None:
    """75 characters fit; 76 are blocked, not cut."""
    payout = build.payout({"settlement": 10_000, "sale": 10_000})
    voucher = book(payout, [row("SALE", 10_000, order_id="å" * 75)], ITEMISED)
    assert voucher.entries[1].comment == "å" * 75
    held = hold(payout, [row("SALE", 10_000, order_id="å" * 76)], ITEMISED)
    assert held.code == "reference-too-long"


# The order of rows


ROWS = (
    row("SALE", 5_000, order_id="order-1"),
    row("SALE", 4_000, order_id="order-2"),
    row("RETURN", 1_000, order_id="order-3"),
    row("CHARGE", 500, detailed_type="B"),
    row("CHARGE", 500, detailed_type="A"),
)


def test_the_fingerprint_is_the_same_in_whatever_order_the_rows_come() -> None:
    payout = build.payout({"settlement": 7_000, "sale": 9_000, "return": 1_000, "charge": 1_000})
    prints = {book(payout, list(rows), ITEMISED).fingerprint() for rows in itertools.permutations(ROWS)}
    assert len(prints) == 1


def test_the_fingerprint_is_the_same_where_the_anchor_is_one_of_equal_rows() -> None:
    """Rows alone, and none larger than the others: the order of Klarna's answer does not choose the anchor."""
    payout = build.payout({"settlement": 0, "sale": 10_000, "return": 10_000})
    types = ("SALE", "SALE", "RETURN", "RETURN")
    rows = [row(kind, 5_000, order_id=f"order-{n}") for n, kind in enumerate(types)]
    prints = {book(payout, list(order), ITEMISED).fingerprint() for order in itertools.permutations(rows)}
    assert len(prints) == 1


def test_the_fingerprint_tells_another_reference_and_another_amount_apart() -> None:
    payout = build.payout({"settlement": 10_000, "sale": 10_000})
    prints = {
        book(payout, rows, ITEMISED).fingerprint()
        for rows in (
            [row("SALE", 6_000, order_id="order-1"), row("SALE", 4_000, order_id="order-2")],
            [row("SALE", 6_000, order_id="order-1"), row("SALE", 4_000, order_id="order-3")],
            [row("SALE", 6_001, order_id="order-1"), row("SALE", 3_999, order_id="order-2")],
        )
    }
    assert len(prints) == 3


def test_the_fingerprint_is_the_same_in_every_language() -> None:
    """What an Exception may have saved is not sent again because the profile's language changed."""
    payout = build.payout(ALL_TOTALS)
    vouchers = [
        book(payout, charge_and_credit(), {"accounts": ALL_ACCOUNTS, "language": language})
        for language in get_args(Language)
    ]
    assert len({tuple(entry.comment for entry in voucher.entries) for voucher in vouchers}) == len(vouchers)
    assert len({voucher.fingerprint() for voucher in vouchers}) == 1


def test_the_fingerprint_tells_another_kind_and_another_account_apart() -> None:
    """Although the words of the comment are no part of it."""
    voucher = book(build.payout({"settlement": 10_000, "sale": 10_000}))
    payout, sale = voucher.entries
    others = [replace(sale, kind="return"), replace(sale, account_no=1581), replace(sale, department_id=10)]
    prints = {replace(voucher, entries=(payout, entry)).fingerprint() for entry in (sale, *others)}
    assert len(prints) == 4


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
def test_a_voucher_bears_the_day_where_the_shop_is(payout_date: str, timezone: str, day: date) -> None:
    payout = build.payout({"settlement": 100, "sale": 100}, payout_date=payout_date)
    assert book(payout, profile={"timezone": timezone}).date == day


@pytest.mark.parametrize(("setting", "year"), [(None, 2026), ("start", 2026), ("end", 2026)])
def test_a_fiscal_year_within_one_calendar_year_is_not_split(setting: str | None, year: int) -> None:
    """Its end is exclusive: a short year to the first of January ends in December."""
    payout = build.payout({"settlement": 100, "sale": 100})
    profile = {"voucher": {"fiscal_year": setting} if setting else {}}
    for years in ([["2026-01-01", "2027-01-01"]], [["2026-07-01", "2027-01-01"]]):
        assert book(payout, profile=profile, books={"fiscal_years": years}).year == year


# Blocked


def test_a_residual_is_blocked_with_the_sum_the_settlement_and_the_difference() -> None:
    held = hold(build.payout({"settlement": 96_251, "sale": 100_000, "fee": 3_000, "tax": 750}))
    assert held.code == "residual"
    assert all(figure in held.message for figure in ("962.50", "962.51", "0.01 SEK"))
    assert held.hint


def test_a_wrong_debt_is_blocked_with_all_four_figures() -> None:
    totals = {"settlement": 70_000, "sale": 100_000, "repay": 40_000, "deposit": 10_000}
    held = hold(build.payout({**totals, "opening_debt": 50_000, "closing_debt": 20_001}))
    assert held.code == "debt"
    assert all(figure in held.message for figure in ("500.00", "400.00", "100.00", "200.00", "200.01"))
    assert held.hint


def test_rows_that_do_not_add_up_are_blocked_with_both_sums() -> None:
    held = hold(build.payout({"settlement": 10_000, "sale": 10_000}), [row("SALE", 9_000)], ITEMISED)
    assert held.code == "rows-mismatch"
    assert all(figure in held.message for figure in ("90.00", "100.00"))


@pytest.mark.parametrize("account", ["fees", "debt"])
def test_a_missing_account_is_blocked_and_the_message_holds_the_toml_line(account: str) -> None:
    profile = {"accounts": {**ALL_ACCOUNTS, account: None}}
    held = hold(build.payout(ALL_TOTALS), charge_and_credit(), profile)
    assert held.code == "account-missing"
    assert f"{account} = " in held.message


@pytest.mark.parametrize(
    ("accounts", "types", "kept"),
    [
        ({}, ("A", "LOAN_FEE"), {}),
        ({"charges": 6990}, ("A", "LOAN_FEE"), {"A": 6990}),
        ({"charges": {"A": 6570, "other": 6990}}, ("A", "B", "LOAN_FEE"), {"A": 6570, "B": 6990}),
        ({}, ("Å b",), {}),
    ],
    ids=["nothing yet", "a number", "a table", "no bare key"],
)
def test_the_toml_lines_with_a_number_filled_in_book_the_payout(
    accounts: Json, types: tuple[str, ...], kept: dict[str, int]
) -> None:
    """What the profile is asked to add is TOML, no key of it stands twice, and in the place of a line of the
    same name it loses nothing that was there: else one held payout becomes a file that cannot be read."""
    total = 100 * len(types)
    rows = [row("CHARGE", 100, detailed_type=kind) for kind in types]
    payout = build.payout({"settlement": 10_000 - total, "sale": 10_000, "charge": total})
    held = hold(payout, rows, {"accounts": accounts})
    assert held.code == "account-missing"
    lines = re.findall(r"\w+ = (?:\{.*?\}|ACCOUNT)", f"{held.message} {held.hint}")
    asked = tomllib.loads("\n".join(lines).replace("ACCOUNT", "6352"))
    voucher = book(payout, rows, {"accounts": {**accounts, **asked}})
    booked = {e.comment.split("charge ")[1]: e.account_no for e in voucher.entries if e.kind == "charge"}
    assert booked == {**dict.fromkeys(types, 6352), **kept}


def test_an_account_that_is_not_in_the_chart_is_blocked_although_the_profile_has_it() -> None:
    held = hold(build.payout({"settlement": 100, "sale": 100}), books={"chart": {"1580": None}})
    assert held.code == "account-unknown"
    assert "1580" in held.message


def test_an_account_that_this_payout_does_not_need_may_be_missing_in_the_chart() -> None:
    book(build.payout({"settlement": 100, "sale": 100}), books={"chart": {"6064": None, "2641": None}})


def test_a_negative_row_is_blocked_although_the_rows_add_up() -> None:
    """Amounts are magnitudes (facts: "A negative magnitude is suspicious")."""
    rows = [row("SALE", 12_000), row("SALE", -2_000)]
    assert hold(build.payout({"settlement": 10_000, "sale": 10_000}), rows, ITEMISED).code == "negative"


def test_a_blocked_foreign_payout_shows_klarnas_own_vat_less_what_was_refunded() -> None:
    """In the currency of the country where the merchant is registered: what the person needs who books it."""
    fields = {"currency_code": "EUR", "currency_code_of_registration_country": "SEK"}
    rows = [
        row("FEE", 500, tax_in_currency_of_registration_country=1_400, **fields),
        row("FEE_REFUND", 100, tax_in_currency_of_registration_country=280, **fields),
    ]
    totals = {"settlement": 9_500, "sale": 10_000, "fee": 500, "fee_refund": 100, "tax": 100}
    held = hold(build.payout(totals, currency_code="EUR"), rows)
    assert held.code == "currency"
    assert "11.20 SEK" in held.message or all(figure in held.message for figure in ("14.00 SEK", "2.80 SEK"))


# A voucher that does not balance


@pytest.fixture
def voucher() -> Voucher:
    entries = (
        Entry(1930, Decimal("100.00"), "settlement", "Klarna X payout"),
        Entry(1580, Decimal("-100.00"), "sale", "Klarna X sales"),
    )
    kind = VoucherType(9, "Diverse", 3)
    return Voucher("X", date(2026, 11, 19), kind, 2026, Currency("SEK"), entries, entries[0])


def test_an_unbalanced_voucher_cannot_be_constructed(voucher: Voucher) -> None:
    with pytest.raises(Unbalanced, match=r"0\.01"):
        replace(voucher, entries=(voucher.anchor, replace(voucher.entries[1], amount=Decimal("-99.99"))))


def test_a_voucher_without_its_anchor_cannot_be_constructed(voucher: Voucher) -> None:
    with pytest.raises(Unbalanced, match="anchor"):
        replace(voucher, anchor=replace(voucher.anchor, account_no=1940))
    with pytest.raises(Unbalanced, match="anchor"):
        replace(voucher, entries=())


@pytest.mark.parametrize("amount", ["0", "0.005", "1E-3"])
def test_an_entry_of_nothing_or_of_half_an_ore_cannot_be_in_a_voucher(voucher: Voucher, amount: str) -> None:
    pair = [Entry(1580, sign * Decimal(amount), "sale", "Klarna X sales") for sign in (1, -1)]
    with pytest.raises(Unbalanced, match="two decimals"):
        replace(voucher, entries=(*voucher.entries, *pair))
