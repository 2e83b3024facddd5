"""A note that nothing is due, so that a run which has nothing to do costs next to nothing.

A run after which no profile is due leaves it, in the user's cache folder: until when that is so, of which
profiles.toml (its bytes) and of which state (the file as it stood). Whatever has changed since, or cannot be read,
the note is worth nothing, and the run goes its whole way. profiles.toml is never read in a second way: it is
compared.
"""

import json
import logging
import os
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from klarna24 import __version__, folders
from klarna24.folders import STATE_FILE

log = logging.getLogger(__name__)


class Asked(NamedTuple):
    """What a command line asks for: equal ones share a note."""

    config: Path | None
    state_dir: Path | None
    names: tuple[str, ...]

    @property
    def path(self) -> Path:
        return (self.config or folders.default_path()).expanduser().absolute()

    @property
    def note(self) -> Path:
        said = [str(self.path), str(self.state_dir), os.environ.get("KLARNA24_STATE_DIR"), Path.cwd(), self.names]
        return folders.cache() / f"not-due-{sha256(repr(said).encode()).hexdigest()[:24]}.json"


def nothing_is_due(asked: Asked) -> bool:
    """As a note says that still holds. Never raises: what is in doubt is not noted."""
    try:
        note = json.loads(asked.note.read_bytes())
        noted_at, until = (datetime.fromisoformat(note[name]) for name in ("noted_at", "until"))
        holds = noted_at <= datetime.now(UTC) < until and note["of"] == _of(asked.path, Path(note["state_dir"]))
    except (OSError, ValueError, LookupError, TypeError, RuntimeError):
        return False
    if holds:
        log.info("nothing is due before %s", until)
    return holds


def leave_note(asked: Asked, state_dir: Path, next_dues: Sequence[datetime]) -> None:
    """Where it cannot be kept, the next run goes its whole way as well."""
    with suppress(OSError):
        note = {
            "noted_at": datetime.now(UTC).isoformat(),
            "until": min(next_dues).isoformat(),
            "state_dir": str(state_dir),
            "of": _of(asked.path, state_dir),
        }
        path, new = asked.note, asked.note.with_suffix(f".{os.getpid()}")
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        new.touch(mode=0o600)
        new.write_text(json.dumps(note), encoding="utf-8")
        new.replace(path)


def _of(config: Path, state_dir: Path) -> list[Any]:
    """What the note is of. A run that was killed leaves a journal beside the state: then nothing is known."""
    state = state_dir / STATE_FILE
    if state.with_name(f"{STATE_FILE}-journal").exists():
        raise FileExistsError(state)
    found = state.stat()
    digest = sha256(config.read_bytes()).hexdigest()
    return [__version__, digest, found.st_ino, found.st_size, found.st_mtime_ns]
