"""The session ids, stored between runs because repeated logins are throttled (docs/vendors/24sevenoffice.md,
"Sessions"). A session id is a secret."""

import hashlib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Self

from klarna24 import files
from klarna24.config.tables import TwentyFour
from klarna24.logs.redaction import register_secret


def fits_a_cookie(session_id: str) -> bool:
    """Return whether it can be sent as it is: not empty, no blank or separator, nothing that ends the header."""
    plain = session_id.isascii() and session_id.isprintable() and not set(session_id) & set(' ;,"\\')
    return plain and bool(session_id)


# Shared by the whole process, because profiles of one user that run at the same time share a session.
_locks: dict[Path, Lock] = {}
_locks_lock = Lock()


@dataclass(frozen=True, slots=True)
class Sessions:
    """One file for each identity in ``folder``, readable only by its owner. With ``keep`` false, as in a dry run,
    nothing is written."""

    folder: Path
    keep: bool = True

    @classmethod
    def beside(cls, state_dir: Path, *, keep: bool = True) -> Self:
        """The sessions of a state folder; they are stored beside its database, never in it."""
        return cls(state_dir / "sessions", keep)

    def lock(self, settings: TwentyFour) -> Lock:
        """Return the lock under which this session is renewed, by one thread at a time."""
        with _locks_lock:
            return _locks.setdefault(self._file(settings), Lock())

    def read(self, settings: TwentyFour) -> str | None:
        """Return the stored session id, or None: without one, a run logs in."""
        with suppress(OSError, UnicodeDecodeError):
            self._refuse_foreign()
            file = self._file(settings)
            if files.belongs_to_others(file.lstat()) or file.is_symlink():
                return None
            session_id = file.read_text("ascii").strip()
            register_secret(session_id)
            return session_id if fits_a_cookie(session_id) else None
        return None

    def write(self, settings: TwentyFour, session_id: str) -> None:
        """Store a session id. A folder that cannot be written is no fault: the next run logs in."""
        if not self.keep:
            return
        with suppress(OSError):
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._refuse_foreign()
            files.replace(self._file(settings), session_id)

    def _refuse_foreign(self) -> None:
        """Raises PermissionError if the folder is a link, or belongs to another user."""
        if self.folder.is_symlink() or files.belongs_to_others(self.folder.lstat()):
            raise PermissionError(self.folder)

    def _file(self, settings: TwentyFour) -> Path:
        identity = (
            settings.base_url or "",
            settings.username,
            settings.application_id.lower(),
            settings.identity_id.lower(),
        )
        return self.folder / hashlib.sha256("\0".join(identity).encode()).hexdigest()[:32]
