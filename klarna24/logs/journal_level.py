"""Level prefixes for systemd's journal, where stderr leads there (sd-daemon(3), systemd.exec(5))."""

import os
import sys

ERROR, WARNING, INFO, DEBUG = 3, 4, 6, 7  # syslog(3)


def level_prefix(level: int) -> str:
    """The prefix of a line on stderr, such as ``<3>``; empty where stderr does not lead to the journal."""
    return f"<{level}>" if _stderr_is_the_journal() else ""


def _stderr_is_the_journal() -> bool:
    """JOURNAL_STREAM names a device and an inode. Both are compared, since programs whose stderr leads elsewhere
    inherit the variable."""
    named = os.environ.get("JOURNAL_STREAM")
    if not named:
        return False
    try:
        found = os.fstat(sys.stderr.fileno())
    except (OSError, ValueError, AttributeError):
        return False
    return named == f"{found.st_dev}:{found.st_ino}"
