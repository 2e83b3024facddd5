"""systemd's journal: whether stderr leads there, and how a line says its level (sd-daemon(3), systemd.exec(5))."""

import os
import sys

ERROR, WARNING, INFO, DEBUG = 3, 4, 6, 7  # syslog(3)


def level_prefix(level: int) -> str:
    """What a line on stderr begins with: ``<3>``; nothing where it is no line for the journal."""
    return f"<{level}>" if _is_stderr() else ""


def _is_stderr() -> bool:
    """The variable names device and inode, and is inherited by programs whose stderr leads elsewhere."""
    named = os.environ.get("JOURNAL_STREAM")
    if not named:
        return False
    try:
        found = os.fstat(sys.stderr.fileno())
    except (OSError, ValueError, AttributeError):
        return False
    return named == f"{found.st_dev}:{found.st_ino}"
