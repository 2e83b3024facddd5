"""How to read a moment of 24SevenOffice's (docs/vendors/24sevenoffice.md, "Limits and traps")."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo


def local_day(moment: datetime, zone: ZoneInfo) -> date:
    """Return the day that is meant: with an offset, the day in the shop's time zone, and without one, the day as
    written. A local midnight that was turned into UTC is an hour or two before the day that it means."""
    if moment.tzinfo is not None:
        moment = moment.astimezone(zone)
    return (moment + timedelta(hours=2)).date() if moment.hour >= 22 else moment.date()
