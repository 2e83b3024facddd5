"""Whose a file is. In a folder that belongs to somebody else a name can be a planted link, and a run as root would
overwrite what it points to."""

import os
import stat


def belongs_to_others(status: os.stat_result) -> bool:
    """Whether neither the user who runs this nor root owns it. Always false on Windows, which has other rules."""
    return os.name == "posix" and status.st_uid not in {0, os.geteuid()}


def is_open_to_all(status: os.stat_result) -> bool:
    """Whether everybody can replace the files in this folder. In a sticky one (/tmp) only their owners can."""
    return os.name == "posix" and bool(status.st_mode & stat.S_IWOTH) and not status.st_mode & stat.S_ISVTX
