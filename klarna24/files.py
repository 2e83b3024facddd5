"""Whose a file is, and how one is replaced as a whole. In a folder that belongs to somebody else a name can be a
planted link, and a run as root would overwrite what it points to."""

import os
import stat
from pathlib import Path


def belongs_to_others(status: os.stat_result) -> bool:
    """Whether neither the user who runs this nor root owns it. Always false on Windows, which has other rules."""
    return os.name == "posix" and status.st_uid not in {0, os.geteuid()}


def is_open_to_all(status: os.stat_result) -> bool:
    """Whether everybody can replace the files in this folder. In a sticky one (/tmp) only their owners can."""
    return os.name == "posix" and bool(status.st_mode & stat.S_IWOTH) and not status.st_mode & stat.S_ISVTX


def replace(path: Path, text: str) -> None:
    """Makes the file (mode 0600, UTF-8), or replaces it: whoever reads it meanwhile, or after a crash, finds the
    old text or the new one. Its folder must be there. Raises OSError."""
    import tempfile  # noqa: PLC0415 - takes 3 ms, and each start reads this module for its log

    handle, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)  # mode 0600
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(handle)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
