"""The witness: a small file beside the database that survives it, so that a lost state is not taken for a new one.

It holds the id of the state, which the database has as well. The database is made before anything else in the
folder, so that a folder with a witness, with locks or with sessions has had one.
"""

import json
import os
import sqlite3
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from klarna24 import files
from klarna24.errors import StateFault
from klarna24.state.folder import BESIDE, WITNESS, refuse_foreign
from klarna24.text.sentences import sentence

COMMAND = "klarna24 state new"


class LostState(StateFault):
    """The folder was used, and its database is gone or empty; or a server's, that this host has used."""

    def __init__(self, what: Path | str, is_remembered: bool = True) -> None:
        message = sentence("the database {path} is lost: its folder was used before", path=str(what))
        if isinstance(what, str):
            message = sentence("the state on {server} is lost: this host has used one before", server=what)
            if not is_remembered:
                message = sentence(
                    "{server} has no state, and this host has no folder that could tell whether it is lost",
                    server=what,
                )
        super().__init__(
            message,
            sentence("restore it from a backup; if there is none: {command}", command=COMMAND),
        )


class OtherState(StateFault):
    """The database is not the one that belongs to the folder, or that this host has used."""

    def __init__(self, what: Path | str) -> None:
        message = sentence("{path} is another state than the one that belongs to its folder", path=str(what))
        if isinstance(what, str):
            message = sentence("the state on {server} is another one than this host has used before", server=what)
        super().__init__(
            message,
            sentence("put the right one back; if this is meant: {command}", command=COMMAND),
        )


def is_used(folder: Path) -> bool:
    """Whether the folder must have a database. To be asked before its database is looked at: another run may be
    making both at this moment, and makes the database first."""
    return any(os.path.lexists(folder / name) for name in BESIDE)


def remembered(folder: Path) -> bool:
    """Whether this host has used a state, in the folder or on a server: its witness is there."""
    return os.path.lexists(folder / WITNESS)


def identity(folder: Path) -> str | None:
    """The id in the folder's witness; None without a witness, or with one that cannot be read."""
    path = folder / WITNESS
    refuse_foreign(path)
    with suppress(OSError, ValueError, KeyError, TypeError):
        return str(json.loads(path.read_text(encoding="utf-8"))["state"])
    return None


def identity_of(connection: sqlite3.Connection) -> str | None:
    """The id in the database."""
    found = connection.execute("SELECT value FROM meta WHERE key = 'state'").fetchone()
    return str(found["value"]) if found else None


def write(folder: Path, state_id: str) -> None:
    """Makes the witness, or replaces it; on disk when this returns. Raises OSError."""
    created_at = datetime.now(UTC).isoformat(timespec="seconds")
    files.replace(folder / WITNESS, json.dumps({"state": state_id, "created_at": created_at}))
    _sync(folder)
    with suppress(OSError):  # the parent may be closed to us; it matters only where the folder is new
        _sync(folder.parent)


def _sync(folder: Path) -> None:
    """Puts the names in the folder on disk, where a folder can be opened."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
