"""The comments, references and accounts of a voucher's entries."""

import re
import tomllib
from datetime import date
from decimal import Decimal
from typing import get_args

import pytest

from klarna24.bookkeeping.mapping import voucher_for
from klarna24.bookkeeping.voucher import Rate
from klarna24.text.sentences import Language
from tests.support import bookkeeping as build
from tests.support.bookkeeping import (
    ALL_ACCOUNTS,
    ALL_TOTALS,
    Json,
    block,
    book,
    needed_rows,
    row,
)

SMALL = {"settlement": 100, "sale": 100}

# Comments and the anchor


@pytest.mark.parametrize("language", get_args(Language))
@pytest.mark.parametrize("length", [1, 8, 36, 42, 43, 47, 48, 49, 50, 61, 62, 75, 200])
def test_a_comment_has_at_most_75_characters_and_the_reference_is_never_cut(length: int, language: str) -> None:
    """And no payout is blocked for its language: the words of another one may be longer, and are cut."""
    payout = build.payout(ALL_TOTALS, payment_reference="x" * length)
    profile = {"accounts": ALL_ACCOUNTS, "language": language}
    if length + len("Klarna  commission reversed") > 75:  # the longest of the English words
        assert block(payout, needed_rows(), profile).code == "reference-too-long"
        return
    voucher = book(payout, needed_rows(), profile)
    assert all(len(entry.comment) <= 75 for entry in voucher.entries)
    assert all(entry.comment.startswith(f"Klarna {'x' * length} ") for entry in voucher.entries)


UUID = "0c6d9b7e-1f2a-4d3b-9c4e-5a6b7c8d9e0f"


@pytest.mark.parametrize("language", get_args(Language))
@pytest.mark.parametrize("cents", [100, 100_00, 98_765_432_100])
@pytest.mark.parametrize("reference", ["XISA93DJ", UUID])
def test_a_converted_payout_has_its_amount_and_rate_also_beside_a_long_reference(
    reference: str, cents: int, language: str
) -> None:
    """The day of the rate, which the log has too, is left out first; no figure is ever cut."""
    payout = build.payout({"settlement": cents, "sale": cents}, payment_reference=reference, currency_code="EUR")
    profile = build.profile({"voucher": {"foreign_currency": "ecb"}, "language": language})
    voucher = voucher_for(payout, [], profile, build.books(), Rate(Decimal("11.027512"), date(2026, 11, 19)))
    assert voucher
    comment = voucher.anchor.comment
    assert comment.startswith(f"Klarna {reference} ")
    assert len(comment) <= 75
    assert re.search(rf" {cents / 100:.2f} EUR \w+ 11\.027512\b", comment)
    assert comment.endswith("2026-11-19") is (reference != UUID)


# Accounts


@pytest.mark.parametrize("account", ["fees", "debt"])
def test_a_missing_account_is_blocked_and_the_message_has_the_toml_line(account: str) -> None:
    profile = {"accounts": {**ALL_ACCOUNTS, account: None}}
    blocked = block(build.payout(ALL_TOTALS), needed_rows(), profile)
    assert blocked.code == "account-missing"
    assert f"{account} = " in blocked.message


@pytest.mark.parametrize(
    ("accounts", "types", "kept"),
    [
        ({}, ("CORRECTION", "LOAN_FEE"), {}),
        ({"charges": 6990}, ("CORRECTION", "LOAN_FEE"), {"CORRECTION": 6990}),
        (
            {"charges": {"CORRECTION": 6069, "other": 6990}},
            ("CORRECTION", "MANUAL_ENTRY", "LOAN_FEE"),
            {"CORRECTION": 6069, "MANUAL_ENTRY": 6990},
        ),
        ({"charges": 6990}, ("LOAN_FEE", "UNHEARD_OF"), {}),
        ({}, ("Å b",), {}),
    ],
    ids=["nothing yet", "a number", "a table", "undocumented", "no bare key"],
)
def test_the_toml_lines_with_a_number_filled_in_book_the_payout(
    accounts: Json, types: tuple[str, ...], kept: dict[str, int]
) -> None:
    """What the profile is asked to add is TOML, repeats no key, and keeps what a line of that name had; otherwise
    one blocked payout would lead to a file that cannot be read."""
    total = 100 * len(types)
    rows = [row("CHARGE", 100, detailed_type=kind) for kind in types]
    payout = build.payout({"settlement": 10_000 - total, "sale": 10_000, "charge": total})
    blocked = block(payout, rows, {"accounts": accounts})
    assert blocked.code == "account-missing"
    lines = re.findall(r"\w+ = (?:\{.*?\}|ACCOUNT)", f"{blocked.message} {blocked.hint}")
    added = tomllib.loads("\n".join(lines).replace("ACCOUNT", "6351"))
    voucher = book(payout, rows, {"accounts": {**accounts, **added}})
    booked = {e.comment.split("charge ")[1]: e.account_no for e in voucher.entries if e.kind == "charge"}
    assert booked == {**dict.fromkeys(types, 6351), **kept}


def test_an_account_that_this_payout_does_not_need_may_be_missing_in_the_chart() -> None:
    book(build.payout(SMALL), books_over={"chart": {"6064": None, "2641": None}})
