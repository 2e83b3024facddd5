"""What stands at the top of profiles.toml, around the profiles."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field, field_validator

from klarna24.config.tables import ECB, Notify, Profile, Table
from klarna24.config.values import BaseUrl, Text, fault

PROFILE_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")


def _profile_name(name: str) -> str:
    if not PROFILE_NAME.fullmatch(name):
        raise fault(f"{name!r} is not a valid profile name: use at most 40 lower-case letters, digits, - and _")
    return name


class MonthlyReport(Table):
    """``report``: on which day of a month sync mails the report of the month before; the last day of a shorter
    month counts."""

    day: Annotated[int, Field(ge=1, le=31)] | None = None


class File(Table):
    """The whole of profiles.toml."""

    state_dir: Text | None = None
    archive: Text | None = None
    rates_url: BaseUrl = ECB
    profiles: dict[Annotated[str, AfterValidator(_profile_name)], Profile]
    notify: Notify = Notify()
    report: MonthlyReport = MonthlyReport()

    @field_validator("profiles", mode="before")
    @classmethod
    def _at_least_one(cls, profiles: object) -> object:
        if profiles == {}:
            raise fault("there is no profile: add [profiles.NAME], or run klarna24 init")
        return profiles
