"""The voucher number, the probe, and that a bundle's entries are valid XML."""

from datetime import date
from decimal import Decimal

import pytest

from klarna24.bookkeeping.voucher import Trace
from klarna24.errors import Unavailable
from klarna24.text.clean import clean
from tests.support.office import DAY, TODAY, Office, save, voucher

NEXT = {"voucher": {"transaction_no": "next"}}


def test_no_number_is_asked_for_unless_the_profile_says_so(office: Office) -> None:
    save(office.logged_in())
    assert "GetEntryId" not in office.wire.operations()
    assert office.box.office.home.drafts[0].transaction_no == 0


def test_the_next_number_is_that_of_the_types_series_in_the_vouchers_year(office: Office) -> None:
    client = office.logged_in(NEXT)
    for expected in (1, 2):
        assert save(client).kind == "drafted"
        draft = office.box.office.home.drafts[0]
        assert draft.transaction_no == expected
        office.box.office.book(draft.id)


def test_without_a_number_nothing_is_saved(office: Office) -> None:
    client = office.logged_in(NEXT)
    with pytest.raises(Unavailable, match="number"):
        client.prepare(voucher(date(2040, 1, 1), 2040))
    assert office.saves == 0


def test_a_ledger_that_is_too_long_for_one_answer_is_read_in_parts_and_no_row_is_lost(
    office: Office, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = office.logged_in()
    sums = {entry.account_no: entry.amount for entry in voucher().entries}
    traces = []
    for day in (date(2026, 11, number) for number in range(2, 24, 2)):
        client.save(client.prepare(voucher(day)))
        office.box.office.book(office.box.office.home.drafts[0].id)
        traces.append(Trace("XISA93DJ", "Klarna XISA93DJ", 1930, day, Decimal("962.50"), "SEK", sums))
    whole = client.find(traces, TODAY)
    assert any(whole)
    calls = office.wire.operations().count("GetTransactions")
    monkeypatch.setattr("klarna24.twentyfour.envelope.MOST_MARKS", 250)  # four rows, not eleven
    assert client.find(traces, TODAY) == whole
    assert office.wire.operations().count("GetTransactions") > 2 * calls
    monkeypatch.setattr("klarna24.twentyfour.envelope.MOST_MARKS", 30)  # not even one row
    with pytest.raises(Unavailable, match="too many elements"):
        client.find(traces, TODAY)


def test_a_ledger_that_takes_too_long_is_not_asked_for_in_parts(
    office: Office, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = office.logged_in()
    monkeypatch.setattr("klarna24.twentyfour.transport.ANSWER_SECONDS", 0.2)
    office.box.faults.arm("slow", times=None, operation="GetTransactions", seconds=1)
    trace = Trace("XISA93DJ", "Klarna XISA93DJ", 1930, DAY, Decimal("962.50"), "SEK", {})
    with pytest.raises(Unavailable, match="did not end"):
        client.find([trace], TODAY)
    assert office.wire.operations().count("GetTransactions") == 1


def test_a_probe_makes_one_call_to_see_whether_24sevenoffice_answers(office: Office, quick: None) -> None:
    client = office.logged_in()
    before = office.wire.operations()
    client.probe()
    assert len(office.wire.operations()) == len(before) + 1
    office.box.stop()
    with pytest.raises(Unavailable):
        client.probe()


def test_what_clean_leaves_can_stand_in_xml() -> None:
    """The entries of a bundle are written as text: the first parser that sees them is 24SevenOffice's."""
    legal = [*range(0x20, 0xD800), *range(0xE000, 0xFFFE), *range(0x10000, 0x110000)]
    assert all(clean(chr(code)) == "" for code in set(range(0x110000)) - set(legal))
