"""What the ledger is asked for, and which of its rows count."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from klarna24.bookkeeping.ledger_match import LedgerMatch
from klarna24.bookkeeping.voucher import Trace
from klarna24.twentyfour import ledger

SENT, TODAY = date(2026, 11, 19), date(2026, 11, 24)
STOCKHOLM, NEW_YORK = ZoneInfo("Europe/Stockholm"), ZoneInfo("America/New_York")
SUMS = {1930: Decimal("962.50"), 1580: Decimal("-962.50")}
TRACE = Trace("XISA93DJ", "Klarna XISA93DJ 2026-11-19", 1930, SENT, Decimal("962.50"), "SEK", SUMS)


class Ledger:
    """Answers GetTransactions: rows from DateStart to DateEnd, by account or by voucher number."""

    def __init__(self, moment: str) -> None:
        self.asked: list[dict[str, Any]] = []
        self.rows = [
            SimpleNamespace(
                TransactionNo=7,
                TransactionTypeId=9,
                Date=datetime.fromisoformat(moment),
                AccountNo=account_no,
                Amount=amount,
                Comment="Klarna XISA93DJ payout",
                InvoiceNo="",
                OCR=None,
            )
            for account_no, amount in SUMS.items()
        ]

    def read(self, **filters: Any) -> Iterable[Any]:
        self.asked.append(filters)

        def matches(row: Any) -> bool:
            moment = row.Date.astimezone(UTC).replace(tzinfo=None) if row.Date.tzinfo else row.Date
            by_account = filters.get("AccountNoStart", row.AccountNo) == row.AccountNo
            by_number = filters.get("TransactionNoStart", row.TransactionNo) == row.TransactionNo
            return bool(filters["DateStart"] <= moment <= filters["DateEnd"]) and by_account and by_number

        return filter(matches, self.rows)


@pytest.mark.parametrize(
    ("moment", "zone"),
    [
        ("2026-11-19T00:00:00", STOCKHOLM),
        ("2026-11-18T23:00:00", STOCKHOLM),  # the midnight of the first day, in UTC
        ("2026-11-24T00:00:00", STOCKHOLM),
        ("2026-11-24T21:59:59", STOCKHOLM),
        ("2026-11-25T02:00:00+00:00", NEW_YORK),  # nine in the evening of the last day
    ],
)
def test_a_voucher_is_found_from_the_first_day_to_the_last(moment: str, zone: ZoneInfo) -> None:
    found = ledger.find(Ledger(moment).read, [TRACE], TODAY, zone)
    assert found == [LedgerMatch(7, ours=True, same_amount=True, in_our_words=True)]


@pytest.mark.parametrize("day", ["2026-10-10", "2026-11-01", "2026-11-18"])
def test_a_voucher_that_a_person_dated_earlier_is_found(day: str) -> None:
    assert ledger.find(Ledger(day).read, [TRACE], TODAY, STOCKHOLM) == [
        LedgerMatch(7, ours=True, same_amount=True, in_our_words=True)
    ]


def test_the_ledger_is_asked_from_well_before_the_draft_and_a_day_more_at_both_ends() -> None:
    answers = Ledger("2026-11-20")
    ledger.find(answers.read, [TRACE], TODAY, STOCKHOLM)
    bounds = [(str(asked["DateStart"]), str(asked["DateEnd"])) for asked in answers.asked]
    assert bounds == [
        ("2026-10-04 00:00:00", "2026-11-25 23:59:59"),  # the account
        ("2026-11-19 00:00:00", "2026-11-21 23:59:59"),  # the voucher
    ]


def test_a_draft_that_is_dated_ahead_is_looked_for_until_its_day() -> None:
    answers = Ledger("2026-11-19")
    assert ledger.find(answers.read, [TRACE], date(2026, 11, 1), STOCKHOLM) == [LedgerMatch(7, True, True, True)]


def test_nothing_is_asked_where_nothing_was_sent() -> None:
    answers = Ledger("2026-11-19")
    assert ledger.find(answers.read, [], TODAY, STOCKHOLM, also=[1940]) == []
    assert answers.asked == []


def test_drafts_are_judged_by_the_same_answer_which_is_not_widened_for_them() -> None:
    """Neither by an older date nor by another account; only the voucher that is seen is read in whole, once."""
    answers = Ledger("2026-11-20")
    older = replace(TRACE, payment_reference="OLDER", date=date(2026, 1, 1), account_no=1940)
    before = replace(TRACE, payment_reference="XNEW")
    found = ledger.find(answers.read, [before], TODAY, STOCKHOLM, besides=[TRACE, older, TRACE])
    assert found == [None, match := LedgerMatch(7, True, True, True), None, match]
    assert [(str(asked["DateStart"].date()), asked.get("AccountNoStart")) for asked in answers.asked] == [
        ("2026-10-04", 1930),
        ("2026-11-19", None),
    ]


def test_a_draft_alone_is_nothing_to_ask_for() -> None:
    answers = Ledger("2026-11-20")
    assert ledger.find(answers.read, [], TODAY, STOCKHOLM, besides=[TRACE]) == [None]
    assert answers.asked == []


@pytest.mark.parametrize("comment", ["payment XISA93DJ", "XISA93DJ", "Klarna"])
def test_a_voucher_that_only_mentions_a_draft_is_not_read(comment: str) -> None:
    answers = Ledger("2026-11-20")
    for row in answers.rows:
        row.Comment = comment
    before = replace(TRACE, payment_reference="XNEW")
    assert ledger.find(answers.read, [before], TODAY, STOCKHOLM, besides=[TRACE]) == [None, None]
    assert len(answers.asked) == 1


@pytest.mark.parametrize(("comment", "ours"), [("Klarna XISA93DJ payout", False), ("rent", True)])
def test_a_voucher_of_the_same_number_on_another_day_is_another(comment: str, ours: bool) -> None:
    """It makes two equal vouchers if it mentions the reference, and concerns nobody otherwise."""
    answers, other = Ledger("2026-11-20"), Ledger("2026-11-21")
    for row in other.rows:
        row.Comment = comment
    answers.rows += other.rows
    found = ledger.find(answers.read, [TRACE], TODAY, STOCKHOLM)
    assert found == [LedgerMatch(7, ours=ours, same_amount=True, in_our_words=True)]


def test_values_that_dotnet_leaves_out_are_read_as_their_defaults() -> None:
    """And a row without number or date, which says nothing, is passed over."""
    answers = Ledger("2026-11-20")
    absent = dict.fromkeys(("TransactionTypeId", "AccountNo", "Amount", "Comment", "InvoiceNo", "OCR"))
    for row in answers.rows:
        row.TransactionTypeId = None
    day = answers.rows[0].Date
    for number, date_ in ((7, day), (None, day), (7, None)):
        answers.rows.append(SimpleNamespace(TransactionNo=number, Date=date_, **absent))
    found = ledger.find(lambda **_: answers.rows, [TRACE], TODAY, STOCKHOLM)
    assert found == [LedgerMatch(7, ours=True, same_amount=True, in_our_words=True)]
