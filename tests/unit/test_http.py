"""No faster than a vendor allows, whichever threads ask; and what is not sent for that reason is not in doubt."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from klarna24.http.pace import Pace, TooManyRequests, pace_of, reset_paces
from klarna24.http.server_time import ServerTime
from tests.support.shops import NOON, OpenShop, shops, simple


def test_a_pace_allows_so_many_requests_in_any_span_whichever_threads_ask() -> None:
    pace, times = Pace(20, 0.3), []

    def ask(_: int) -> None:
        pace.wait(longest=10)
        times.append(time.monotonic())

    with ThreadPoolExecutor(16) as threads:
        list(threads.map(ask, range(70)))
    times.sort()
    assert len(times) == 70
    assert min(later - earlier for earlier, later in zip(times, times[20:], strict=False)) > 0.29
    assert times[-1] - times[0] < 10, "and no slower than need be"


def test_a_request_that_would_wait_too_long_is_refused_with_the_time_and_is_not_counted() -> None:
    pace = Pace(1, 0.2)
    pace.wait(0)
    for _ in range(3):
        with pytest.raises(TooManyRequests) as caught:
            pace.wait(0.01)
        assert 0 < caught.value.seconds <= 0.2
    time.sleep(0.21)
    pace.wait(0)


def test_each_user_has_a_pace() -> None:
    assert pace_of("me", 5, 1) is pace_of("me", 5, 1)
    assert pace_of("me", 5, 1) is not pace_of("you", 5, 1)


def test_profiles_of_one_klarna_user_share_a_pace(open_shop: OpenShop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("klarna24.klarna.client.REQUESTS_A_SECOND", {"live": 5, "playground": 5})
    shop = shops(open_shop, 11)
    started = time.monotonic()
    assert shop.run("sync", "--all", "--jobs", "11").code == 0
    assert time.monotonic() - started > 1.9, "eleven listings, five a second"


def test_the_hourly_limit_of_24sevenoffice_ends_the_run_before_anything_is_in_doubt(
    open_shop: OpenShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("klarna24.twentyfour.transport.REQUESTS_AN_HOUR", 9)
    shop = open_shop(payouts=[simple("REF1"), simple("REF2"), simple("REF3")])
    shop.write({"start_date": (NOON - timedelta(days=3)).date()})
    result = shop.sync("--json")
    (problem,) = result.json["profiles"][0]["problems"]
    assert (result.code, problem["code"]) == (5, "unavailable")
    assert "9 requests were made within an hour; the next one is possible in 60 minutes" in problem["message"]
    assert len(shop.drafts()) == 2
    assert sum(times for name, times in shop.box.calls().items() if name != "payouts") == 9
    reset_paces()  # an hour later
    assert shop.sync("--now").code == 0
    assert len(shop.drafts()) == 3


@pytest.mark.parametrize(
    ("header", "ahead"),
    [
        ("Thu, 19 Nov 2026 12:01:00 GMT", 60),
        ("Thu, 19 Nov 2026 11:59:30 -0000", -30),
        ("Thu, 19 Nov 2026 13:00:00 +0100", 0),
        *((text, None) for text in (None, "", "soon", "Thu, 99 Nov 2026 12:00:00 GMT", "\x00", "9" * 99)),
    ],
)
def test_the_date_header_says_how_far_the_server_is_ahead_or_nothing(
    header: str | None, ahead: int | None
) -> None:
    found = ServerTime(header, datetime(2026, 11, 19, 12, tzinfo=UTC)).ahead()
    assert found == (None if ahead is None else timedelta(seconds=ahead))
