"""Klarna's client against the sandbox and servers on loopback: who asks, what is asked again, what is refused."""

import base64
import gzip
import socket
import time
import traceback
from collections.abc import Callable
from typing import Any

import pytest
import requests

from klarna24 import __version__
from klarna24.bookkeeping.payout import PayoutKey
from klarna24.config.tables import KLARNA_HOSTS
from klarna24.errors import ConfigFault, CredentialsFault, Klarna24Error, Unavailable
from klarna24.klarna import client as klarna
from klarna24.klarna import listing
from klarna24.sandbox.server import Sandbox
from tests.support.klarna import (
    MERCHANT,
    PASSWORD,
    XISA93DJ,
    OpenBox,
    a_payout,
    answer_with,
    client,
    hook,
    payouts,
    queries,
    references,
    tamper,
)
from tests.support.raw_server import Behave

CORRELATION = r"\[correlation id 2f6a1c90-0000-4000-8000-5a9db0c0ffee\]"  # Klarna's support asks for it
EMPTY = b'{"payouts": [], "pagination": {"total": 0}}'
Server = Callable[[Behave], str]


def reply(body: bytes, *headers: str, status: str = "200 OK", length: int | None = None) -> Behave:
    """A plain HTTP answer; ``length`` makes Content-Length wrong."""
    head = [
        f"HTTP/1.1 {status}",
        f"Content-Length: {len(body) if length is None else length}",
        "Connection: close",
    ]
    return lambda connection: connection.sendall("\r\n".join([*head, *headers, "", ""]).encode() + body)


# Who asks, and where


@pytest.mark.parametrize("password", [PASSWORD, "klarna_live_api_x", ":", "å" * 100, "a\nb"])
def test_credentials_are_sent_as_basic_auth_in_utf8(
    box: Sandbox, monkeypatch: pytest.MonkeyPatch, password: str
) -> None:
    box.klarna.password = password
    sent: list[str | None] = []
    hook(box, monkeypatch, lambda incoming, answer: sent.append(incoming.headers.get("Authorization")))
    assert client(box, password).payout(XISA93DJ)
    assert sent == ["Basic " + base64.b64encode(f"{box.klarna.username}:{password}".encode()).decode()]


def test_a_request_names_the_product_and_asks_for_json(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
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
def test_region_and_environment_decide_the_host(
    monkeypatch: pytest.MonkeyPatch, once: None, region: str, environment: str, host: str
) -> None:
    asked: list[str] = []

    def get(self: requests.Session, url: str, **kwargs: Any) -> None:
        asked.append(url)
        raise requests.ConnectionError

    monkeypatch.setattr(requests.Session, "get", get)
    for base_url, expected in ((None, host), ("https://api.kustom.co/", "https://api.kustom.co")):
        asked.clear()
        with pytest.raises(Unavailable):
            payouts(base_url, region=region, environment=environment)
        assert set(asked) == {f"{expected}/settlements/v1/payouts"}
    assert len(KLARNA_HOSTS) == 6


def test_loopback_is_reached_without_a_proxy(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://192.0.2.1:3128")
    assert references(box) == ["XISA93DJ"]


# What is asked again, and for how long


@pytest.mark.parametrize("fault", ["klarna-503", "klarna-429", "klarna-cut", "cut"])
def test_what_may_succeed_in_a_moment_is_asked_again(box: Sandbox, slept: list[float], fault: str) -> None:
    box.faults.arm(fault, times=2)
    assert references(box) == ["XISA93DJ"]
    assert len(slept) == 2
    assert len(box.requests) == 3


def test_waits_grow_and_are_random(box: Sandbox, monkeypatch: pytest.MonkeyPatch, slept: list[float]) -> None:
    """Exponential with full jitter: the range from which a wait is drawn grows up to a bound."""
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


@pytest.mark.parametrize(
    ("fault", "says"), [("klarna-503", "HTTP 503"), ("klarna-429", CORRELATION), ("klarna-cut", "no answer")]
)
def test_retries_end_in_time(box: Sandbox, quick: None, fault: str, says: str) -> None:
    box.faults.arm(fault, times=None)
    started = time.monotonic()
    with pytest.raises(Unavailable, match=says) as caught:
        payouts(box)
    assert time.monotonic() - started < 300
    assert 1 <= len(box.requests) <= 4
    assert caught.value.hint == "the next run carries on"


def test_retries_last_half_a_minute_and_a_page_is_the_largest_that_klarna_allows() -> None:
    assert (klarna.RETRY_SECONDS, listing.PAGE_SIZE) == (30, 500)


def test_a_server_that_is_not_running_is_unavailable(box: Sandbox, once: None) -> None:
    box.stop()
    with pytest.raises(Unavailable, match=r"/payouts: 127.0.0.1:\d+ refuses connections"):
        payouts(box)


def test_a_host_that_does_not_exist_is_unavailable(once: None) -> None:
    with pytest.raises(Unavailable, match="cannot be looked up"):
        payouts("https://no-such-host.invalid")


def test_an_answer_that_never_comes_is_unavailable(
    box: Sandbox, monkeypatch: pytest.MonkeyPatch, once: None
) -> None:
    monkeypatch.setattr(klarna, "TIMEOUT", (1, 0.1))
    box.faults.arm("klarna-hang", times=None)
    with pytest.raises(Unavailable, match=r"no answer \(ReadTimeout\)"):
        payouts(box)


def test_a_certificate_file_that_does_not_exist_is_no_bug(monkeypatch: pytest.MonkeyPatch, once: None) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/no/such/bundle.pem")
    with pytest.raises(ConfigFault, match=r"REQUESTS_CA_BUNDLE .*/no/such/bundle\.pem"):
        payouts(None)


# What is not asked again


@pytest.mark.parametrize("status", [401, 403])
def test_refused_credentials_name_what_to_check(
    box: Sandbox, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    answer_with(box, monkeypatch, status=status)
    with pytest.raises(CredentialsFault, match=f"HTTP {status}") as caught:
        payouts(box, region="oceania", environment="playground")
    assert "oceania" in caught.value.hint
    assert "playground" in caught.value.hint
    assert box.url in caught.value.message
    assert len(box.requests) == 1


def test_a_wrong_password_is_a_credentials_fault_whatever_is_asked(box: Sandbox) -> None:
    for ask in (
        lambda: payouts(box, password="wrong"),
        lambda: client(box, "wrong").transactions("XISA93DJ"),
        lambda: client(box, "wrong").payout(XISA93DJ),
    ):
        with pytest.raises(CredentialsFault, match=rf"HTTP 401\): UNAUTHORIZED.*{CORRELATION}"):
            ask()


@pytest.mark.parametrize("status", [400, 404, 405, 409, 418, 500, 501, 206, 204])
def test_any_other_status_is_unavailable_at_once_with_klarnas_text(
    box: Sandbox, monkeypatch: pytest.MonkeyPatch, slept: list[float], status: int
) -> None:
    answer_with(box, monkeypatch, status=status, body=b'{"error_code": "BAD", "correlation_id": "c"}')
    with pytest.raises(Unavailable) as caught:
        payouts(box)
    if status != 204:  # which has no body
        assert caught.value.message == f"Klarna: /payouts: HTTP {status}: BAD [correlation id c]"
    assert caught.value.message.startswith(f"Klarna: /payouts: HTTP {status}")
    assert slept == []
    assert len(box.requests) == 1


@pytest.mark.parametrize("there", ["elsewhere", "elsewhere/settlements/v1/payouts", "here/settlements/v1/payouts"])
def test_a_redirect_is_never_followed(box: Sandbox, open_box: OpenBox, there: str) -> None:
    other = open_box()
    box.faults.arm("klarna-redirect", url=there.replace("elsewhere", other.url).replace("here", box.url))
    with pytest.raises(Unavailable, match="HTTP 302: a redirect, which is never followed"):
        payouts(box)
    assert not other.requests
    assert len(box.requests) == 1


@pytest.mark.parametrize(
    ("body", "says"),
    [(b"<html>", "is not JSON"), (b'{"payouts": {}}', "is not what the contract says: payouts")],
)
def test_an_answer_that_cannot_be_read_is_unavailable_at_once(
    box: Sandbox, monkeypatch: pytest.MonkeyPatch, slept: list[float], body: bytes, says: str
) -> None:
    answer_with(box, monkeypatch, body=body)
    with pytest.raises(Unavailable, match=f"Klarna: /payouts: the answer {says}"):
        payouts(box)
    assert slept == []


@pytest.mark.parametrize(
    "fault",
    [
        *("klarna-401", "klarna-429", "klarna-503", "klarna-garbage", "klarna-cut", "klarna-redirect"),
        *("klarna-endless", "klarna-short-page"),
    ],
)
def test_the_password_is_in_no_message_and_no_traceback(box: Sandbox, once: None, fault: str) -> None:
    box.faults.arm(fault, times=None)
    with pytest.raises(Klarna24Error) as caught:
        payouts(box)
    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value.problems())
    for secret in (PASSWORD, base64.b64encode(f"{box.klarna.username}:{PASSWORD}".encode()).decode()):
        assert secret not in shown


# One payout

ODD_REFERENCES = [
    *("XISA93DJ", "20261119000001", "a-f0-9", "A/B", "/", "A?B=C", "?", "A#B", "A B", "åäö", 'A"B', "A'B", "100%"),
    *("A%2FB", "%2e%2e", "A&B=1", "../payouts", "..", ".", "...", "..%2f..", "A;B", "A\\B", "A+B", "~", "A:B@C"),
    "[/b]",
]


@pytest.mark.parametrize("reference", ODD_REFERENCES)
def test_a_reference_is_a_name_and_never_part_of_an_address(open_box: OpenBox, reference: str) -> None:
    row = {"type": "SALE", "amount": 100000, "currency_code": "SEK"}
    box = open_box(a_payout("OTHER"), (a_payout(reference), [row]))
    found = client(box).payout(PayoutKey(MERCHANT, reference, "SEK"))
    if reference in {".", ".."}:  # no address can name it: it is not found, and nothing else is asked for
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
    assert client(box).payout(XISA93DJ)


def test_an_answer_under_another_reference_is_not_the_payout(
    box: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    tamper(box, monkeypatch, lambda payout: payout.update(payment_reference="ANOTHER"))
    assert client(box).payout(XISA93DJ) is None


@pytest.mark.parametrize("fault", ["klarna-503", "klarna-401", "klarna-garbage", "klarna-redirect", "klarna-cut"])
def test_a_failure_is_not_a_missing_payout(box: Sandbox, once: None, fault: str) -> None:
    """None means that Klarna no longer has the payout; a failure does not."""
    box.faults.arm(fault, times=None)
    with pytest.raises((Unavailable, CredentialsFault)):
        client(box).payout(XISA93DJ)


# Answers without an end, and half answers


def test_an_answer_that_comes_in_single_bytes_is_cut_off(
    serve: Server, monkeypatch: pytest.MonkeyPatch, once: None
) -> None:
    """A byte now and then keeps every read alive; the whole answer has its own time limit."""
    monkeypatch.setattr(klarna, "ANSWER_SECONDS", 0.2)

    def drip(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        for _ in range(6000):
            connection.sendall(b" ")
            time.sleep(0.01)

    started = time.monotonic()
    with pytest.raises(Unavailable, match="the answer did not end within 0 s"):
        payouts(serve(drip))
    assert time.monotonic() - started < 30


@pytest.mark.parametrize("chunked", [False, True])
def test_an_answer_without_end_is_cut_off(serve: Server, monkeypatch: pytest.MonkeyPatch, chunked: bool) -> None:
    monkeypatch.setattr(klarna, "ANSWER_BYTES", 2**20)

    def pour(connection: socket.socket) -> None:
        head = b"Transfer-Encoding: chunked" if chunked else b"Connection: close"
        connection.sendall(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\n")
        while True:  # until the client closes the connection
            connection.sendall(b"10000\r\n" * chunked + b" " * 2**16 + b"\r\n" * chunked)

    with pytest.raises(Unavailable, match="did not end within 120 s and 1 MiB"):
        payouts(serve(pour))


def test_a_small_answer_that_unpacks_to_a_huge_one_is_cut_off(
    serve: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(klarna, "ANSWER_BYTES", 2**20)
    packed = gzip.compress(b" " * (8 * 2**20))
    assert len(packed) < 2**16
    with pytest.raises(Unavailable, match="did not end"):
        payouts(serve(reply(packed, "Content-Encoding: gzip")))


def chunks(*parts: bytes) -> Behave:
    """A chunked answer; without an empty part at its end, it is half an answer."""
    body = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    return lambda connection: connection.sendall(head + body)


@pytest.mark.parametrize(
    "answer",
    [reply(gzip.compress(EMPTY), "Content-Encoding: gzip"), chunks(EMPTY[:7], EMPTY[7:], b"")],
    ids=["packed", "chunked"],
)
def test_a_packed_or_chunked_answer_is_read(serve: Server, answer: Behave) -> None:
    assert payouts(serve(answer)) == []


@pytest.mark.parametrize(
    "answer",
    [
        reply(EMPTY, length=len(EMPTY) + 1),
        chunks(EMPTY),
        reply(b"not packed at all", "Content-Encoding: gzip"),
    ],
    ids=["length", "chunked", "packed"],
)
def test_half_an_answer_is_refused_even_if_it_can_be_read(serve: Server, once: None, answer: Behave) -> None:
    """An empty list from a broken connection does not mean that nothing is new."""
    with pytest.raises(Unavailable, match="no answer"):
        payouts(serve(answer))
