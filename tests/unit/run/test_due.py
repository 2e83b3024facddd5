"""When a run is due, over two years in zones with every kind of clock change, and what a run does that is not."""

import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from klarna24.config.tables import Profile
from klarna24.run.due import next_due
from klarna24.text.reader import Reader
from tests.support import LONG, data
from tests.support.bookkeeping import profile
from tests.support.loading import loaded_by
from tests.support.shops import OpenShop, Shop, simple, snapshot

QUARTER, SECOND, HOUR, DAY = timedelta(minutes=15), timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
# Havana's clocks change at midnight: one day begins at 01:00, one has two midnights. Nuuk's go back from midnight
# into the day before. Lord Howe's change by half an hour.
ZONES = ["Europe/Stockholm", "America/New_York", "Pacific/Auckland", "America/Havana", "America/Nuuk"]
ZONES += ["Australia/Lord_Howe"]
FREQUENCIES: list[dict[str, Any]] = [
    {"frequency": "daily"},
    {"frequency": "weekly", "weekday": "monday"},
    {"frequency": "weekly", "weekday": "sunday"},  # the day of most clock changes
    {"frequency": "monthly", "day": 1},
    {"frequency": "monthly", "day": 31},
]


def is_due(shop: Profile, completed_at: datetime | None, has_unfinished: bool, now: datetime) -> bool:
    return next_due(shop, completed_at, has_unfinished, now) <= now


def names(settings_: dict[str, Any]) -> str:
    return "-".join(map(str, settings_.values()))


# The oracle does not compute: it looks at a clock on the wall every quarter of an hour.


class Begin(NamedTuple):
    """The first quarter of an hour in which the clock shows a new day."""

    at: datetime
    day: date


@cache
def begins(zone: str) -> list[Begin]:
    found: list[Begin] = []
    moment, wall = datetime(2025, 12, 20, tzinfo=UTC), ZoneInfo(zone)
    while moment < datetime(2028, 3, 5, tzinfo=UTC):
        day = moment.astimezone(wall).date()
        if not found or day > found[-1].day:
            found.append(Begin(moment, day))
        moment += QUARTER
    return found[1:]


def scheduled(day: date, rule: dict[str, Any]) -> bool:
    if rule["frequency"] == "weekly":
        weekday: str = rule["weekday"]
        return day.strftime("%A").lower() == weekday
    if rule["frequency"] == "monthly":
        last_of_month = (day + DAY).day == 1
        wanted: int = rule["day"]
        return day.day == wanted or (last_of_month and day.day < wanted)
    return True


def scheduled_begins(zone: str, rule: dict[str, Any]) -> list[datetime]:
    return [begin.at for begin in begins(zone) if scheduled(begin.day, rule)]


def shop_in(zone: str, rule: dict[str, Any]) -> Profile:
    return profile({"timezone": zone, **rule})


@pytest.mark.parametrize("rule", FREQUENCIES, ids=names)
@pytest.mark.parametrize("zone", ZONES)
def test_due_when_a_scheduled_day_has_begun_since_the_last_run_over_two_years(
    zone: str, rule: dict[str, Any]
) -> None:
    """For runs that ended when a day began, a second before and after that, and five hours into the day."""
    shop, starts = shop_in(zone, rule), scheduled_begins(zone, rule)
    for begin in begins(zone):
        if begin.at.year not in {2026, 2027}:
            continue
        for ended in (begin.at - SECOND, begin.at, begin.at + SECOND, begin.at + 5 * HOUR):
            due_at = next(start for start in starts if start > ended)
            assert next_due(shop, ended, False, ended) == due_at, ended
            assert not is_due(shop, ended, False, due_at - SECOND), ended
            assert is_due(shop, ended, False, due_at), ended
            assert next_due(shop, ended, False, due_at + HOUR) == due_at + HOUR, "now, if it is already due"
        starts = [start for start in starts if start > begin.at - SECOND]


CALENDAR = data(__file__, "calendar.toml")


@pytest.mark.parametrize(
    ("zone", "ended", "due_at"), [(it, *days) for it in ZONES for days in CALENDAR.get(it, ())]
)
def test_due_across_both_clock_changes(zone: str, ended: datetime, due_at: datetime) -> None:
    assert next_due(shop_in(zone, {}), ended, False, ended) == due_at


@pytest.mark.parametrize(("ended", "due_on"), CALENDAR["day 31"])
def test_day_31_is_the_last_day_of_a_shorter_month(ended: date, due_on: date) -> None:
    shop = shop_in("Europe/Stockholm", {"frequency": "monthly", "day": 31})
    last = datetime.combine(ended, datetime.min.time(), UTC) + 12 * HOUR
    due_at = next_due(shop, last, False, last).astimezone(shop.timezone)
    assert due_at.replace(tzinfo=None) == datetime.combine(due_on, datetime.min.time())


moments = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31)).map(lambda it: it.replace(tzinfo=UTC))  # noqa: DTZ001


@settings(max_examples=300 if LONG else 60, deadline=None)
@given(
    st.sampled_from(ZONES),
    st.sampled_from(FREQUENCIES),
    st.none() | moments,
    st.booleans(),
    st.integers(-4 * 86_400, 40 * 86_400),
    st.sampled_from(ZONES),
)
def test_due_as_the_oracle_says(
    zone: str, rule: dict[str, Any], ended: datetime | None, unfinished: bool, seconds: int, clock: str
) -> None:
    """In whatever zone the present time is given, and never due before next_due."""
    now = ((ended or datetime(2026, 6, 1, tzinfo=UTC)) + timedelta(seconds=seconds)).astimezone(ZoneInfo(clock))
    shop = shop_in(zone, rule)
    started = scheduled_begins(zone, {"frequency": "daily"} if unfinished else rule)
    expected = (
        ended is None
        or ended.timestamp() > now.timestamp() + 3600
        or any(ended.timestamp() < start.timestamp() <= now.timestamp() for start in started)
    )
    assert is_due(shop, ended, unfinished, now) == expected
    at = next_due(shop, ended, unfinished, now)
    assert at.tzinfo is UTC
    assert at.timestamp() >= now.timestamp()
    assert is_due(shop, ended, unfinished, at)
    assert expected or not is_due(shop, ended, unfinished, at - SECOND)


def test_a_last_run_in_the_future_does_not_count() -> None:
    now = datetime(2026, 11, 25, 12, tzinfo=UTC)
    for frequency in FREQUENCIES:
        shop = shop_in("Europe/Stockholm", frequency)
        assert not is_due(shop, now + HOUR, False, now), "two clocks may differ by an hour"
        assert is_due(shop, now + HOUR + SECOND, False, now)


# Runs that are due, and runs that are not


def ended_ago(shop: Shop, ago: timedelta, name: str = "shop1") -> None:
    """Sets when the last run ended."""
    with closing(sqlite3.connect(shop.state / "klarna24.sqlite")) as database, database:
        when = datetime.now(UTC) - ago
        database.execute("UPDATE profile SET completed_at = ? WHERE name = ?", (when.isoformat(), name))


def test_a_run_that_is_not_due_prints_sends_and_writes_nothing(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[simple("XISA93DJ")])
    shop.sync()
    before, requests = snapshot(shop.state), len(shop.box.requests)
    shop.box.klarna.add(simple("NEXT")[0], [])
    for arguments in ([], ["--wait", "5"]):
        result = shop.sync(*arguments)
        assert (result.code, result.out, result.err) == (0, "", "")
    (report,) = shop.sync("--json").json["profiles"]
    assert (report["due"], report["payouts"], report["problems"]) == (False, [], [])
    assert report["checkpoint"]
    assert len(shop.box.requests) == requests
    assert snapshot(shop.state) == before
    assert shop.sync("--now", "--json").json["profiles"][0]["due"] is True
    assert len(shop.drafts()) == 2


def test_a_run_that_is_not_due_needs_no_password(open_shop: OpenShop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = open_shop(payouts=[simple("XISA93DJ")])
    shop.sync()
    for name in shop.box.environment():
        monkeypatch.delenv(name)
    assert shop.sync().code == 0
    assert shop.sync("--now").code == 4


def test_a_run_that_is_not_due_loads_nothing_slow(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[])
    shop.sync()
    slow = {"keyring", "lxml", "requests", "rich", "tenacity", "tomli_w", "urllib3", "zeep"}
    requests = len(shop.box.requests)
    assert loaded_by(["--config", str(shop.config), "sync", "--all"], slow) == (0, [])
    assert len(shop.box.requests) == requests


def test_a_weekly_shop_with_a_blocked_payout_is_due_every_day_until_it_is_corrected(open_shop: OpenShop) -> None:
    blocked = simple("BLOCKED", 1, sale_amount=100, settlement_amount=99)
    shop = open_shop(payouts=[blocked])
    other_day = f"{datetime.now(UTC) + 3 * DAY:%A}".lower()
    shop.write({"frequency": "weekly", "weekday": other_day})
    assert shop.sync().code == 7
    assert shop.sync().code == 0, "it is reported once a day"
    ended_ago(shop, DAY)
    assert shop.sync().code == 7
    blocked[0]["totals"]["settlement_amount"] = 100
    ended_ago(shop, DAY)
    assert shop.sync().code == 0
    assert len(shop.drafts()) == 1
    ended_ago(shop, DAY)
    assert shop.sync("--json").json["profiles"][0]["due"] is False
    ended_ago(shop, 7 * DAY)
    assert shop.sync("--json").json["profiles"][0]["due"] is True


ENDS = {"not-saved": 6, "cut-after-save": 8, "klarna-401": 4, "klarna-garbage": 5, "limit-exceeded": 5}


@pytest.mark.parametrize(("fault", "code"), ENDS.items())
def test_a_run_is_completed_when_every_attempt_ended(
    open_shop: OpenShop, quick: None, fault: str, code: int
) -> None:
    """It ends with 0, 6, 7 or 8; after any other exit code the next run is due at once."""
    shop = open_shop(payouts=[simple("XISA93DJ")])
    shop.box.faults.arm(fault, times=None)
    assert shop.sync().code == code
    shop.box.faults.clear()
    assert shop.sync("--json").json["profiles"][0]["due"] is (code < 6)


def test_a_clock_that_was_set_back_makes_the_next_run_due(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[])
    shop.sync()
    ended_ago(shop, -2 * HOUR)
    assert shop.sync("--json").json["profiles"][0]["due"] is True
    ended_ago(shop, -HOUR / 2)
    assert shop.sync("--json").json["profiles"][0]["due"] is False


def test_each_profile_is_due_by_itself(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[])
    shop.write({"klarna": {"currencies": ["SEK"]}}, shop2={"klarna": {"currencies": ["EUR"]}})
    assert shop.sync().code == 0
    document = shop.run("sync", "--all", "--json").json
    assert {one["profile"]: one["due"] for one in document["profiles"]} == {"shop1": False, "shop2": True}


def test_a_dry_run_always_runs_and_says_whether_a_sync_is_due(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[simple("XISA93DJ")])
    assert shop.dry_run("--json").json["profiles"][0]["due"] is True
    shop.sync()
    shop.box.klarna.add(simple("NEXT")[0], [])
    (report,) = shop.dry_run("--json").json["profiles"]
    assert report["due"] is False
    assert [payout["payment_reference"] for payout in report["payouts"]] == ["NEXT"]
    assert "a sync is not due until " in shop.dry_run().out


def test_status_shows_when_the_next_run_is_due(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[])
    assert "next run is due     now" in shop.run("status").out
    shop.sync()
    zone = ZoneInfo("Europe/Stockholm")
    tomorrow = datetime.combine(datetime.now(zone).date() + DAY, datetime.min.time(), zone)
    (one,) = shop.run("status", "--json").json["profiles"]
    assert datetime.fromisoformat(one["next_due"]) == tomorrow
    assert f"next run is due     {Reader('en').moment(tomorrow, zone)}" in shop.run("status").out
    shop.rename("other")
    due = {one["profile"]: one["next_due"] for one in shop.run("status", "--json").json["profiles"]}
    assert due["other"], "never run: due now"
    assert due["shop1"] is None, "no longer in the file"


def test_an_unusable_state_is_reported_even_where_nothing_is_due(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[])
    shop.state.mkdir()
    (shop.state / "klarna24.sqlite").write_text("not a database, for certain")
    assert shop.sync().code == 3
