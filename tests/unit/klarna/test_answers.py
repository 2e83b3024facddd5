"""Klarna's answers as payouts, transactions and error texts: exact, or refused."""

import json
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from klarna24.bookkeeping.payout import SIGNS, Listed, OddPayout, Payout, Transaction
from klarna24.klarna.answers import Unreadable, error_text, parse_payout, parse_payouts, parse_transactions
from klarna24.text.reader import SPACE
from tests.support import bookkeeping as build
from tests.support.bookkeeping import Json
from tests.support.klarna import MERCHANT, a_payout
from tests.support.shops import OpenShop

GONE = object()
ROW: Json = {
    **dict.fromkeys(("detailed_type", "order_id", "merchant_reference1"), "x"),
    "type": "SALE",
    "amount": 100000,
    "currency_code": "SEK",
    "tax_in_currency_of_registration_country": 1,
}
DIRTY = "\x1b[31m[/b]X\nI\r\u202eS\x00A\u200b\x9b\u2028&<b> "
CLEAN = "[31m[/b]XISA&<b>"


def placed(item: Json, path: str, value: object) -> Json:
    """Return a copy with a value at ``totals.sale_amount``, or without that key."""
    item = deepcopy(item)
    *tables, key = path.split(".")
    inner: Any = item
    for table in tables:
        inner = inner[table]
    if value is GONE:
        del inner[key]
    else:
        inner[key] = value
    return item


# What does not follow the contract


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"{", b'{"payouts": []', b"\xff\xfe", b"[" * 5000, b"NaN,", b"{}{}"],
    ids=lambda body: repr(body[:16]),
)
def test_a_body_that_is_not_json_is_refused(body: bytes) -> None:
    for parse in (parse_payout, parse_payouts, parse_transactions):
        with pytest.raises(Unreadable, match=r"^the answer is not JSON$"):
            parse(body)


@pytest.mark.parametrize("body", ["[]", "null", "5", '"payouts"', "{}", '{"payouts": null}', '{"payouts": {}}'])
def test_json_of_another_shape_is_refused(body: str) -> None:
    for parse in (parse_payout, parse_payouts, parse_transactions):
        with pytest.raises(Unreadable, match=r"^the answer is not what the contract says: "):
            parse(body)


def among_others(*records: str) -> list[Listed]:
    """Return what is read of these records, in JSON, between two good ones, which stay as they are."""
    good = [json.dumps(a_payout(name)) for name in ("BEFORE", "AFTER")]
    body = f'{{"payouts": [{", ".join([good[0], *records, good[1]])}], "pagination": {{"total": 3}}}}'
    page = parse_payouts(body.encode("latin-1", "backslashreplace"))
    assert [page.items[0], page.items[-1]] == [parse_payout(one) for one in good]
    assert page.total == 3
    return page.items[1:-1]


@pytest.mark.parametrize(
    ("path", "values"),
    [
        (
            "totals.settlement_amount",
            (3000.5, 100.0, "100", True, None, [], {}, 2**63, -(2**63) - 1, 10**40, GONE),
        ),
        ("totals.sale_amount", (100.0, 1e5, "100000", False, [100], 2**63)),
        ("totals.opening_debt_balance_amount", (0.0, "0", True)),
        ("totals", (None, [], 5, GONE)),
        ("payment_reference", (None, "", 5, "\n", "  \x1b ", ["X"], GONE, "\ud800")),
        ("payout_date", (None, 5, "", "soon", "2026-13-01", "2026-11-19T25:00:00Z", GONE)),
        ("payout_date", ("0001-01-01T00:00:00+05:00", "9999-12-31T23:59:59-05:00", "1970-01-01T00:00:00Z")),
        ("currency_code", (None, "", 752, GONE)),
        ("currency_code_of_registration_country", (752,)),
        ("merchant_id", (None, "", 100198, GONE)),
        ("merchant_settlement_type", (None, 1, GONE)),
    ],
)
def test_a_payout_that_breaks_the_contract_is_odd_and_the_others_are_read(
    path: str, values: tuple[Any, ...]
) -> None:
    """An amount is an integer: a value that is nearly one is not rounded, cut or converted."""
    for value in values:
        (odd,) = among_others(json.dumps(placed(a_payout("XISA93DJ", fee_amount=5), path, value)))
        assert isinstance(odd, OddPayout)
        assert odd.why.startswith(f"{path}: ")
        # what can be read of it is shown, and nothing is guessed
        name = path.partition(".")[0]
        expected = ("5" if value == 5 else "unknown-") if name == "payment_reference" else "XISA93DJ"
        assert odd.payment_reference.startswith(expected)
        assert odd.merchant_id == ("" if name == "merchant_id" else MERCHANT)
        assert odd.currency == ("" if name == "currency_code" else "SEK")
        assert (odd.payout_date is None) == (name == "payout_date")
        assert odd.figures.get("fee") == (None if path == "totals" else Decimal("0.05"))


@pytest.mark.parametrize(
    "record",
    [
        *("null", "5", '"XISA93DJ"', "[]", "{}", "[" * 300 + "]" * 300, "NaN", "9" * 5000),
        '{"payment_reference": "\xe5\xff"}',  # bytes that are not UTF-8
    ],
    ids=lambda record: record[:9],
)
def test_a_record_that_is_no_payout_at_all_can_be_skipped_by_a_key_that_stays(record: str) -> None:
    odd, again, other = among_others(record, record, "-1")
    assert isinstance(odd, OddPayout)
    assert odd.payment_reference.startswith("unknown-")
    assert odd.payment_reference == again.payment_reference != other.payment_reference


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
FIELDS = [*a_payout("X"), *(f"totals.{name}" for name in a_payout("X")["totals"]), "new", "totals.new"]


@given(st.sampled_from(FIELDS), JSON)
def test_any_value_in_any_field_leaves_the_other_records_as_they_are(path: str, value: object) -> None:
    (record,) = among_others(json.dumps(placed(a_payout("XISA93DJ"), path, value)))
    assert record.payment_reference
    assert record.payment_reference.isprintable()


@pytest.mark.parametrize(
    "pagination", [None, [], {}, {"total": None}, {"total": 2.5}, {"total": -1}, {"total": "2"}]
)
def test_a_total_that_cannot_be_read_is_none(pagination: object) -> None:
    assert parse_payouts(json.dumps({"payouts": [a_payout("X")], "pagination": pagination})).total is None


def test_one_payout_without_a_reference_is_refused_rather_than_taken_for_another() -> None:
    for value in (None, "", [], GONE):
        with pytest.raises(Unreadable, match="payment_reference"):
            parse_payout(json.dumps(placed(a_payout("XISA93DJ"), "payment_reference", value)))
    assert isinstance(parse_payout(json.dumps(placed(a_payout("XISA93DJ"), "payout_date", None))), OddPayout)


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("amount", (100.0, "100", True, None, 2**63, GONE)),
        ("type", (None, "", 5, GONE)),
        ("currency_code", (None, "", 5, GONE)),
        ("detailed_type", (5,)),
        ("order_id", (5,)),
        ("merchant_reference1", (12345,)),
        ("tax_in_currency_of_registration_country", (1.5, "1")),
    ],
)
def test_a_row_that_breaks_the_contract_is_refused(path: str, values: tuple[Any, ...]) -> None:
    assert build.transactions([ROW])
    for value in values:
        with pytest.raises(Unreadable, match=rf"not what the contract says: transactions\.0\.{path}: "):
            build.transactions([placed(ROW, path, value)])


def test_a_wrong_value_is_not_quoted_at_length() -> None:
    (odd,) = among_others(json.dumps(placed(a_payout("X"), "payout_date", "\x1b[31m" + "x" * 100_000)))
    assert isinstance(odd, OddPayout)
    assert len(odd.why) < 200
    assert odd.why.isprintable()


# What is kept of a payout and of a row


@pytest.mark.parametrize(
    ("minor", "amount"),
    [
        (0, "0.00"),
        (1, "0.01"),
        (-1, "-0.01"),
        (99, "0.99"),
        (100, "1.00"),
        (96250, "962.50"),
        (-96250, "-962.50"),
        (2**63 - 1, "92233720368547758.07"),
        (-(2**63), "-92233720368547758.08"),
        (9007199254740993, "90071992547409.93"),  # 2**53 + 1, which no float can hold
    ],
)
def test_minor_units_become_decimal_exactly(minor: int, amount: str) -> None:
    payout = build.payout({"settlement": minor, "deposit": minor})
    assert str(payout.totals.settlement) == str(payout.totals["deposit"]) == amount
    assert str(build.row("SALE", minor).amount) == amount


def test_every_total_is_kept_under_its_own_name() -> None:
    figures = {total: 100 + index for index, total in enumerate(SIGNS)}
    payout = build.payout(figures | {"settlement": 5, "opening_debt": 7, "closing_debt": 9})
    assert {total: payout.totals[total] * 100 for total in SIGNS} == figures
    assert len(SIGNS) == 16
    assert payout.totals.settlement == Decimal("0.05")
    assert (payout.totals.opening_debt, payout.totals.closing_debt) == (Decimal("0.07"), Decimal("0.09"))


@pytest.mark.parametrize("value", [None, GONE])
def test_a_total_that_is_left_out_is_zero(value: object) -> None:
    raw = placed(a_payout("XISA93DJ", fee_amount=100), "totals.fee_amount", value)
    assert "fee" not in parse_payout(json.dumps(raw)).figures


def test_a_payout_is_kept_with_these_fields() -> None:
    payout = build.payout({"settlement": 96250}, currency_code_of_registration_country="NOK")
    assert payout == Payout(
        payment_reference="XISA93DJ",
        payout_date=datetime(2026, 11, 19, 9, tzinfo=UTC),
        currency="SEK",
        settlement_type="NET",
        merchant_id=MERCHANT,
        totals=payout.totals,
        registration_currency="NOK",
    )
    assert build.payout(currency_code_of_registration_country=None).registration_currency is None


def test_a_row_is_kept_with_these_fields() -> None:
    """All but amount, type and currency may be missing, or blank, which is the same."""
    expected = Transaction(type="CHARGE", amount=Decimal("0.05"), currency="SEK")
    names = ("detailed_type", "order_id", "merchant_reference1", "merchant_reference2")
    for blank in (None, "", "  ", "\n"):
        assert build.row("CHARGE", 5, **dict.fromkeys(names, blank)) == expected
    assert build.row("CHARGE", 5) == expected
    tax = {"tax_in_currency_of_registration_country": 1234, "currency_code_of_registration_country": "NOK"}
    full = build.row("CHARGE", 5, **{name: name for name in names}, **tax)
    assert [getattr(full, name) for name in names] == list(names)
    assert (full.registration_tax, full.registration_currency) == (Decimal("12.34"), "NOK")


def test_unknown_fields_are_ignored_and_an_unknown_type_is_kept() -> None:
    raw = {**a_payout("XISA93DJ"), "colour": "red", "sixty": 60.5}
    raw["totals"]["new_amount"] = 1.5
    assert parse_payout(json.dumps(raw)).payment_reference == "XISA93DJ"
    assert build.row("BRAND_NEW", 5, colour={"a": [1.5]}, vat_rate=2500).type == "BRAND_NEW"


def test_text_from_outside_loses_its_control_characters() -> None:
    payout = build.payout(payment_reference=DIRTY, merchant_id=DIRTY, currency_code="SE\nK")
    assert (payout.payment_reference, payout.merchant_id, payout.currency) == (CLEAN, CLEAN, "SEK")
    names = ("detailed_type", "order_id", "merchant_reference1", "merchant_reference2", "currency_code")
    row = build.row(DIRTY, 1, **dict.fromkeys(names, DIRTY))
    assert {row.type, row.detailed_type, row.order_id, row.merchant_reference1, row.merchant_reference2} == {CLEAN}
    assert build.payout(payment_reference="Räksmörgås 中 €").payment_reference == "Räksmörgås 中 €"


@pytest.mark.parametrize("arguments", [[], ["--json"]])
def test_a_dirty_reference_is_shown_as_plain_text(open_shop: OpenShop, arguments: list[str]) -> None:
    """It colours nothing, breaks no line, and ends no markup."""
    shop = open_shop(payouts=[(a_payout(DIRTY, datetime.now(UTC) - timedelta(days=1)), [])])
    result = shop.dry_run(*arguments)
    assert (result.code, result.err) == (0, "")
    assert CLEAN in result.out
    shown = result.out.replace(SPACE, " ").splitlines()
    assert all(character.isprintable() for line in shown for character in line)


# Errors


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (
            {"error_code": "BAD", "error_messages": ["a", "b"], "correlation_id": "c"},
            ": BAD; a; b [correlation id c]",
        ),
        ({"error_code": "BAD"}, ": BAD"),
        ({"correlation_id": "c"}, " [correlation id c]"),
        ({"error_messages": ["\x1b[31ma\nb"]}, ": [31mab"),
        ({}, ""),
        ({"error_code": 5}, ""),
        ([], ""),
        ("<html>", ""),
        ({"error_code": "x" * 1000, "correlation_id": "y" * 1000}, f": {'x' * 300} [correlation id {'y' * 60}]"),
    ],
)
def test_an_error_is_told_in_klarnas_words_or_in_none(body: object, text: str) -> None:
    assert error_text(json.dumps(body).encode()) == text
    assert error_text(b"") == error_text(b"<html>") == ""
