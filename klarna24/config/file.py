"""What stands at the top of profiles.toml, around the profiles."""

import re
from typing import Annotated, Self

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from klarna24.config.address import postgres_url
from klarna24.config.tables import ECB, Notify, Profile, Table
from klarna24.config.values import BaseUrl, SecretField, Text, fault

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
    state: Annotated[str, BeforeValidator(postgres_url)] | None = None
    state_password: SecretField | None = None
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

    @model_validator(mode="after")
    def _report_has_readers(self) -> Self:
        notified = (self.notify, *(profile.notify for profile in self.profiles.values()))
        if self.report.day and not any(it.email for it in notified):
            raise fault("[report] names a day, but there is nobody to mail it to: add [notify.email]")
        return self
