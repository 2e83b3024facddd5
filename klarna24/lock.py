"""One run at a time per profile: a kernel lock in the state folder, which dies with the process."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import filelock

from klarna24.errors import Locked, StateFault


@contextmanager
def only_run(folder: Path, profile: str, wait: float = 0) -> Iterator[None]:
    """Waits up to ``wait`` seconds. Raises Locked naming who holds the profile and since when, StateFault where
    nothing can be locked."""
    path = folder / "locks" / f"{profile}.lock"
    note = path.with_suffix(".json")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        lock = filelock.FileLock(path, timeout=wait, mode=0o600, fallback_to_soft=False)
        lock.acquire()
    except filelock.Timeout:
        raise Locked(f"another run is under way{_who(note)}", "wait for it to end") from None
    except (OSError, NotImplementedError) as error:
        raise StateFault(
            f"{path} cannot be locked: {getattr(error, 'strerror', None) or error}",
            "use a folder on a local disk: --state-dir",
        ) from None
    try:
        with suppress(OSError):
            _write(note, {"pid": os.getpid(), "since": f"{datetime.now(UTC):%Y-%m-%d %H:%M:%SZ}"})
        yield
    finally:
        lock.release()


def _write(note: Path, holder: dict[str, object]) -> None:
    descriptor = os.open(note, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(holder, file)


def _who(note: Path) -> str:
    with suppress(OSError, ValueError, KeyError, TypeError):
        held = json.loads(note.read_text(encoding="utf-8"))
        return f" (pid {int(held['pid'])}, since {str(held['since'])[:20]})"
    return ""
