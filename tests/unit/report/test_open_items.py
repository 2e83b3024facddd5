"""The open items of a clearing account, by lines written by hand."""

from datetime import date
from decimal import Decimal

from klarna24.bookkeeping.ledger_match import LedgerLine, VoucherKey
from klarna24.report.open_items import open_items

END = date(2026, 11, 30)
REFERENCES = {"A", "B", "C"}


def line(amount: str, comment: str, day: int = 10, month: int = 11, number: int = 1) -> LedgerLine:
    return LedgerLine(VoucherKey(number, 9, date(2026, month, day)), 1940, Decimal(amount), comment)


def left(*lines: LedgerLine) -> list[tuple[str, str]]:
    """Amount and comment of each open item."""
    return [(str(item.amount), item.comment) for item in open_items(lines, REFERENCES, END)]


def test_lines_of_one_reference_match_if_they_are_zero_together() -> None:
    assert left(line("100", "Klarna A payout"), line("-60", "KLARNA A"), line("-40", "rest, A")) == []
    assert left(line("100", "Klarna A payout"), line("-60", "KLARNA A")) == [
        ("100", "Klarna A payout"),
        ("-60", "KLARNA A"),
    ]


def test_lines_of_one_amount_match_if_as_many_debit_as_credit_it() -> None:
    assert left(line("100", "Klarna A payout"), line("-100", "insättning")) == []
    both = [line("100", "Klarna A payout"), line("100", "Klarna B payout")]
    assert left(*both, line("-100", "x"), line("-100", "y")) == []
    assert len(left(*both, line("-100", "x"))) == 3, "which of the two it is would be a guess"


def test_a_reference_is_a_word_and_two_references_are_none() -> None:
    assert left(line("100", "Klarna A payout"), line("-70", "AB"), line("-30", "A")) != []
    assert left(line("100", "Klarna A payout"), line("-100", "A and B")) == [], "by its amount"


def test_what_was_matched_after_the_end_was_open_at_the_end() -> None:
    [item] = open_items([line("100", "Klarna A payout"), line("-100", "A", 2, 12)], REFERENCES, END)
    assert (item.age, item.settled_on) == (20, date(2026, 12, 2))
    assert left(line("100", "Klarna A payout", 2, 12)) == [], "it is of the next month"


def test_the_oldest_comes_first() -> None:
    items = open_items([line("1", "x", 20), line("2", "y", 3)], REFERENCES, END)
    assert [item.age for item in items] == [27, 10]
