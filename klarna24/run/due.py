"""When a profile's next run is due: a pure function of its frequency, its last completed run and the clock.

A run is due once a scheduled day has begun in the shop's time zone since the last run ended. While payouts are
unfinished, every day is scheduled. A clock that was ahead and has been corrected must not silence a shop until it
has caught up: a run that ended more than an hour in the future does not count.
"""

from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from klarna24.config.tables import WEEKDAYS, Profile

CLOCK_SLACK = timedelta(hours=1)  # clocks of two machines, or of one before and after it asked a time server
ONE_DAY = timedelta(days=1)


def next_due(profile: Profile, completed_at: datetime | None, has_unfinished: bool, now: datetime) -> datetime:
    """The moment in UTC from which a run is due; ``now`` itself where one is due already.

    ``completed_at`` is when listing and all attempts last ended, well or not; None where they never did.
    """
    now = now.astimezone(UTC)
    if completed_at is None or completed_at > now + CLOCK_SLACK:
        return now
    return max(now, _scheduled_day_after(profile, completed_at, every_day=has_unfinished))


def _scheduled_day_after(profile: Profile, moment: datetime, *, every_day: bool) -> datetime:
    """When the first scheduled day begins that begins after ``moment``."""
    day = moment.astimezone(profile.timezone).date()
    while not (every_day or _is_scheduled(profile, day)) or _begins(day, profile.timezone) <= moment:
        day += ONE_DAY
    return _begins(day, profile.timezone)


def _is_scheduled(profile: Profile, day: date) -> bool:
    match profile.frequency:
        case "daily":
            return True
        case "weekly":
            return WEEKDAYS[day.weekday()] == profile.weekday
        case "monthly":
            return day.day == min(profile.day, monthrange(day.year, day.month)[1])


def _begins(day: date, zone: ZoneInfo) -> datetime:
    """Its local midnight, the first where there are two. In UTC: Python compares two times of one zone by their
    wall clocks, which go back in autumn."""
    return datetime.combine(day, time.min, zone).astimezone(UTC)
