"""The state folder and its files: closed to other users, and no links, which somebody else could have planted."""

import logging
import stat
from pathlib import Path

from klarna24.config.folders import STATE_FILE
from klarna24.errors import StateFault
from klarna24.files import belongs_to_others
from klarna24.text.sentences import sentence

WITNESS = "klarna24.state"  # witness.py
BESIDE = {"locks", "sessions", WITNESS}  # what else klarna24 keeps in the state folder
log = logging.getLogger(__name__)


def make_private(folder: Path) -> None:
    """Makes the folder (mode 0700), or closes it to other users. A folder that holds other things as well stays as
    it is. Raises StateFault if it belongs to another user, or if others can write to it."""
    try:
        folder.mkdir(mode=0o700, parents=True)
    except FileExistsError:
        status = folder.stat()
        mode = stat.S_IMODE(status.st_mode)
        hint = sentence("choose a folder that only klarna24 uses: {option}", option="--state-dir")
        if belongs_to_others(status):
            why = sentence("the state folder {folder} belongs to another user", folder=str(folder))
            raise StateFault(why, hint) from None
        alone = all(item.name in BESIDE or item.name.startswith(STATE_FILE) for item in folder.iterdir())
        if mode & 0o077 and alone:
            folder.chmod(0o700)
        elif mode & 0o022:
            why = sentence(
                "other users can write to the state folder {folder} (mode {mode})",
                folder=str(folder),
                mode=f"{mode:o}",
            )
            raise StateFault(why, hint) from None


def refuse_foreign(path: Path) -> None:
    """Raises StateFault if the path is a link, or belongs to another user. It need not exist."""
    try:
        status = path.lstat()
    except FileNotFoundError:
        return
    if stat.S_ISLNK(status.st_mode):
        why = sentence("{path} is a link, and links in the state folder are not followed", path=str(path))
    elif belongs_to_others(status):
        why = sentence("{path} belongs to another user", path=str(path))
    else:
        return
    raise StateFault(why, f"ls -l {path}")


def close_to_others(path: Path) -> None:
    """Gives a file that exists mode 0600, and says so in the log."""
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        path.chmod(0o600)
        log.warning("%s was open to other users (mode %o); it is closed to them now", path, mode)
