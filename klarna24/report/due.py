"""Is last month's report to be mailed? Each shop's goes out once: the state's log has it as "reported"."""

from calendar import monthrange
from collections.abc import Iterable
from contextlib import closing
from datetime import UTC, datetime

from klarna24.config.loading import Config
from klarna24.config.tables import Profile
from klarna24.report.month import Month
from klarna24.state.base import Database

WHAT = "reported"


class MailedReports(Database):
    """The events of reports that were mailed by themselves. Each method raises StateFault."""

    def of(self, month: Month) -> set[str]:
        """The names of the profiles whose report of the month was mailed."""
        found = self._query("SELECT DISTINCT profile FROM event WHERE what = ? AND answer = ?", (WHAT, str(month)))
        return {row["profile"] for row in found}

    def record(self, profiles: Iterable[str], month: Month) -> None:
        """Each profile's report of the month has left."""
        with self._transaction():
            for profile in profiles:
                self._event(profile, None, WHAT, str(month))


def due(config: Config, profiles: Iterable[Profile]) -> list[Profile]:
    """Those whose report of last month is to be mailed now: the day has come where the shop is, there is somebody
    to mail it to, and it was not mailed yet. Raises StateFault."""
    now = datetime.now(UTC)
    last = {it.name: month for it in profiles if (month := month_due(config, it, now))}
    if not last:
        return []
    with closing(MailedReports.for_reading(config.state)) as mailed:
        done = {month: mailed.of(month) for month in set(last.values())}
    return [config.profiles[name] for name, month in last.items() if name not in done[month]]


def month_due(config: Config, profile: Profile, now: datetime) -> Month | None:
    """The month before that of ``now``, once its report is to be mailed; None where the profile began later."""
    today = now.astimezone(profile.timezone).date()
    day, last = config.report_day, Month.of(today).before
    if day is None or not config.email_of(profile) or last.last < profile.start_date:
        return None
    return last if today.day >= min(day, monthrange(today.year, today.month)[1]) else None
