"""What a moment of 24SevenOffice's means (facts: "Times from the API are UTC; send naive local midnights")."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo


def local_day(moment: datetime, zone: ZoneInfo) -> date:
    """The day, as it stands or, with an offset, where the shop is. A midnight of the shop's that was turned into
    UTC stands an hour or two before the day that it means."""
    if moment.tzinfo is not None:
        moment = moment.astimezone(zone)
    return (moment + timedelta(hours=2)).date() if moment.hour >= 22 else moment.date()
