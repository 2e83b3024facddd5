"""Is last month's report to be mailed? Each shop's goes out once, as the state's log has it.

mailing → reported | unknown | not mailed      mailing is on disk before the mail leaves
"""

from calendar import monthrange
from collections.abc import Iterable
from contextlib import closing
from datetime import UTC, datetime
from enum import StrEnum
from typing import NamedTuple

from klarna24.config.loading import Config
from klarna24.config.tables import Profile
from klarna24.report.month import Month
from klarna24.state.base import Database


class Mailed(StrEnum):
    """How far a month's report has come, as events have it."""

    MAILING = "report: mailing"
    REPORTED = "reported"
    UNKNOWN = "report: unknown whether it was mailed"
    NOT_MAILED = "report: not mailed"


class MailedReports(Database):
    """The events of reports that were mailed by themselves. Each method raises StateFault."""

    def of(self, month: Month) -> dict[str, Mailed]:
        """How far the report of the month has come, by the names of the profiles."""
        marks = ", ".join("?" for _ in Mailed)
        found = self._query(
            "SELECT profile, what FROM event WHERE payout_id IS NULL"  # noqa: S608 - marks alone
            f" AND what IN ({marks}) AND answer = ? ORDER BY id",
            (*Mailed, str(month)),
        )
        return {row["profile"]: Mailed(row["what"]) for row in found}

    def record(self, profiles: Iterable[str], month: Month, what: Mailed) -> None:
        """Each profile's report of the month has come so far."""
        with self._transaction():
            for profile in profiles:
                self._event(profile, None, what, str(month))


class Due(NamedTuple):
    """The profiles whose report is to be mailed now, and by month those whose report was being mailed when a run
    ended."""

    to_mail: list[Profile]
    interrupted: dict[Month, list[str]]

    def __bool__(self) -> bool:
        return bool(self.to_mail or self.interrupted)


def due(config: Config, profiles: Iterable[Profile]) -> Due:
    """What is to be done about last month's reports now: the day has come where the shop is, there is somebody to
    mail it to, and it was not mailed yet. Raises StateFault."""
    now = datetime.now(UTC)
    last = {it.name: month for it in profiles if (month := month_due(config, it, now))}
    if not last:
        return Due([], {})
    with closing(MailedReports.for_reading(config.state)) as mailed:
        done = {month: mailed.of(month) for month in set(last.values())}
    found = Due([], {})
    for name, month in last.items():
        match done[month].get(name):
            case None | Mailed.NOT_MAILED:
                found.to_mail.append(config.profiles[name])
            case Mailed.MAILING:
                found.interrupted.setdefault(month, []).append(name)
    return found


def month_due(config: Config, profile: Profile, now: datetime) -> Month | None:
    """The month before that of ``now``, once its report is to be mailed; None where the profile began later."""
    today = now.astimezone(profile.timezone).date()
    day, last = config.report_day, Month.of(today).before
    if day is None or not config.email_of(profile) or last.last < profile.start_date:
        return None
    return last if today.day >= min(day, monthrange(today.year, today.month)[1]) else None
