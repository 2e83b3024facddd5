"""No faster than a vendor allows, whichever threads ask; and what is not sent for it is not in doubt."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from klarna24 import http as pace
from klarna24.http import Pace, TooManyRequests, pace_of
from tests.support.shops import NOON, OpenShop, shops, simple


@pytest.fixture(autouse=True)
def no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of what other tests have asked."""
    monkeypatch.setattr(pace, "_paces", {})


def test_never_more_than_so_many_in_any_span_whichever_threads_ask() -> None:
    kept, times = Pace(20, 0.3), []

    def ask(_: int) -> None:
        kept.wait(longest=10)
        times.append(time.monotonic())

    with ThreadPoolExecutor(16) as threads:
        list(threads.map(ask, range(70)))
    times.sort()
    assert len(times) == 70
    assert min(later - earlier for earlier, later in zip(times, times[20:], strict=False)) > 0.29
    assert times[-1] - times[0] < 2, "and no slower than need be"


def test_whoever_would_wait_too_long_is_told_how_long_and_is_not_counted() -> None:
    kept = Pace(1, 0.2)
    kept.wait(0)
    for _ in range(3):
        with pytest.raises(TooManyRequests) as caught:
            kept.wait(0.01)
        assert 0 < caught.value.seconds <= 0.2
    time.sleep(0.21)
    kept.wait(0)


def test_each_user_has_one_of_his_own() -> None:
    assert pace_of("me", 5, 1) is pace_of("me", 5, 1)
    assert pace_of("me", 5, 1) is not pace_of("you", 5, 1)


def test_the_jobs_of_one_klarna_user_share_a_pace(open_shop: OpenShop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("klarna24.klarna.client.REQUESTS_A_SECOND", {"live": 5, "playground": 5})
    shop = shops(open_shop, 11)
    started = time.monotonic()
    assert shop.run("sync", "--all", "--jobs", "11").code == 0
    assert time.monotonic() - started > 1.9, "eleven listings, five a second"


def test_what_24sevenoffice_allows_in_an_hour_ends_the_run_before_anything_is_in_doubt(
    open_shop: OpenShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("klarna24.twentyfour.transport.REQUESTS_AN_HOUR", 9)
    shop = open_shop(payouts=[simple("REF1"), simple("REF2"), simple("REF3")])
    shop.write({"start_date": (NOON - timedelta(days=3)).date()})
    result = shop.sync("--json")
    (problem,) = result.json["profiles"][0]["problems"]
    assert (result.code, problem["code"]) == (5, "unavailable")
    assert "9 requests were made within an hour" in problem["message"]
    assert len(shop.drafts()) == 2
    assert sum(times for name, times in shop.box.calls().items() if name != "payouts") == 9
    monkeypatch.setattr(pace, "_paces", {})  # an hour later
    assert shop.sync("--now").code == 0
    assert len(shop.drafts()) == 3
