"""profiles.toml: read, validated as a whole, every fault named with its path.

-   loading.py  the file and the folders: what is read, and what a fault is called
-   tables.py   the tables, with their defaults and the checks between them
-   values.py   single values: addresses, secrets, accounts

What is valid here may still be refused by the outside (an account that is not in the chart): that is checked where
the outside is known.
"""

from klarna24.config.loading import COMMON_EMAIL, Config, Rescued, load, rescued
from klarna24.config.tables import (
    KLARNA_HOSTS,
    PROFILE_NAME,
    WARNINGS,
    WEEKDAYS,
    Email,
    File,
    Heartbeat,
    Klarna,
    Notify,
    Profile,
    Table,
    TwentyFour,
    VoucherSettings,
    disjoint,
)
from klarna24.config.values import Secret, base_url, is_loopback, secret_source
from klarna24.folders import default_path, default_state_dir

__all__ = [
    "COMMON_EMAIL",
    "KLARNA_HOSTS",
    "PROFILE_NAME",
    "WARNINGS",
    "WEEKDAYS",
    "Config",
    "Email",
    "File",
    "Heartbeat",
    "Klarna",
    "Notify",
    "Profile",
    "Rescued",
    "Secret",
    "Table",
    "TwentyFour",
    "VoucherSettings",
    "base_url",
    "default_path",
    "default_state_dir",
    "disjoint",
    "is_loopback",
    "load",
    "rescued",
    "secret_source",
]
