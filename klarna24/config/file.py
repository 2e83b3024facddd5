"""What stands in profiles.toml around the profiles and their defaults."""

import re
from typing import Annotated

from pydantic import BeforeValidator, Field

from klarna24.config.address import postgres_url
from klarna24.config.contacts import Notify
from klarna24.config.tables import ECB
from klarna24.config.values import BaseUrl, SecretField, Table, Text

PROFILE_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
PROFILES, DEFAULTS = "profiles", "defaults"  # the tables that config/profiles.py reads


class MonthlyReport(Table):
    """``report``: on which day of a month sync mails the report of the month before; the last day of a shorter
    month counts."""

    day: Annotated[int, Field(ge=1, le=31)] | None = None


class File(Table):
    """The keys at the top of the file."""

    state_dir: Text | None = None
    state: Annotated[str, BeforeValidator(postgres_url)] | None = None
    state_password: SecretField | None = None
    archive: Text | None = None
    rates_url: BaseUrl = ECB
    notify: Notify = Notify()
    report: MonthlyReport = MonthlyReport()
