"""Which days of payouts are asked for, and to which day a payout belongs."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from klarna24.sandbox.server import Sandbox
from tests.support import bookkeeping as build
from tests.support.klarna import (
    DAY,
    NOON,
    STOCKHOLM,
    OpenBox,
    a_payout,
    client,
    queries,
    references,
    tamper,
)
from tests.support.shops import OpenShop


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
        # on this day there was no midnight
        ("America/Sao_Paulo", "2018-11-04", "2018-11-04", "2018-11-04T03:00:00Z", "2018-11-05T01:59:59Z"),
        ("UTC", "2026-11-19", "2026-11-20", "2026-11-19T00:00:00Z", "2026-11-20T23:59:59Z"),
    ],
)
def test_local_midnights_are_sent_as_full_date_times_in_utc(
    box: Sandbox, zone: str, since: str, until: str, start: str, end: str
) -> None:
    client(box).payouts(date.fromisoformat(since), date.fromisoformat(until), ZoneInfo(zone))
    assert queries(box) == [{"start_date": start, "end_date": end, "size": "500", "offset": "0"}]


@pytest.mark.parametrize("day", [date(2026, 3, 29), date(2026, 10, 25), date(2026, 11, 19)])
@pytest.mark.parametrize("zone", ["Europe/Stockholm", "America/New_York", "Pacific/Auckland", "UTC"])
def test_a_local_day_has_every_moment_of_it_and_no_other(open_box: OpenBox, day: date, zone: str) -> None:
    local = ZoneInfo(zone)
    first = datetime.combine(day, datetime.min.time(), local).astimezone(UTC)
    after = datetime.combine(day + timedelta(days=1), datetime.min.time(), local).astimezone(UTC)
    second = timedelta(seconds=1)
    moments = {"EVE": first - second, "FIRST": first, "LAST": after - second, "NEXT": after}
    box = open_box(*(a_payout(name, moment) for name, moment in moments.items()))
    found = client(box).payouts(day, day, local)
    assert [payout.payment_reference for payout in found] == ["FIRST", "LAST"]
    assert {payout.payout_date.astimezone(local).date() for payout in found if payout.payout_date} == {day}


def test_payouts_of_other_days_are_left_out_even_if_klarna_sends_them(
    open_box: OpenBox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The order of the list is undocumented, and so is whether the bounds are exact to the second."""
    box = open_box(
        a_payout("TODAY"), a_payout("EVE", NOON - timedelta(days=1)), a_payout("NEXT", NOON + timedelta(1))
    )
    everything = [dict(payout) for payout in box.klarna.payouts]

    def change(page: Any) -> None:
        page["payouts"] = everything
        page["pagination"]["total"] = page["pagination"]["count"] = len(everything)

    tamper(box, monkeypatch, change)
    assert [found.payment_reference for found in client(box).payouts(DAY, DAY, STOCKHOLM)] == ["TODAY"]


def test_the_oldest_is_first_whatever_klarnas_order(open_box: OpenBox) -> None:
    box = open_box(a_payout("C", NOON), a_payout("A", NOON - timedelta(days=2)), a_payout("B", NOON))
    assert references(box) == ["A", "B", "C"]


def test_a_window_that_ends_before_it_begins_is_not_asked_for(box: Sandbox) -> None:
    assert client(box).payouts(DAY + timedelta(days=1), DAY, STOCKHOLM) == []
    assert not box.requests


@pytest.mark.parametrize("zone", ["Europe/Stockholm", "Pacific/Auckland", "America/New_York"])
def test_the_first_and_last_days_of_the_calendar_are_no_bug(box: Sandbox, zone: str) -> None:
    assert len(client(box).payouts(date.min, date.max, ZoneInfo(zone))) == 1
    assert client(box).payouts(date.max, date.max, ZoneInfo(zone)) == []
    (query, *_) = queries(box)
    assert len(query["start_date"]) == len(query["end_date"]) == len("2026-11-19T00:00:00Z")


def test_the_first_and_last_days_of_the_calendar_may_be_given_on_the_command_line(open_shop: OpenShop) -> None:
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
    assert build.payout(payout_date=text).payout_date.isoformat() == moment
