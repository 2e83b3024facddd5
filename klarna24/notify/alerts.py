"""Decides what to mail about, and when: pure, from a run's problems, the alerts known before, and the time.

    new           mailed at once; what is unavailable, only when it has been so for a day
    still there   mailed again after a week
    over          mailed once, if the alert was ever mailed; a remark is never over, but seen no more

Only a run that came to its end proves that something is over: any other may not have seen it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from klarna24.errors import Locked, ProblemCode, Unavailable

DAY = timedelta(hours=23)  # less than 24, since cron may be a minute early on the next day
WEEK = timedelta(days=7) - timedelta(hours=1)
TEMPORARY = {Unavailable.code, Locked.code}  # the next run may find that it is over
FILE = ""  # the profile of an alert that concerns profiles.toml as a whole


@dataclass(frozen=True, slots=True)
class Alert:
    """One problem of one profile. ``subject`` identifies the payout, or else the problem: with ``code`` it stays
    the same while figures change. ``facts`` are a payout's date and amount; None for any other problem."""

    profile: str
    subject: str
    code: str
    message: str
    hint: str
    facts: str | None = None

    @property
    def key(self) -> tuple[str, str, str]:
        """Equal for two alerts of the same problem."""
        return self.profile, self.subject, self.code


@dataclass(frozen=True, slots=True)
class KnownAlert:
    """An alert, since when (UTC), when it was last mailed, and when it was over: until that is mailed, too."""

    alert: Alert
    first_at: datetime
    mailed_at: datetime | None = None
    over_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Digest:
    """The alerts that one mail is about; false where there is nothing to mail."""

    new: list[KnownAlert] = field(default_factory=list)
    still: list[KnownAlert] = field(default_factory=list)
    over: list[KnownAlert] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.new or self.still or self.over)


def updated(
    known: Iterable[KnownAlert], met: Iterable[Alert], is_complete: bool, now: datetime
) -> list[KnownAlert]:
    """One profile's alerts after a run that met these. ``is_complete``: the run came to its end."""
    gone = {it.alert.key: it for it in known}
    after: list[KnownAlert] = []
    for alert in met:
        before = gone.pop(alert.key, None)
        after.append(replace(before, alert=alert, over_at=None) if before else KnownAlert(alert, now))
    codes = {it.alert.subject: it.alert.code for it in after}
    for it in gone.values():
        replacement = codes.get(it.alert.subject) if it.alert.facts else None  # another problem of the payout
        if not is_complete or replacement in TEMPORARY:
            after.append(it)
        elif it.mailed_at and not replacement and it.alert.code != ProblemCode.REMARK:
            after.append(replace(it, over_at=it.over_at or now))
    return after


def digest_of(known: Sequence[KnownAlert], now: datetime) -> Digest:
    """What to mail of these alerts now."""
    return Digest(
        new=[it for it in known if not it.mailed_at and _has_lasted(it, now)],
        still=[it for it in known if it.mailed_at and not it.over_at and now - it.mailed_at >= WEEK],
        over=[it for it in known if it.over_at],
    )


def _has_lasted(it: KnownAlert, now: datetime) -> bool:
    return it.alert.code not in TEMPORARY or now - it.first_at >= DAY
