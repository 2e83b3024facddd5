"""Klarna's client against the sandbox on loopback: counted to the end, exact, and never talked into anything."""

import base64
import gzip
import json
import socket
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial
from threading import Thread
from typing import Any
from urllib.parse import parse_qs
from zoneinfo import ZoneInfo

import pytest
import requests
import tenacity

from klarna24 import __version__
from klarna24.bookkeeping.payout import SIGNS, Payout, PayoutKey, Transaction
from klarna24.config.tables import KLARNA_HOSTS, Klarna
from klarna24.errors import CredentialsFault, Klarna24Error, Unavailable
from klarna24.klarna import client as klarna
from klarna24.klarna.client import KlarnaClient, parse_payout, parse_transaction
from klarna24.sandbox.klarna.generate import big_payout, make_payout
from klarna24.sandbox.reply import Incoming, Reply
from klarna24.sandbox.server import Sandbox
from tests.support.bookkeeping import Json, payout_json
from tests.support.shops import OpenShop

STOCKHOLM = ZoneInfo("Europe/Stockholm")
DAY = date(2026, 11, 19)
NOON = datetime(2026, 11, 19, 12, tzinfo=UTC)
MERCHANT = "N100198"
WORD = "hemligt-åäö:€"
EMPTY = b'{"payouts": [], "pagination": {"total": 0}}'

OpenBox = Callable[..., Sandbox]


@pytest.fixture
def open_box() -> Iterator[OpenBox]:
    """Start a sandbox with the payouts given (without rows, unless they come as pairs)."""
    boxes: list[Sandbox] = []

    def open_it(*payouts: Any) -> Sandbox:
        pairs = [payout if isinstance(payout, tuple) else (payout, []) for payout in payouts]
        box = Sandbox(payouts=pairs).start()
        box.klarna.password = WORD
        boxes.append(box)
        return box

    yield open_it
    for box in boxes:
        box.stop()
        assert not box.errors, box.errors


@pytest.fixture
def box(open_box: OpenBox) -> Sandbox:
    """One payout, XISA93DJ, without rows."""
    return open_box(a_payout("XISA93DJ"))


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Back-off without waiting, and without dice: how long it would have slept."""
    waits: list[float] = []
    monkeypatch.setattr("tenacity.Retrying", partial(tenacity.Retrying, sleep=waits.append))
    monkeypatch.setattr("klarna24.klarna.client.random.uniform", lambda low, high: low)
    return waits


@pytest.fixture
def once(monkeypatch: pytest.MonkeyPatch) -> None:
    """No time to ask again."""
    monkeypatch.setattr(klarna, "RETRY_SECONDS", 0.0)


Answer = Callable[[socket.socket], None]
Server = Callable[[Answer], str]


@pytest.fixture
def serve() -> Iterator[Server]:
    """A loopback server that reads a request's head and lets ``answer`` do what it likes. Gives its address."""
    doors: list[socket.socket] = []

    def start(answer: Answer) -> str:
        door = socket.create_server(("127.0.0.1", 0))
        doors.append(door)

        def run() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = door.accept()
                    with connection, suppress(OSError):
                        head = b""
                        while b"\r\n\r\n" not in head:
                            head += connection.recv(65536) or b"\r\n\r\n"
                        answer(connection)

        Thread(target=run, daemon=True).start()
        return f"http://127.0.0.1:{door.getsockname()[1]}"

    yield start
    for door in doors:
        door.close()


def reply(body: bytes, *headers: str, status: str = "200 OK", length: int | None = None) -> Answer:
    """A plain HTTP answer; ``length`` where Content-Length is to lie."""
    head = [
        f"HTTP/1.1 {status}",
        f"Content-Length: {len(body) if length is None else length}",
        "Connection: close",
    ]
    return lambda connection: connection.sendall("\r\n".join([*head, *headers, "", ""]).encode() + body)


def a_payout(reference: str, when: datetime = NOON, **totals: Any) -> Json:
    return make_payout(reference, when, **(totals or {"sale_amount": 100000}))


def settings(url: str | None, **over: Any) -> Klarna:
    raw = {"username": "K100198_5a9db0c0ffee", "password": {"env": "X"}, "base_url": url, **over}
    return Klarna.model_validate({key: value for key, value in raw.items() if value is not None})


def client(at: Sandbox | str | None, password: str = WORD, **over: Any) -> KlarnaClient:
    return KlarnaClient(settings(at.url if isinstance(at, Sandbox) else at, **over), password)


def payouts(at: Sandbox | str, **over: Any) -> list[Payout]:
    """What was paid in the week of :data:`DAY`."""
    return client(at, **over).payouts(DAY - timedelta(days=7), DAY, STOCKHOLM)


def references(at: Sandbox | str, **over: Any) -> list[str]:
    return [payout.payment_reference for payout in payouts(at, **over)]


def queries(box: Sandbox, operation: str = "payouts") -> list[dict[str, str]]:
    return [
        {name: values[0] for name, values in parse_qs(request.query).items()}
        for request in box.requests
        if request.operation == operation
    ]


def hook(box: Sandbox, monkeypatch: pytest.MonkeyPatch, after: Callable[[Incoming, Reply], object]) -> None:
    """Call ``after`` with every request and its answer, before the answer leaves."""
    handle = box.handle

    def hooked(incoming: Incoming) -> Reply:
        answer = handle(incoming)
        after(incoming, answer)
        return answer

    monkeypatch.setattr(box, "handle", hooked)


def tamper(box: Sandbox, monkeypatch: pytest.MonkeyPatch, change: Callable[[Any], object]) -> None:
    """Change the JSON of every answer in place."""

    def after(incoming: Incoming, answer: Reply) -> None:
        page = json.loads(answer.body)
        change(page)
        answer.body = json.dumps(page).encode()

    hook(box, monkeypatch, after)


# Who asks, and where


@pytest.mark.parametrize("password", [WORD, "klarna_live_api_x", ":", "å" * 100, "a\nb"])
def test_basic_auth_in_utf8(open_box: OpenBox, monkeypatch: pytest.MonkeyPatch, password: str) -> None:
    box = open_box(a_payout("XISA93DJ"))
    box.klarna.password = password
    sent: list[str | None] = []
    hook(box, monkeypatch, lambda incoming, answer: sent.append(incoming.headers.get("Authorization")))
    assert client(box, password).payouts(DAY, DAY, STOCKHOLM)
    assert sent == ["Basic " + base64.b64encode(f"{box.klarna.username}:{password}".encode()).decode()]


def test_it_says_who_it_is(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    names = ("User-Agent", "Accept")
    hook(box, monkeypatch, lambda incoming, answer: seen.extend(incoming.headers.get(name) for name in names))
    payouts(box)
    assert seen == [f"klarna24/{__version__}", "application/json"]


@pytest.mark.parametrize(
    ("region", "environment", "host"),
    [
        ("europe", "live", "https://api.klarna.com"),
        ("europe", "playground", "https://api.playground.klarna.com"),
        ("north-america", "live", "https://api-na.klarna.com"),
        ("north-america", "playground", "https://api-na.playground.klarna.com"),
        ("oceania", "live", "https://api-oc.klarna.com"),
        ("oceania", "playground", "https://api-oc.playground.klarna.com"),
    ],
)
def test_hosts(monkeypatch: pytest.MonkeyPatch, once: None, region: str, environment: str, host: str) -> None:
    asked: list[str] = []

    def get(self: requests.Session, url: str, **kwargs: Any) -> None:
        asked.append(url)
        raise requests.ConnectionError

    monkeypatch.setattr(requests.Session, "get", get)
    for base_url, expected in ((None, host), ("https://api.kustom.co/", "https://api.kustom.co")):
        asked.clear()
        with pytest.raises(Unavailable):
            client(base_url, region=region, environment=environment).payouts(DAY, DAY, STOCKHOLM)
        assert set(asked) == {f"{expected}/settlements/v1/payouts"}
    assert len(KLARNA_HOSTS) == 6


def test_no_proxy_stands_between_two_programs_of_one_machine(
    box: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://192.0.2.1:3128")
    assert references(box) == ["XISA93DJ"]


# Days


@pytest.mark.parametrize(
    ("zone", "since", "until", "start", "end"),
    [
        ("Europe/Stockholm", "2026-11-19", "2026-11-19", "2026-11-18T23:00:00Z", "2026-11-19T22:59:59Z"),
        ("Europe/Stockholm", "2026-07-01", "2026-07-31", "2026-06-30T22:00:00Z", "2026-07-31T21:59:59Z"),
        ("Europe/Stockholm", "2026-03-29", "2026-03-29", "2026-03-28T23:00:00Z", "2026-03-29T21:59:59Z"),  # 23 h
        ("Europe/Stockholm", "2026-10-25", "2026-10-25", "2026-10-24T22:00:00Z", "2026-10-25T22:59:59Z"),  # 25 h
        ("Europe/Stockholm", "2026-03-01", "2026-11-01", "2026-02-28T23:00:00Z", "2026-11-01T22:59:59Z"),
        ("Europe/London", "2026-12-31", "2027-01-01", "2026-12-31T00:00:00Z", "2027-01-01T23:59:59Z"),
        ("America/New_York", "2026-11-01", "2026-11-01", "2026-11-01T04:00:00Z", "2026-11-02T04:59:59Z"),
        ("Pacific/Auckland", "2026-11-19", "2026-11-19", "2026-11-18T11:00:00Z", "2026-11-19T10:59:59Z"),
        ("Asia/Kolkata", "2028-02-29", "2028-02-29", "2028-02-28T18:30:00Z", "2028-02-29T18:29:59Z"),
        (
            "America/Sao_Paulo",
            "2018-11-04",
            "2018-11-04",
            "2018-11-04T03:00:00Z",
            "2018-11-05T01:59:59Z",
        ),  # no 00:00
        ("UTC", "2026-11-19", "2026-11-20", "2026-11-19T00:00:00Z", "2026-11-20T23:59:59Z"),
    ],
)
def test_local_midnights_go_out_as_full_date_times_in_utc(
    box: Sandbox, zone: str, since: str, until: str, start: str, end: str
) -> None:
    client(box).payouts(date.fromisoformat(since), date.fromisoformat(until), ZoneInfo(zone))
    assert queries(box) == [{"start_date": start, "end_date": end, "size": "500", "offset": "0"}]


@pytest.mark.parametrize("day", [date(2026, 3, 29), date(2026, 10, 25), date(2026, 11, 19)])
@pytest.mark.parametrize("zone", ["Europe/Stockholm", "America/New_York", "Pacific/Auckland", "UTC"])
def test_every_moment_of_a_local_day_is_in_it_and_no_other(open_box: OpenBox, day: date, zone: str) -> None:
    local = ZoneInfo(zone)
    first = datetime.combine(day, datetime.min.time(), local).astimezone(UTC)
    after = datetime.combine(day + timedelta(days=1), datetime.min.time(), local).astimezone(UTC)
    second = timedelta(seconds=1)
    moments = {"EVE": first - second, "FIRST": first, "LAST": after - second, "NEXT": after}
    box = open_box(*(a_payout(name, moment) for name, moment in moments.items()))
    found = client(box).payouts(day, day, local)
    assert [payout.payment_reference for payout in found] == ["FIRST", "LAST"]
    assert {payout.local_date(local) for payout in found} == {day}


def test_a_day_is_the_shops_even_where_klarna_sends_more_than_was_asked(
    open_box: OpenBox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The order of the list is undocumented, and so is whether the bounds are kept to the second."""
    box = open_box(
        a_payout("TODAY"), a_payout("EVE", NOON - timedelta(days=1)), a_payout("NEXT", NOON + timedelta(1))
    )
    everything = [dict(payout) for payout in box.klarna.payouts]

    def change(page: Any) -> None:
        page["payouts"] = everything
        page["pagination"]["total"] = page["pagination"]["count"] = len(everything)

    tamper(box, monkeypatch, change)
    assert [found.payment_reference for found in client(box).payouts(DAY, DAY, STOCKHOLM)] == ["TODAY"]


def test_oldest_first_whatever_klarnas_order(open_box: OpenBox) -> None:
    box = open_box(a_payout("C", NOON), a_payout("A", NOON - timedelta(days=2)), a_payout("B", NOON))
    assert references(box) == ["A", "B", "C"]


def test_days_that_lie_ahead_are_not_asked_for(box: Sandbox) -> None:
    assert client(box).payouts(DAY + timedelta(days=1), DAY, STOCKHOLM) == []
    assert not box.requests


@pytest.mark.parametrize("zone", ["Europe/Stockholm", "Pacific/Auckland", "America/New_York"])
def test_all_the_days_there_are(box: Sandbox, zone: str) -> None:
    """A start_date or --to from the ends of the calendar is no bug."""
    assert len(client(box).payouts(date.min, date.max, ZoneInfo(zone))) == 1
    assert client(box).payouts(date.max, date.max, ZoneInfo(zone)) == []
    (query, *_) = queries(box)
    assert len(query["start_date"]) == len(query["end_date"]) == len("2026-11-19T00:00:00Z")


def test_all_the_days_there_are_through_the_command_line(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[])
    shop.write({"start_date": date.min})
    for arguments in ([], ["--from", "0001-01-01", "--to", "9999-12-31"], ["--from", "9999-12-31"]):
        result = shop.dry_run(*arguments)
        assert (result.code, result.err) == (0, "")
    shop.write({"start_date": date.max})
    assert shop.sync().code == 0


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-19T09:00:00.000Z", "2026-11-19T09:00:00+00:00"),
        ("2026-11-19T09:00:00Z", "2026-11-19T09:00:00+00:00"),
        ("2026-11-19T09:00:00", "2026-11-19T09:00:00+00:00"),
        ("2026-11-19T01:30:00+02:00", "2026-11-18T23:30:00+00:00"),
        ("2026-11-19", "2026-11-19T00:00:00+00:00"),
    ],
)
def test_a_payout_date_is_utc(text: str, moment: str) -> None:
    assert parse_payout(payout_json(payout_date=text)).payout_date.isoformat() == moment


# To the end of the list


@pytest.mark.parametrize(("size", "pages"), [(500, 1), (25, 1), (24, 2), (10, 3), (1, 25)])
def test_payouts_are_paged_to_the_end(
    open_box: OpenBox, monkeypatch: pytest.MonkeyPatch, size: int, pages: int
) -> None:
    monkeypatch.setattr(klarna, "PAGE_SIZE", size)
    box = open_box(*(a_payout(f"REF{number:02}") for number in range(25)))
    assert len(set(references(box))) == 25
    assert [query["offset"] for query in queries(box)] == [str(page * size) for page in range(pages)]
    assert {query["size"] for query in queries(box)} == {str(size)}


def test_the_page_is_the_largest_that_klarna_allows() -> None:
    assert klarna.PAGE_SIZE == 500


def test_rows_are_paged_to_the_end_in_klarnas_order_with_progress(
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


def test_nothing_is_an_answer_too(open_box: OpenBox) -> None:
    box = open_box()
    assert payouts(box) == []
    assert client(box).transactions("XISA93DJ") == []


@pytest.mark.parametrize("off", [1, -1, 100])
def test_a_list_that_is_not_as_long_as_announced_is_no_list(
    open_box: OpenBox, monkeypatch: pytest.MonkeyPatch, off: int
) -> None:
    box = open_box(*(a_payout(f"REF{number}") for number in range(3)))
    tamper(box, monkeypatch, lambda page: page["pagination"].update(total=page["pagination"]["total"] + off))
    with pytest.raises(Unavailable, match=rf"/payouts announced {3 + off} payouts and sent 3"):
        payouts(box)


@pytest.mark.parametrize("total", [None, "absent"])
def test_a_list_that_does_not_say_how_long_it_is_is_no_list(
    box: Sandbox, monkeypatch: pytest.MonkeyPatch, total: str | None
) -> None:
    def change(page: Any) -> None:
        page["pagination"]["total"] = None
        if total:
            del page["pagination"]["total"]

    tamper(box, monkeypatch, change)
    with pytest.raises(Unavailable, match="does not say how many payouts there are"):
        payouts(box)


def test_an_empty_page_before_the_end_ends_in_an_error_and_not_in_a_loop(open_box: OpenBox) -> None:
    box = open_box(*(a_payout(f"REF{number}") for number in range(3)))
    box.faults.arm("klarna-endless")
    with pytest.raises(Unavailable, match="announced 4 payouts and sent 0"):
        payouts(box)
    assert box.calls()["payouts"] == 1


@pytest.mark.parametrize("after", [0, 1, 2])
def test_a_short_page_loses_nothing(open_box: OpenBox, monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    monkeypatch.setattr(klarna, "PAGE_SIZE", 4)
    box = open_box(*(a_payout(f"REF{number}") for number in range(10)))
    box.faults.arm("klarna-short-page", after=after)
    assert references(box) == [f"REF{number}" for number in range(10)]


@pytest.mark.parametrize(("count", "says"), [(4, "at each of 3 readings"), (5, "announced 5 payouts and sent 6")])
def test_a_server_that_ignores_the_offset_is_found_out(
    open_box: OpenBox, monkeypatch: pytest.MonkeyPatch, count: int, says: str
) -> None:
    """The same page twice has as many payouts as announced, and is not the list."""
    monkeypatch.setattr(klarna, "PAGE_SIZE", 2)
    box = open_box(*(a_payout(f"REF{number}") for number in range(count)))
    first = [dict(payout) for payout in box.klarna.payouts[:2]]
    tamper(box, monkeypatch, lambda page: page.update(payouts=first))
    with pytest.raises(Unavailable, match=rf"/payouts.* {says}"):
        payouts(box)


def test_a_list_that_grows_while_it_is_read_is_read_again(
    open_box: OpenBox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newcomer stands first, and moves the last of page one to page two."""
    monkeypatch.setattr(klarna, "PAGE_SIZE", 2)
    box = open_box(*(a_payout(f"REF{number}") for number in range(4)))

    def grow(incoming: Incoming, answer: Reply) -> None:
        if len(box.klarna.payouts) == 4:
            box.klarna.payouts.insert(0, a_payout("NEW"))

    hook(box, monkeypatch, grow)
    assert references(box) == ["NEW", "REF0", "REF1", "REF2", "REF3"]
    assert [query["offset"] for query in queries(box)] == ["0", "2", "0", "2", "4"]


def test_a_list_of_the_same_length_that_moves_is_read_again(
    open_box: OpenBox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One goes, one comes: the total stays, and page two repeats what page one had."""
    monkeypatch.setattr(klarna, "PAGE_SIZE", 2)
    box = open_box(*(a_payout(f"REF{number}") for number in range(4)))

    def move(incoming: Incoming, answer: Reply) -> None:
        if box.klarna.payouts[-1]["payment_reference"] == "REF3":
            del box.klarna.payouts[-1]
            box.klarna.payouts.insert(0, a_payout("NEW"))

    hook(box, monkeypatch, move)
    assert references(box) == ["NEW", "REF0", "REF1", "REF2"]


def test_a_list_that_never_stands_still_is_given_up(open_box: OpenBox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(klarna, "PAGE_SIZE", 2)
    box = open_box(*(a_payout(f"REF{number}") for number in range(4)))
    hook(box, monkeypatch, lambda *_: box.klarna.payouts.append(a_payout(f"NEW{len(box.klarna.payouts)}")))
    with pytest.raises(Unavailable, match="at each of 3 readings"):
        payouts(box)
    assert box.calls()["payouts"] == 6


# Whose


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


# What is asked again, and for how long


@pytest.mark.parametrize("fault", ["klarna-503", "klarna-429", "klarna-cut", "cut"])
def test_what_may_be_better_in_a_moment_is_asked_again(box: Sandbox, slept: list[float], fault: str) -> None:
    box.faults.arm(fault, times=2)
    assert references(box) == ["XISA93DJ"]
    assert len(slept) == 2
    assert len(box.requests) == 3


def test_waits_grow_and_are_never_the_same(
    box: Sandbox, monkeypatch: pytest.MonkeyPatch, slept: list[float]
) -> None:
    """Exponential with full jitter: what is drawn from grows up to a bound."""
    drawn: list[tuple[float, float]] = []

    def draw(low: float, high: float) -> float:
        drawn.append((low, high))
        return low

    monkeypatch.setattr("klarna24.klarna.client.random.uniform", draw)
    box.faults.arm("klarna-503", times=6)
    assert references(box)
    highs = [high for _, high in drawn]
    assert highs == sorted(highs)
    assert highs[0] < highs[1] < highs[-1] <= 8
    assert all(0 < low < high for low, high in drawn)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        *(("1", 1.0), ("2.5", 2.5), ("0", 0.0), ("", 0.0), ("-5", 0.0), ("soon", 0.0), ("1e3", 0.0), ("inf", 0.0)),
        *(("now+5", 5.0), ("now-5", 0.0), (None, 0.0)),
    ],
)
def test_the_reset_that_klarna_names_is_waited_for(
    serve: Server, slept: list[float], header: str | None, seconds: float
) -> None:
    """A duration, or a moment: which of the two is not documented."""
    if header and header.startswith("now"):
        header = str(round(time.time() + float(header[3:])))
    headers = [f"X-Ratelimit-Reset: {header}"] if header is not None else []
    answers = iter([reply(b"", *headers, status="429 Too Many Requests"), reply(EMPTY)])

    def one_after_the_other(connection: socket.socket) -> None:
        next(answers)(connection)

    assert payouts(serve(one_after_the_other)) == []
    assert slept == [pytest.approx(seconds + 0.1, abs=1.5 if seconds == 5 else 0.001)]


@pytest.mark.parametrize("reset", ["31", "86400", "999999999"])
def test_a_reset_beyond_half_a_minute_is_not_waited_for(serve: Server, slept: list[float], reset: str) -> None:
    refused = reply(b"", f"X-Ratelimit-Reset: {reset}", status="429 Too Many")
    with pytest.raises(Unavailable, match=f"too many requests, asked to wait {reset} s"):
        payouts(serve(refused))
    assert slept == []


@pytest.mark.parametrize("fault", ["klarna-503", "klarna-429", "klarna-cut"])
def test_it_gives_up_in_time(box: Sandbox, quick: None, fault: str) -> None:
    box.faults.arm(fault, times=None)
    started = time.monotonic()
    with pytest.raises(Unavailable) as caught:
        payouts(box)
    assert time.monotonic() - started < 1.5
    assert 1 <= len(box.requests) <= 4
    assert caught.value.hint == "the next run carries on"


def test_half_a_minute_in_all() -> None:
    assert klarna.RETRY_SECONDS == 30


def test_what_is_not_running_is_unavailable(box: Sandbox, once: None) -> None:
    box.stop()
    with pytest.raises(Unavailable, match=r"/payouts: no answer \(ConnectionError\)"):
        payouts(box)


def test_a_host_that_does_not_exist_is_unavailable(once: None) -> None:
    with pytest.raises(Unavailable, match="no answer"):
        client("https://no-such-host.invalid").payouts(DAY, DAY, STOCKHOLM)


def test_an_answer_that_never_comes_is_unavailable(
    box: Sandbox, monkeypatch: pytest.MonkeyPatch, once: None
) -> None:
    monkeypatch.setattr(klarna, "TIMEOUT", (1, 0.1))
    box.faults.arm("klarna-hang", times=None)
    with pytest.raises(Unavailable, match=r"no answer \(ReadTimeout\)"):
        payouts(box)


def test_a_certificate_file_that_is_not_there_is_no_bug(monkeypatch: pytest.MonkeyPatch, once: None) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/no/such/bundle.pem")
    with pytest.raises(Unavailable, match=r"/no/such/bundle\.pem"):
        client(None).payouts(DAY, DAY, STOCKHOLM)


# What is not asked again


@pytest.mark.parametrize("status", [401, 403])
def test_refused_credentials(box: Sandbox, monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    hook(box, monkeypatch, lambda incoming, answer: setattr(answer, "status", status))
    with pytest.raises(CredentialsFault, match=f"HTTP {status}") as caught:
        client(box, region="oceania", environment="playground").payouts(DAY, DAY, STOCKHOLM)
    assert "oceania" in caught.value.hint
    assert "playground" in caught.value.hint
    assert box.url in caught.value.message
    assert len(box.requests) == 1


def test_a_wrong_password(box: Sandbox) -> None:
    with pytest.raises(CredentialsFault, match=r"HTTP 401\): UNAUTHORIZED"):
        client(box, "wrong").payouts(DAY, DAY, STOCKHOLM)
    for ask in (client(box, "wrong").transactions, lambda r: client(box, "wrong").payout(PayoutKey("", r, ""))):
        with pytest.raises(CredentialsFault):
            ask("XISA93DJ")


@pytest.mark.parametrize("status", [400, 404, 405, 409, 418, 500, 501, 206, 204])
def test_any_other_status_is_unavailable_at_once(
    box: Sandbox, monkeypatch: pytest.MonkeyPatch, slept: list[float], status: int
) -> None:
    hook(box, monkeypatch, lambda incoming, answer: setattr(answer, "status", status))
    with pytest.raises(Unavailable, match=f"/payouts: HTTP {status}"):
        payouts(box)
    assert slept == []
    assert len(box.requests) == 1


@pytest.mark.parametrize("path", ["", "/settlements/v1/payouts"])
def test_a_redirect_is_never_followed(box: Sandbox, open_box: OpenBox, path: str) -> None:
    other = open_box()
    box.faults.arm("klarna-redirect", url=f"{other.url}{path}")
    with pytest.raises(Unavailable, match="HTTP 302: a redirect, which is never followed"):
        payouts(box)
    assert not other.requests
    assert len(box.requests) == 1


def test_a_redirect_to_the_same_host_is_not_followed_either(box: Sandbox) -> None:
    box.faults.arm("klarna-redirect", url=f"{box.url}/settlements/v1/payouts")
    with pytest.raises(Unavailable, match="redirect"):
        payouts(box)
    assert len(box.requests) == 1


def test_a_next_page_on_a_foreign_host_gets_no_visit(open_box: OpenBox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor credentials: the address of the next page is ours to make."""
    monkeypatch.setattr(klarna, "PAGE_SIZE", 2)
    box, other = open_box(*(a_payout(f"REF{number}") for number in range(5))), open_box()
    box.faults.arm("klarna-foreign-next", times=None, url=other.url)
    assert len(references(box)) == 5
    assert not other.requests


@pytest.mark.parametrize("following", [None, "absent", "", "?offset=0", 5, ["x"]])
def test_a_next_page_need_not_be_announced(
    open_box: OpenBox, monkeypatch: pytest.MonkeyPatch, following: object
) -> None:
    monkeypatch.setattr(klarna, "PAGE_SIZE", 2)
    box = open_box(*(a_payout(f"REF{number}") for number in range(5)))

    def change(page: Any) -> None:
        page["pagination"].pop("next", None)
        if following != "absent":
            page["pagination"]["next"] = following

    tamper(box, monkeypatch, change)
    assert len(references(box)) == 5


# What is no answer


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"{",
        b'{"payouts": []',
        b"\xff\xfe",
        b'{"payouts": ["\xff"]}',
        b"[" * 5000,
        b"NaN,",
        b"{}{}",
    ],
    ids=lambda body: repr(body[:16]),
)
def test_what_is_not_json_is_no_answer(
    box: Sandbox, monkeypatch: pytest.MonkeyPatch, slept: list[float], body: bytes
) -> None:
    hook(box, monkeypatch, lambda incoming, answer: setattr(answer, "body", body))
    with pytest.raises(Unavailable, match="/payouts: the answer is not JSON"):
        payouts(box)
    assert slept == []


def test_garbage_is_no_answer(box: Sandbox) -> None:
    box.faults.arm("klarna-garbage")
    with pytest.raises(Unavailable, match="the answer is not JSON"):
        payouts(box)


@pytest.mark.parametrize("body", ["[]", "null", "5", '"payouts"', "{}", '{"payouts": []}', '{"payouts": null}'])
def test_json_of_another_shape_is_no_answer(box: Sandbox, monkeypatch: pytest.MonkeyPatch, body: str) -> None:
    hook(box, monkeypatch, lambda incoming, answer: setattr(answer, "body", body.encode()))
    with pytest.raises(Unavailable, match="the answer is not what the contract says"):
        payouts(box)


GONE = object()


def place(path: str, value: object) -> Callable[[Any], None]:
    """Put a value at ``totals.sale_amount`` of the first item of an answer, or take it away."""

    def change(page: Any) -> None:
        item = (page.get("payouts") or page["transactions"])[0] if "pagination" in page else page
        *tables, key = path.split(".")
        for table in tables:
            item = item[table]
        if value is GONE:
            del item[key]
        else:
            item[key] = value

    return change


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("totals.settlement_amount", (100.0, 100.5, "100", True, None, [], {}, 2**63, -(2**63) - 1, GONE)),
        ("totals.sale_amount", (100.0, 1e5, "100000", False, [100], 2**63)),
        ("totals.opening_debt_balance_amount", (0.0, "0", True)),
        ("totals", (None, [], 5, GONE)),
        ("payment_reference", (None, "", 5, "\n", "  \x1b ", ["X"], GONE)),
        ("payout_date", (None, 5, "", "soon", "2026-13-01", "2026-11-19T25:00:00Z", GONE)),
        ("payout_date", ("0001-01-01T00:00:00+05:00", "9999-12-31T23:59:59-05:00", "1970-01-01T00:00:00Z")),
        ("currency_code", (None, "", 752, GONE)),
        ("currency_code_of_registration_country", (752,)),
        ("merchant_id", (None, "", 100198, GONE)),
        ("merchant_settlement_type", (None, 1, GONE)),
    ],
)
def test_a_payout_that_breaks_the_contract_is_no_payout(
    box: Sandbox, monkeypatch: pytest.MonkeyPatch, path: str, values: tuple[Any, ...]
) -> None:
    """An amount is an integer: what is nearly one is not rounded, cut or read."""
    handle = box.handle
    for value in values:
        monkeypatch.setattr(box, "handle", handle)
        tamper(box, monkeypatch, place(path, value))
        with pytest.raises(Unavailable, match=rf"the answer is not what the contract says: payouts\.0\.{path}: "):
            payouts(box)
        with pytest.raises(Unavailable, match=rf"the answer is not what the contract says: {path}: "):
            client(box).payout(PayoutKey(MERCHANT, "XISA93DJ", "SEK"))


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
def test_a_row_that_breaks_the_contract_is_no_row(
    open_box: OpenBox, monkeypatch: pytest.MonkeyPatch, path: str, values: tuple[Any, ...]
) -> None:
    row = {
        **dict.fromkeys(("detailed_type", "order_id", "merchant_reference1"), "x"),
        "type": "SALE",
        "amount": 100000,
        "currency_code": "SEK",
        "tax_in_currency_of_registration_country": 1,
    }
    box = open_box((a_payout("XISA93DJ"), [row]))
    handle = box.handle
    assert client(box).transactions("XISA93DJ")
    for value in values:
        monkeypatch.setattr(box, "handle", handle)
        tamper(box, monkeypatch, place(path, value))
        with pytest.raises(Unavailable, match=rf"not what the contract says: transactions\.0\.{path}: "):
            client(box).transactions("XISA93DJ")


def test_what_klarna_sends_wrong_is_not_quoted_at_length(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    tamper(box, monkeypatch, place("payout_date", "\x1b[31m" + "x" * 100_000))
    with pytest.raises(Unavailable) as caught:
        payouts(box)
    assert len(caught.value.message) < 200
    assert caught.value.message.isprintable()


# What Klarna says of an error


@pytest.mark.parametrize(("fault", "error"), [("klarna-429", Unavailable), ("klarna-401", CredentialsFault)])
def test_the_correlation_id_is_shown_for_klarnas_support_asks_for_it(
    box: Sandbox, once: None, fault: str, error: type[Klarna24Error]
) -> None:
    box.faults.arm(fault)
    with pytest.raises(error, match=r"\[correlation id 2f6a1c90-0000-4000-8000-5a9db0c0ffee\]"):
        payouts(box)


@pytest.mark.parametrize(
    ("body", "said"),
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
def test_an_error_in_klarnas_words_or_in_none(
    box: Sandbox, monkeypatch: pytest.MonkeyPatch, body: object, said: str
) -> None:
    def after(incoming: Incoming, answer: Reply) -> None:
        answer.status, answer.body = 400, json.dumps(body).encode()

    hook(box, monkeypatch, after)
    with pytest.raises(Unavailable) as caught:
        payouts(box)
    assert caught.value.message == f"Klarna: /payouts: HTTP 400{said}"


@pytest.mark.parametrize(
    "fault",
    [
        *("klarna-401", "klarna-429", "klarna-503", "klarna-garbage", "klarna-cut", "klarna-redirect"),
        *("klarna-endless", "klarna-short-page"),
    ],
)
def test_the_password_is_in_no_message(box: Sandbox, once: None, fault: str) -> None:
    """Nor in what a traceback would show."""
    box.faults.arm(fault, times=None)
    with pytest.raises(Klarna24Error) as caught:
        payouts(box)
    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value.problems())
    for secret in (WORD, base64.b64encode(f"{box.klarna.username}:{WORD}".encode()).decode()):
        assert secret not in shown


# One payout


ODD_REFERENCES = [
    *("XISA93DJ", "20261119000001", "a-f0-9", "A/B", "/", "A?B=C", "?", "A#B", "A B", "åäö", 'A"B', "A'B", "100%"),
    *(
        "A%2FB",
        "%2e%2e",
        "A&B=1",
        "../payouts",
        "..",
        ".",
        "...",
        "..%2f..",
        "A;B",
        "A\\B",
        "A+B",
        "~",
        "A:B@C",
        "[/b]",
    ),
]


@pytest.mark.parametrize("reference", ODD_REFERENCES)
def test_a_reference_is_a_name_and_no_part_of_an_address(open_box: OpenBox, reference: str) -> None:
    row = {"type": "SALE", "amount": 100000, "currency_code": "SEK"}
    box = open_box(a_payout("OTHER"), (a_payout(reference), [row]))
    found = client(box).payout(PayoutKey(MERCHANT, reference, "SEK"))
    if reference in {".", ".."}:  # no address can name it: not found, and nothing else is asked for
        assert found is None
        assert not box.requests
    else:
        assert found
        assert found.payment_reference == reference
        assert [(request.operation, request.path.count("/"), request.query) for request in box.requests] == [
            ("payout", 4, "")
        ]
    assert len(client(box).transactions(reference)) == 1
    assert queries(box, "transactions") == [{"payment_reference": reference, "size": "500", "offset": "0"}]


@pytest.mark.parametrize(
    "key",
    [
        PayoutKey(MERCHANT, "GONE", "SEK"),
        PayoutKey(MERCHANT, "XISA93DJ", "EUR"),
        PayoutKey("N200", "XISA93DJ", "SEK"),
        PayoutKey(MERCHANT, "xisa93dj", "SEK"),
    ],
)
def test_another_payout_is_not_the_one_asked_for(box: Sandbox, key: PayoutKey) -> None:
    assert client(box).payout(key) is None
    assert client(box).payout(PayoutKey(MERCHANT, "XISA93DJ", "SEK"))


def test_an_answer_under_another_reference_is_not_the_payout(
    box: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    tamper(box, monkeypatch, place("payment_reference", "ANOTHER"))
    assert client(box).payout(PayoutKey(MERCHANT, "XISA93DJ", "SEK")) is None


@pytest.mark.parametrize("fault", ["klarna-503", "klarna-401", "klarna-garbage", "klarna-redirect", "klarna-cut"])
def test_a_failure_is_not_a_missing_payout(box: Sandbox, once: None, fault: str) -> None:
    """None means that Klarna no longer has it; a bad day at Klarna's does not."""
    box.faults.arm(fault, times=None)
    with pytest.raises((Unavailable, CredentialsFault)):
        client(box).payout(PayoutKey(MERCHANT, "XISA93DJ", "SEK"))


# What Klarna says, as we keep it


@pytest.mark.parametrize(
    ("minor", "amount"),
    [
        *(
            (0, "0.00"),
            (1, "0.01"),
            (-1, "-0.01"),
            (99, "0.99"),
            (100, "1.00"),
            (96250, "962.50"),
            (-96250, "-962.50"),
        ),
        (2**63 - 1, "92233720368547758.07"),
        (-(2**63), "-92233720368547758.08"),
        (9007199254740993, "90071992547409.93"),  # 2**53 + 1, which no float can hold
    ],
)
def test_minor_units_become_decimal_exactly(box: Sandbox, minor: int, amount: str) -> None:
    box.klarna.payouts[0]["totals"] |= {"settlement_amount": minor, "deposit_amount": minor}
    (payout,) = payouts(box)
    assert str(payout.totals.settlement) == str(payout.totals["deposit"]) == amount
    box.klarna.transactions["XISA93DJ"] = [{"type": "SALE", "amount": minor, "currency_code": "SEK"}]
    (row,) = client(box).transactions("XISA93DJ")
    assert str(row.amount) == amount


def test_every_total_is_kept_under_its_own_name() -> None:
    figures = {total: 100 + index for index, total in enumerate(SIGNS)}
    totals = {f"{total}_amount": minor for total, minor in figures.items()}
    debts = {"opening_debt_balance_amount": 7, "closing_debt_balance_amount": 9}
    payout = parse_payout({**payout_json(), "totals": {"settlement_amount": 5, **totals, **debts}})
    assert {total: payout.totals[total] * 100 for total in SIGNS} == figures
    assert len(SIGNS) == 16
    assert payout.totals.settlement == Decimal("0.05")
    assert (payout.totals.opening_debt, payout.totals.closing_debt) == (Decimal("0.07"), Decimal("0.09"))


@pytest.mark.parametrize("value", [None, GONE])
def test_a_total_that_is_left_out_is_zero(box: Sandbox, monkeypatch: pytest.MonkeyPatch, value: object) -> None:
    tamper(box, monkeypatch, place("totals.fee_amount", value))
    (payout,) = payouts(box)
    assert payout.totals["fee"] == 0


def test_a_payout_as_we_keep_it() -> None:
    payout = parse_payout(payout_json({"settlement": 96250}, currency_code_of_registration_country="NOK"))
    assert payout == Payout(
        payment_reference="XISA93DJ",
        payout_date=datetime(2026, 11, 19, 9, tzinfo=UTC),
        currency="SEK",
        settlement_type="NET",
        merchant_id=MERCHANT,
        totals=payout.totals,
        registration_currency="NOK",
    )
    assert parse_payout(payout_json(currency_code_of_registration_country=None)).registration_currency is None


def test_a_row_as_we_keep_it() -> None:
    """Everything but amount, type and currency may be missing, or blank, which is the same."""
    bare = {"type": "CHARGE", "amount": 5, "currency_code": "SEK"}
    expected = Transaction(type="CHARGE", amount=Decimal("0.05"), currency="SEK")
    names = ("detailed_type", "order_id", "merchant_reference1", "merchant_reference2")
    for blank in (None, "", "  ", "\n"):
        assert parse_transaction({**bare, **dict.fromkeys(names, blank)}) == expected
    assert parse_transaction(bare) == expected
    full = parse_transaction(
        {**bare, **{name: name for name in names}, "tax_in_currency_of_registration_country": 1234}
        | {"currency_code_of_registration_country": "NOK"}
    )
    assert [getattr(full, name) for name in names] == list(names)
    assert (full.registration_tax, full.registration_currency) == (Decimal("12.34"), "NOK")


def test_unknown_fields_are_ignored(open_box: OpenBox) -> None:
    row = {"type": "BRAND_NEW", "amount": 5, "currency_code": "SEK", "colour": {"a": [1.5]}, "vat_rate": 2500}
    payout = {**a_payout("XISA93DJ"), "colour": "red", "sixty": 60.5}
    payout["totals"]["new_amount"] = 1.5
    box = open_box((payout, [row]))
    assert references(box) == ["XISA93DJ"]
    (found,) = client(box).transactions("XISA93DJ")
    assert found.type == "BRAND_NEW", "an unknown type is kept: the mapping holds the payout"


DIRTY = "\x1b[31m[/b]X\nI\r\u202eS\x00A\u200b\x9b\u2028&<b> "
CLEAN = "[31m[/b]XISA&<b>"


def test_text_from_outside_loses_its_control_characters_at_the_door() -> None:
    payout = parse_payout(payout_json(payment_reference=DIRTY, merchant_id=DIRTY, currency_code="SE\nK"))
    assert (payout.payment_reference, payout.merchant_id, payout.currency) == (CLEAN, CLEAN, "SEK")
    names = ("type", "detailed_type", "order_id", "merchant_reference1", "merchant_reference2", "currency_code")
    row = parse_transaction({"amount": 1, **dict.fromkeys(names, DIRTY)})
    assert {row.type, row.detailed_type, row.order_id, row.merchant_reference1, row.merchant_reference2} == {CLEAN}
    assert parse_payout(payout_json(payment_reference="Räksmörgås 中 €")).payment_reference == "Räksmörgås 中 €"


@pytest.mark.parametrize("arguments", [[], ["--json"]])
def test_a_dirty_reference_is_shown_as_plain_text(open_shop: OpenShop, arguments: list[str]) -> None:
    """It colours nothing, breaks no line, and ends no markup."""
    shop = open_shop(payouts=[(a_payout(DIRTY, datetime.now(UTC) - timedelta(days=1)), [])])
    result = shop.dry_run(*arguments)
    assert (result.code, result.err) == (0, "")
    assert CLEAN in result.out
    assert all(character.isprintable() for line in result.out.splitlines() for character in line)


# Answers without an end


def test_an_answer_that_drips_is_cut_off(serve: Server, monkeypatch: pytest.MonkeyPatch, once: None) -> None:
    """A byte now and then keeps every read alive; the answer as a whole has its time."""
    monkeypatch.setattr(klarna, "ANSWER_SECONDS", 0.2)

    def drip(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        for _ in range(500):
            connection.sendall(b" ")
            time.sleep(0.01)

    started = time.monotonic()
    with pytest.raises(Unavailable, match="the answer did not end within 0 s"):
        payouts(serve(drip))
    assert time.monotonic() - started < 2


@pytest.mark.parametrize("chunked", [False, True])
def test_an_answer_without_end_is_cut_off(serve: Server, monkeypatch: pytest.MonkeyPatch, chunked: bool) -> None:
    monkeypatch.setattr(klarna, "ANSWER_BYTES", 2**20)

    def pour(connection: socket.socket) -> None:
        head = b"Transfer-Encoding: chunked" if chunked else b"Connection: close"
        connection.sendall(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\n")
        while True:  # until the other end hangs up
            connection.sendall(b"10000\r\n" * chunked + b" " * 2**16 + b"\r\n" * chunked)

    with pytest.raises(Unavailable, match="did not end within 120 s and 1 MiB"):
        payouts(serve(pour))


def test_a_small_answer_that_unpacks_without_end_is_cut_off(
    serve: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(klarna, "ANSWER_BYTES", 2**20)
    packed = gzip.compress(b" " * (8 * 2**20))
    assert len(packed) < 2**16
    with pytest.raises(Unavailable, match="did not end"):
        payouts(serve(reply(packed, "Content-Encoding: gzip")))


def test_a_packed_or_chunked_answer_is_read(serve: Server) -> None:
    assert payouts(serve(reply(gzip.compress(EMPTY), "Content-Encoding: gzip"))) == []
    chunked = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (EMPTY[:7], EMPTY[7:])) + b"0\r\n\r\n"

    def answer(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n" + chunked)

    assert payouts(serve(answer)) == []


@pytest.mark.parametrize("how", ["length", "chunked", "packed"])
def test_half_an_answer_is_none_even_if_it_reads_well(serve: Server, once: None, how: str) -> None:
    """An empty list from a broken connection is not "nothing new"."""

    def chunked(connection: socket.socket) -> None:
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
        connection.sendall(head + b"%x\r\n%s\r\n" % (len(EMPTY), EMPTY))

    answers = {
        "length": reply(EMPTY, length=len(EMPTY) + 1),
        "chunked": chunked,
        "packed": reply(b"not packed at all", "Content-Encoding: gzip"),
    }
    with pytest.raises(Unavailable, match="no answer"):
        payouts(serve(answers[how]))
