"""Whom to tell what, and when: pure, from what a run met, what was mailed before, and the clock.

    new        told once, at once; what is unavailable only when it has been so for a day
    still      told again after a week
    over       told once, if it was ever told

What a run could not look at is neither new nor over: only a run that came to its end can say that something is
over.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from klarna24.errors import Locked, Unavailable

A_DAY = timedelta(hours=23)  # a cron job that is a minute early on the next day has waited for a day
A_WEEK = timedelta(days=7) - timedelta(hours=1)
MAY_PASS = {Unavailable.code, Locked.code}  # what the next run may find mended
FILE = ""  # the profile of what concerns profiles.toml as a whole


@dataclass(frozen=True, slots=True)
class Alert:
    """``subject`` says which payout it is of, or which of the profile's faults; with ``code`` it is the same
    trouble, however its figures change. ``facts`` are a payout's date and amount."""

    profile: str
    subject: str
    code: str
    message: str
    hint: str
    facts: str | None = None

    @property
    def key(self) -> tuple[str, str, str]:
        return self.profile, self.subject, self.code


@dataclass(frozen=True, slots=True)
class Known:
    """A trouble since it was first met (UTC); ``over_at`` until the mail about that has left."""

    trouble: Alert
    first_at: datetime
    mailed_at: datetime | None = None
    over_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """What the mail of one run says."""

    new: list[Known] = field(default_factory=list)
    still: list[Known] = field(default_factory=list)
    over: list[Known] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.new or self.still or self.over)


def after_run(known: Iterable[Known], met: Iterable[Alert], ended: bool, now: datetime) -> list[Known]:
    """What is known of one profile's troubles after a run; ``ended``: it came to its end, and saw all there is."""
    left = {it.trouble.key: it for it in known}
    after: list[Known] = []
    for trouble in met:
        before = left.pop(trouble.key, None)
        after.append(replace(before, trouble=trouble, over_at=None) if before else Known(trouble, now))
    same = {it.trouble.subject: it.trouble.code for it in after if it.trouble.facts}
    for it in left.values():
        now_told = same.get(it.trouble.subject) if it.trouble.facts else None
        if not ended or now_told in MAY_PASS:
            after.append(it)
        elif it.mailed_at and not now_told:  # else another trouble of the same payout has taken its place
            after.append(replace(it, over_at=it.over_at or now))
    return after


def to_tell(known: Sequence[Known], now: datetime) -> Told:
    return Told(
        new=[it for it in known if not it.mailed_at and not it.over_at and _long_enough(it, now)],
        still=[it for it in known if it.mailed_at and not it.over_at and now - it.mailed_at >= A_WEEK],
        over=[it for it in known if it.over_at],
    )


def _long_enough(it: Known, now: datetime) -> bool:
    return it.trouble.code not in MAY_PASS or now - it.first_at >= A_DAY
