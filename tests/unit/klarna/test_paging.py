"""Lists are read to their end and counted; a list that does not add up is an error."""

from decimal import Decimal
from typing import Any

import pytest

from klarna24.bookkeeping.payout import PayoutKey
from klarna24.errors import Unavailable
from klarna24.klarna import client as klarna
from klarna24.sandbox.klarna.generate import big_payout, make_payout
from klarna24.sandbox.server import Sandbox
from tests.support.klarna import (
    MERCHANT,
    NOON,
    OpenBox,
    a_payout,
    client,
    hook,
    payouts,
    queries,
    references,
    some_payouts,
    tamper,
)


@pytest.fixture
def pages_of_two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(klarna, "PAGE_SIZE", 2)


@pytest.mark.parametrize(("size", "pages"), [(500, 1), (25, 1), (24, 2), (10, 3), (1, 25)])
def test_payouts_are_read_to_the_last_page(
    open_box: OpenBox, monkeypatch: pytest.MonkeyPatch, size: int, pages: int
) -> None:
    monkeypatch.setattr(klarna, "PAGE_SIZE", size)
    box = open_box(*some_payouts(25))
    assert len(set(references(box))) == 25
    assert [query["offset"] for query in queries(box)] == [str(page * size) for page in range(pages)]
    assert {query["size"] for query in queries(box)} == {str(size)}


def test_rows_are_read_to_the_last_page_in_klarnas_order_with_progress(
    open_box: OpenBox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(klarna, "PAGE_SIZE", 100)
    payout, rows = big_payout("BIG1", 70, NOON)
    equal = {**rows[0], "type": "RETURN", "amount": 5000}
    box = open_box((payout, [*rows, equal, dict(equal)]))
    seen: list[tuple[int, int]] = []
    found = client(box).transactions("BIG1", lambda so_far, in_all: seen.append((so_far, in_all)))
    assert [(row.type, row.amount) for row in found] == [
        (row["type"], Decimal(row["amount"]) / 100) for row in [*rows, equal, equal]
    ], "two equal rows may both be real"
    assert seen == [(100, 212), (200, 212), (212, 212)]
    assert {query["payment_reference"] for query in queries(box, "transactions")} == {"BIG1"}


def test_an_empty_list_is_an_answer_too(open_box: OpenBox) -> None:
    box = open_box()
    assert payouts(box) == []
    assert client(box).transactions("XISA93DJ") == []


@pytest.mark.parametrize("off", [1, -1, 100])
def test_a_list_that_is_not_as_long_as_announced_is_refused(
    open_box: OpenBox, monkeypatch: pytest.MonkeyPatch, off: int
) -> None:
    box = open_box(*some_payouts(3))
    tamper(box, monkeypatch, lambda page: page["pagination"].update(total=page["pagination"]["total"] + off))
    with pytest.raises(Unavailable, match=rf"/payouts announced {3 + off} payouts and sent 3"):
        payouts(box)


@pytest.mark.parametrize("pagination", [{"total": None}, {}])
def test_a_list_that_does_not_say_how_long_it_is_is_refused(
    box: Sandbox, monkeypatch: pytest.MonkeyPatch, pagination: dict[str, Any]
) -> None:
    tamper(box, monkeypatch, lambda page: page.update(pagination=pagination))
    with pytest.raises(Unavailable, match="does not say how many payouts there are"):
        payouts(box)


def test_an_empty_page_before_the_end_is_an_error_and_no_endless_loop(open_box: OpenBox) -> None:
    box = open_box(*some_payouts(3))
    box.faults.arm("klarna-endless")
    with pytest.raises(Unavailable, match="announced 4 payouts and sent 0"):
        payouts(box)
    assert box.calls()["payouts"] == 1


@pytest.mark.parametrize("after", [0, 1, 2])
def test_a_short_page_loses_nothing(open_box: OpenBox, monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    monkeypatch.setattr(klarna, "PAGE_SIZE", 4)
    box = open_box(*some_payouts(10))
    box.faults.arm("klarna-short-page", after=after)
    assert references(box) == [f"REF{number:02}" for number in range(10)]


@pytest.mark.parametrize(("count", "says"), [(4, r"\(3 attempts\)"), (5, "announced 5 payouts and sent 6")])
def test_a_server_that_ignores_the_offset_is_noticed(
    open_box: OpenBox, monkeypatch: pytest.MonkeyPatch, pages_of_two: None, count: int, says: str
) -> None:
    """The same page twice has as many payouts as announced, and is not the list."""
    box = open_box(*some_payouts(count))
    first = [dict(payout) for payout in box.klarna.payouts[:2]]
    tamper(box, monkeypatch, lambda page: page.update(payouts=first))
    with pytest.raises(Unavailable, match=rf"/payouts.* {says}"):
        payouts(box)


def test_a_list_that_grows_while_it_is_read_is_read_again(
    open_box: OpenBox, monkeypatch: pytest.MonkeyPatch, pages_of_two: None
) -> None:
    """The new payout comes first, and moves the last of page one to page two."""
    box = open_box(*some_payouts(4))

    def grow(*_: object) -> None:
        if len(box.klarna.payouts) == 4:
            box.klarna.payouts.insert(0, a_payout("NEW"))

    hook(box, monkeypatch, grow)
    assert references(box) == ["NEW", "REF00", "REF01", "REF02", "REF03"]
    assert [query["offset"] for query in queries(box)] == ["0", "2", "0", "2", "4"]


def test_a_list_that_changes_without_growing_is_read_again(
    open_box: OpenBox, monkeypatch: pytest.MonkeyPatch, pages_of_two: None
) -> None:
    """One is gone and one is new: the total stays, and page two repeats what page one had."""
    box = open_box(*some_payouts(4))

    def move(*_: object) -> None:
        if box.klarna.payouts[-1]["payment_reference"] == "REF03":
            del box.klarna.payouts[-1]
            box.klarna.payouts.insert(0, a_payout("NEW"))

    hook(box, monkeypatch, move)
    assert references(box) == ["NEW", "REF00", "REF01", "REF02"]


def test_a_list_that_keeps_changing_is_given_up(
    open_box: OpenBox, monkeypatch: pytest.MonkeyPatch, pages_of_two: None
) -> None:
    box = open_box(*some_payouts(4))
    hook(box, monkeypatch, lambda *_: box.klarna.payouts.append(a_payout(f"NEW{len(box.klarna.payouts)}")))
    with pytest.raises(Unavailable, match=r"the list changed while it was read \(3 attempts\)"):
        payouts(box)
    assert box.calls()["payouts"] == 6


def test_the_next_page_is_never_asked_of_another_host(open_box: OpenBox, pages_of_two: None) -> None:
    """Nor are credentials sent there: the client makes the address of the next page itself."""
    box, other = open_box(*some_payouts(5)), open_box()
    box.faults.arm("klarna-foreign-next", times=None, url=other.url)
    assert len(references(box)) == 5
    assert not other.requests


@pytest.mark.parametrize("following", [{}, *({"next": it} for it in (None, "", "?offset=0", 5, ["x"]))])
def test_what_klarna_says_of_the_next_page_is_ignored(
    open_box: OpenBox, monkeypatch: pytest.MonkeyPatch, pages_of_two: None, following: dict[str, object]
) -> None:
    box = open_box(*some_payouts(5))

    def change(page: Any) -> None:
        page["pagination"].pop("next", None)
        page["pagination"].update(following)

    tamper(box, monkeypatch, change)
    assert len(references(box)) == 5


# Whose payouts


def test_currencies_and_merchants_are_filtered_here(open_box: OpenBox) -> None:
    box = open_box(
        a_payout("SEK1"),
        make_payout("EUR1", NOON, currency="EUR", sale_amount=100),
        {**a_payout("OTHER"), "merchant_id": "N200"},
    )
    assert set(references(box)) == {"SEK1", "EUR1", "OTHER"}
    assert references(box, currencies=["EUR"]) == ["EUR1"]
    assert references(box, currencies=["NOK"]) == []
    assert references(box, merchant_ids=["N200"]) == ["OTHER"]
    assert references(box, merchant_ids=[MERCHANT], currencies=["SEK"]) == ["SEK1"]
    assert set(references(box, currencies=["SEK", "EUR"])) == {"SEK1", "EUR1", "OTHER"}
    assert all("currency_code" not in query for query in queries(box))


def test_one_reference_in_two_currencies_is_two_payouts(open_box: OpenBox) -> None:
    box = open_box(a_payout("SAME"), make_payout("SAME", NOON, currency="EUR", sale_amount=100))
    assert {payout.key for payout in payouts(box)} == {
        PayoutKey(MERCHANT, "SAME", "SEK"),
        PayoutKey(MERCHANT, "SAME", "EUR"),
    }
