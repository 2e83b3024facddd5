"""The files are fetched once a run, the history only for old days; what cannot be had blocks, and says why."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import Any

import pytest

from klarna24.ecb import client as ecb
from klarna24.ecb.client import EcbClient
from klarna24.errors import Blocked
from klarna24.sandbox.server import Sandbox
from tests.support.raw_server import read_until, serving

FRIDAY = date(2026, 11, 20)
RECENT, WHOLE = "eurofxref-hist-90d", "eurofxref-hist"


@pytest.fixture
def box() -> Iterator[Sandbox]:
    """A sandbox on a Friday."""
    with Sandbox(today=FRIDAY, payouts=[]) as running:
        yield running
        assert running.errors == []


@pytest.fixture
def once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is asked again."""
    monkeypatch.setattr(ecb, "RETRY_SECONDS", 0.0)


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds between repeated requests, which do not pass."""
    seconds: list[float] = []
    monkeypatch.setattr("tenacity.nap.time.sleep", seconds.append)
    return seconds


def refusal(url: str) -> Blocked:
    """The error with which a rate is refused."""
    with pytest.raises(Blocked) as caught:
        EcbClient(url).rate(FRIDAY, "EUR", "SEK")
    assert (caught.value.code, caught.value.exit_code) == ("currency", 7)
    assert caught.value.hint.endswith(
        "it is tried again at each run; or book it by hand, then klarna24 resolve --skip"
    )
    assert "\n" not in caught.value.message
    return caught.value


def test_a_rate_is_that_of_the_file(box: Sandbox) -> None:
    found = EcbClient(box.url).rate(FRIDAY, "EUR", "SEK")
    assert (f"{found.value:.4f}", found.day) == (box.ecb.rate(FRIDAY, "SEK"), FRIDAY)


def test_the_recent_file_is_fetched_once_and_the_history_only_for_older_days(box: Sandbox) -> None:
    client, first = EcbClient(box.url), min(day for day in box.ecb.days if FRIDAY - day < timedelta(days=90))
    for day in (FRIDAY, first, FRIDAY):
        client.rate(day, "EUR", "SEK")
    assert box.calls() == {RECENT: 1}
    for day in (first - timedelta(days=3), FRIDAY, FRIDAY - timedelta(days=600)):
        client.rate(day, "EUR", "SEK")
    assert client.newest_day() == FRIDAY
    assert box.calls() == {RECENT: 1, WHOLE: 1}


def test_profiles_side_by_side_share_one_request(box: Sandbox) -> None:
    client = EcbClient(box.url)
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda _: client.rate(FRIDAY, "EUR", "SEK"), range(8)))
    assert len(found) == 1
    assert box.calls() == {RECENT: 1}


def test_a_file_that_could_not_be_had_is_not_asked_for_again(box: Sandbox, once: None) -> None:
    box.faults.arm("ecb-status", times=None)
    client = EcbClient(box.url)
    for _ in range(3):
        with pytest.raises(Blocked, match="HTTP 503"):
            client.rate(FRIDAY, "EUR", "SEK")
    assert box.calls() == {RECENT: 1}


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (("ecb-status", 404), "HTTP 404"),
        (("ecb-status", 500), "HTTP 500"),
        (("ecb-status", 503), "HTTP 503"),
        (("ecb-cut",), "no answer (ConnectionError)"),
        (("ecb-html",), "the answer is not a file of rates"),
        (("ecb-garbage",), "the answer is not a file of rates"),
        (("ecb-redirect",), "HTTP 302: a redirect, which is never followed"),
        (("ecb-odd",), "SEK '0' of 2026-11-20 is not a rate"),
    ],
    ids=lambda it: "-".join(map(str, it)) if isinstance(it, tuple) else "",
)
def test_what_cannot_be_used_blocks_with_its_address_and_cause(
    box: Sandbox, once: None, fault: tuple[Any, ...], says: str
) -> None:
    box.faults.arm(fault[0], times=None, **({"status": fault[1]} if fault[1:] else {}))
    address = f"{box.url}/stats/eurofxref/{RECENT}.xml"
    assert refusal(box.url).message == f"no rates from the European Central Bank: {address}: {says}"
    assert len(box.requests) == 1


def test_a_server_that_is_not_running_blocks(box: Sandbox, once: None) -> None:
    box.stop()
    assert refusal(box.url).message.endswith("refuses connections")


@pytest.mark.parametrize(("fault", "requests"), [("ecb-status", 3), ("ecb-cut", 3)])
def test_what_may_succeed_in_a_moment_is_asked_again(
    box: Sandbox, slept: list[float], fault: str, requests: int
) -> None:
    box.faults.arm(fault, times=2)
    assert EcbClient(box.url).rate(FRIDAY, "EUR", "SEK").day == FRIDAY
    assert (len(slept), len(box.requests)) == (2, requests)


def test_retries_last_half_a_minute_at_most(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ecb.RETRY_SECONDS == 30
    monkeypatch.setattr(ecb, "RETRY_SECONDS", 0.3)
    box.faults.arm("ecb-status", times=None)
    refusal(box.url)
    assert 1 <= len(box.requests) <= 4


def test_an_answer_without_an_end_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ecb, "ANSWER_SECONDS", 0.5)

    def drip(connection: Any) -> None:
        read_until(connection, b"\r\n\r\n")
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        while True:
            connection.sendall(b"<")

    with serving(drip) as (port, connections):
        assert "the answer did not end within" in refusal(f"http://127.0.0.1:{port}").message
        assert connections == [1]


def test_an_answer_that_is_too_large_is_not_read_to_its_end() -> None:
    def flood(connection: Any) -> None:
        read_until(connection, b"\r\n\r\n")
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        while True:
            connection.sendall(b" " * 2**16)

    with serving(flood) as (port, _):
        assert "the answer did not end within 60 s and 1 MiB" in refusal(f"http://127.0.0.1:{port}").message


def test_what_a_person_has_to_correct_is_told_at_once(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    error = refusal(box.url.replace("http:", "https:"))
    assert "no secure connection is possible" in error.message
    assert error.hint.startswith("check rates_url, and the proxy if there is one; it is tried again")
    assert box.requests == []


def test_rates_far_behind_do_not_pass_for_those_of_today(box: Sandbox) -> None:
    with pytest.raises(Blocked, match="not published the rate of 2026-11-23 yet"):
        EcbClient(box.url).rate(FRIDAY + timedelta(days=3), "EUR", "SEK")
    box.faults.arm("ecb-no-day")
    with pytest.raises(Blocked, match=r"2026-11-20 yet .the newest is of 2026-11-19"):
        EcbClient(box.url).rate(FRIDAY, "EUR", "SEK")
    box.faults.arm("ecb-no-currency", value="NOK")
    with pytest.raises(Blocked, match="published no rate of NOK on 2026-11-20"):
        EcbClient(box.url).rate(FRIDAY, "EUR", "NOK")
