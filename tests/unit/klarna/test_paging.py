"""A list is read whole although it changes meanwhile; a reading that cannot be whole is void."""

import json
import random
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

import pytest

from klarna24.bookkeeping.payout import OddPayout, PayoutKey
from klarna24.errors import BadAnswer, CredentialsFault, Klarna24Error, Unavailable
from klarna24.klarna import listing
from klarna24.klarna.answers import Page, Row, parse_transactions
from klarna24.klarna.listing import NotReadable, Query, read_payouts, read_rows
from klarna24.sandbox.klarna.generate import Seeded, big_payout, make_payout
from klarna24.sandbox.server import Sandbox
from tests.support import bookkeeping as build
from tests.support.bookkeeping import Json
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

SECOND = timedelta(seconds=1)


@pytest.fixture
def pages_of_two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "PAGE_SIZE", 2)


def spread(number: int, step: timedelta) -> list[Json]:
    """Payouts at so many moments before NOON."""
    return [a_payout(f"REF{index:03}", NOON - (number - index) * step) for index in range(number)]


def listed(box: Sandbox) -> set[str]:
    return {payout["payment_reference"] for payout in box.klarna.payouts}


# Payouts: windows of dates that one answer holds


@pytest.mark.parametrize(("size", "requests"), [(500, 1), (25, 1), (24, 3), (10, 11), (1, 200)])
def test_payouts_are_read_in_windows_that_one_answer_holds(
    open_box: OpenBox, monkeypatch: pytest.MonkeyPatch, size: int, requests: int
) -> None:
    monkeypatch.setattr(listing, "PAGE_SIZE", size)
    box = open_box(*spread(25, timedelta(hours=5)))
    assert len(set(references(box))) == len(references(box)) == 25
    assert {(query["offset"], query["size"]) for query in queries(box)} == {("0", str(size))}
    assert box.calls()["payouts"] <= 2 * requests


CHANGES: dict[str, Callable[[Sandbox], object]] = {
    "one goes and another comes": lambda box: box.klarna.move(),
    "one comes, and moves the others back": lambda box: box.klarna.payouts.insert(0, a_payout("NEW")),
    "one goes, and moves the others forward": lambda box: box.klarna.payouts.pop(0),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("after", [1, 2, 3])
def test_no_payout_is_missed_while_others_come_and_go(
    open_box: OpenBox, monkeypatch: pytest.MonkeyPatch, change: str, after: int
) -> None:
    """600 payouts, of which one answer holds 500. By offsets the count would agree, and one would not be seen."""
    box = open_box(*spread(600, timedelta(minutes=15)))
    before, requests = listed(box), count(1)
    hook(box, monkeypatch, lambda *_: next(requests) == after and CHANGES[change](box))
    found = references(box)
    assert before & listed(box) <= set(found)
    assert len(set(found)) == len(found)


def test_a_payout_half_a_second_after_a_boundary_is_seen(
    open_box: OpenBox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "PAGE_SIZE", 3)
    moments = [NOON + half * SECOND / 2 for half in range(40)]
    box = open_box(*(a_payout(f"REF{at:%S%f}", f"{at:%Y-%m-%dT%H:%M:%S.%fZ}") for at in moments))
    assert set(references(box)) == listed(box)
    assert {query["offset"] for query in queries(box)} == {"0"}


@pytest.mark.parametrize("fault", [None, "klarna-moved", "klarna-short-page", "klarna-no-total"])
def test_more_payouts_in_a_second_than_a_page_holds_are_read_until_two_readings_agree(
    open_box: OpenBox, pages_of_two: None, fault: str | None
) -> None:
    box = open_box(*some_payouts(5))
    if fault:
        box.faults.arm(fault, after=40, times=None if fault == "klarna-no-total" else 1)
    assert listed(box) <= set(references(box))
    assert {"0", "2", "4"} <= {query["offset"] for query in queries(box)}


def test_payouts_of_one_second_in_unstable_order_are_never_read_wrong(
    open_box: OpenBox, pages_of_two: None
) -> None:
    box = open_box(*some_payouts(5))
    box.faults.arm("klarna-shuffled", times=None)
    for _ in range(6):
        with suppress(Unavailable):
            assert set(references(box)) == listed(box)


def test_a_payout_that_is_listed_twice_with_other_content_is_odd(open_box: OpenBox) -> None:
    box = open_box(a_payout("TWICE"), a_payout("TWICE"), a_payout("OTHER", sale_amount=5), a_payout("OTHER"))
    other, twice = payouts(box)
    assert isinstance(other, OddPayout)
    assert (other.why, twice.figures["sale"]) == (listing.CONTRADICTION, Decimal(1000))


@pytest.mark.parametrize("off", [3, -1])
def test_a_list_that_is_not_as_long_as_announced_is_refused(
    open_box: OpenBox, monkeypatch: pytest.MonkeyPatch, off: int
) -> None:
    box = open_box(*some_payouts(3))
    tamper(box, monkeypatch, lambda page: page["pagination"].update(total=page["pagination"]["total"] + off))
    with pytest.raises(Unavailable, match=r"/payouts: Klarna announced \d elements and sent \d \(3 attempts\)"):
        payouts(box)
    assert box.calls()["payouts"] < 100


def test_an_empty_page_before_the_end_is_an_error_and_no_endless_loop(open_box: OpenBox) -> None:
    box = open_box(*some_payouts(3))
    box.faults.arm("klarna-endless")
    with pytest.raises(Unavailable, match="announced 4 elements and sent 0"):
        payouts(box)
    assert box.calls()["payouts"] == listing.ATTEMPTS


@pytest.mark.parametrize("after", [0, 1, 2])
def test_a_short_page_loses_nothing(open_box: OpenBox, monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    monkeypatch.setattr(listing, "PAGE_SIZE", 4)
    box = open_box(*spread(10, timedelta(hours=5)))
    box.faults.arm("klarna-short-page", after=after)
    assert set(references(box)) == listed(box)


def test_without_a_total_a_short_page_is_the_last_unless_it_names_a_next(
    open_box: OpenBox, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = open_box(*spread(30, timedelta(hours=5)), big_payout("BIG1", 5, NOON))

    def change(page: Any) -> None:
        """The server has pages of three at most, and does not say how many elements there are."""
        elements = page.get("payouts", page.get("transactions"))
        if len(elements) > 3:
            del elements[3:]
            page["pagination"]["next"] = "?offset=3"
        del page["pagination"]["total"]

    tamper(box, monkeypatch, change)
    assert set(references(box)) == listed(box)
    assert len(client(box).transactions("BIG1")) == 15


def lying(longest: timedelta, *elements: Any) -> Callable[[Query], Page[Any]]:
    """A server that announces 600 payouts for every longer window, and has these in every other."""

    def fetch(query: Query) -> Page[Any]:
        width = datetime.fromisoformat(query["end_date"]) - datetime.fromisoformat(query["start_date"])
        if width > longest:
            return Page([build.payout()], 600)
        new = [replace(element, payment_reference=f"{query}{at}") for at, element in enumerate(elements)]
        return Page(new, len(new))

    return fetch


TEN_YEARS = NOON - timedelta(days=3650), NOON
ENDLESS: dict[str, tuple[str, Callable[[], object]]] = {
    "windows": ("5000 requests", lambda: read_payouts(lying(SECOND), *TEN_YEARS)),
    "new payouts": (
        "20000 elements",
        lambda: read_payouts(lying(3600 * SECOND, *[build.payout()] * 500), *TEN_YEARS),
    ),
    "rows without a total": ("20000 elements", lambda: read_rows(lambda _: Page([a_row()] * 500, None), "R")),
    "rows with a huge total": ("5000 requests", lambda: read_rows(lambda _: Page([a_row()], 10**12), "R")),
}


@pytest.mark.parametrize("lie", ENDLESS)
def test_a_list_without_an_end_ends(monkeypatch: pytest.MonkeyPatch, lie: str) -> None:
    monkeypatch.setattr(listing, "MOST_ELEMENTS", 20_000)
    says, read = ENDLESS[lie]
    with pytest.raises(NotReadable, match=f"the list does not end after {says}"):
        read()


# Rows: of one payout, in several pages


def a_row(**ids: str) -> Row:
    return Row(
        build.row("SALE", 100), *(ids.get(name) for name in ("payment_reference", "capture_id", "refund_id"))
    )


def test_rows_are_read_to_the_last_page_in_klarnas_order_with_progress(
    open_box: OpenBox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "PAGE_SIZE", 100)
    payout, rows = big_payout("BIG1", 70, NOON)
    equal = {**rows[0], "type": "RETURN", "amount": 5000}
    box = open_box((payout, [*rows, equal, dict(equal)]))
    seen: list[tuple[int, int]] = []
    found = client(box).transactions("BIG1", lambda so_far, in_all: seen.append((so_far, in_all)))
    assert [(row.type, row.amount) for row in found] == [
        (row["type"], Decimal(row["amount"]) / 100) for row in [*rows, equal, equal]
    ], "two equal rows may both be real"
    assert seen == [*((so_far, 212) for so_far in (100, 200, 212)), *((so_far, 212) for so_far in (75, 150, 212))]
    assert {query["payment_reference"] for query in queries(box, "transactions")} == {"BIG1"}


def test_an_empty_list_is_an_answer_too(open_box: OpenBox) -> None:
    box = open_box()
    assert payouts(box) == []
    assert client(box).transactions("XISA93DJ") == []


def sales(number: int, **fields: Callable[[int], object]) -> list[Json]:
    return [
        {"type": "SALE", "amount": 100, "currency_code": "SEK", **{name: of(it) for name, of in fields.items()}}
        for it in range(number)
    ]


ROWS = {
    "with ids": sales(600, capture_id="c{}".format),
    "without ids": sales(600, order_id="o{}".format),
    "some equal": sales(600, order_id=lambda it: f"o{it // 2}"),
}
ORDERS: dict[str, Callable[[list[Json], int], list[Json]]] = {
    "at random": lambda rows, _: random.sample(rows, len(rows)),
    "by page": lambda rows, offset: rows if offset else rows[::-1],
    "rotated": lambda rows, offset: rows[offset // 7 :] + rows[: offset // 7],
}


@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("order", ORDERS)
def test_six_hundred_sales_in_unstable_order_are_never_read_wrong(rows: str, order: str) -> None:
    truth = ROWS[rows]

    def fetch(query: Query) -> Page[Row]:
        size, offset = int(query["size"]), int(query["offset"])
        page = ORDERS[order](truth, offset)[offset : offset + size]
        return parse_transactions(json.dumps({"transactions": page, "pagination": {"total": len(truth)}}))

    with suppress(NotReadable):
        found = read_rows(fetch, "R")
        assert Counter(found) == Counter(build.transactions(truth))


VOID = {
    "klarna-foreign-row": "a row of payout ANOTHER is among them",
    "klarna-repeated": r"row (SALE|RETURN|REVERSAL) \S+ was read twice",
    "klarna-wrong-total": r"Klarna announced \d+ elements and sent \d+",
    "klarna-short-page": r"Klarna announced \d+ elements and sent \d+",
}


def one_of(kind: str) -> Seeded:
    """Two rows with an id and one without."""
    ids = {"capture_id" if kind == "SALE" else "refund_id": "{}".format}
    rows = [{**row, "type": kind} for row in sales(2, **ids)]
    return a_payout("XISA93DJ"), [*rows, {"type": "FEE", "amount": 5, "currency_code": "SEK"}]


@pytest.mark.parametrize("kind", ["SALE", "RETURN", "REVERSAL"])
@pytest.mark.parametrize("fault", VOID)
def test_a_reading_that_cannot_be_whole_is_void(open_box: OpenBox, fault: str, kind: str) -> None:
    """It is read again; where it stays so, only this payout is blocked."""
    box = open_box(one_of(kind))
    box.faults.arm(fault)
    assert len(client(box).transactions("XISA93DJ")) == 3
    box.faults.arm(fault, times=None)
    with pytest.raises(BadAnswer, match=rf"/transactions: {VOID[fault]} \(3 attempts\)"):
        client(box).transactions("XISA93DJ")


def test_rows_that_keep_changing_are_given_up(
    open_box: OpenBox, monkeypatch: pytest.MonkeyPatch, pages_of_two: None
) -> None:
    box = open_box(one_of("SALE"))
    rows = box.klarna.transactions["XISA93DJ"]
    hook(box, monkeypatch, lambda *_: rows.append(dict(rows[-1])))
    with pytest.raises(BadAnswer, match=r"the list kept changing while it was read \(3 attempts\)"):
        client(box).transactions("XISA93DJ")


@pytest.mark.parametrize("status", [400, 403, 404, 405, 500])
def test_a_refusal_of_one_payouts_rows_is_about_that_payout_only(open_box: OpenBox, status: int) -> None:
    box = open_box(one_of("SALE"))
    box.faults.arm("klarna-status", times=None, reference="XISA93DJ", status=status)
    with pytest.raises(BadAnswer, match=f"HTTP {status}"):
        client(box).transactions("XISA93DJ")
    assert client(box).transactions("ANOTHER") == []


@pytest.mark.parametrize(("status", "kind"), [(401, CredentialsFault), (503, Unavailable), (429, Unavailable)])
def test_a_refusal_of_everything_is_not_about_one_payout(
    box: Sandbox, once: None, status: int, kind: type[Klarna24Error]
) -> None:
    box.faults.arm("klarna-status", times=None, status=status)
    with pytest.raises(kind) as caught:
        client(box).transactions("XISA93DJ")
    assert not isinstance(caught.value, BadAnswer)


# Where is asked, and whose payouts


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
