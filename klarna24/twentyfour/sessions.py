"""The session id, kept between runs: repeated logins are throttled (facts: "Session"). It is a secret."""

import hashlib
import os
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Self

from klarna24.config.tables import TwentyFour
from klarna24.logs.redaction import register_secret


def fits_a_cookie(session_id: str) -> bool:
    """Whether it can be sent as it is: no blank, no separator, nothing that would end the header."""
    plain = session_id.isascii() and session_id.isprintable() and not set(session_id) & set(' ;,"\\')
    return plain and bool(session_id)


_turns: dict[Path, Lock] = {}
_turns_lock = Lock()


@dataclass(frozen=True, slots=True)
class Sessions:
    """One file an identity in ``folder``, 0600. ``keep`` is off for a dry run, which writes nothing."""

    folder: Path
    keep: bool = True

    @classmethod
    def beside(cls, state_dir: Path, *, keep: bool = True) -> Self:
        """In the state folder, beside the database and never in it."""
        return cls(state_dir / "sessions", keep)

    def _file(self, settings: TwentyFour) -> Path:
        identity = (
            settings.base_url or "",
            settings.username,
            settings.application_id.lower(),
            settings.identity_id.lower(),
        )
        return self.folder / hashlib.sha256("\0".join(identity).encode()).hexdigest()[:32]

    def turn(self, settings: TwentyFour) -> Lock:
        """One thread at a time may renew this session."""
        with _turns_lock:
            return _turns.setdefault(self._file(settings), Lock())

    def read(self, settings: TwentyFour) -> str | None:
        """None where there is none: a session that cannot be read costs one login, no more."""
        with suppress(OSError, UnicodeDecodeError):
            session_id = self._file(settings).read_text("ascii").strip()
            register_secret(session_id)
            return session_id if fits_a_cookie(session_id) else None
        return None

    def write(self, settings: TwentyFour, session_id: str) -> None:
        if not self.keep:
            return
        with suppress(OSError):
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=self.folder)  # 0600 from the start
            try:
                with os.fdopen(handle, "w", encoding="ascii") as file:
                    file.write(session_id)
                Path(name).replace(self._file(settings))
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise
