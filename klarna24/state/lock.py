"""One run of a profile at a time: a lock of the operating system, which ends with the process that holds it; on a
server one of PostgreSQL's, which ends with the connection."""

import json
import logging
import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import filelock

from klarna24.errors import Locked, StateFault
from klarna24.state.connection import Connection, Place
from klarna24.state.database import open_for_writing
from klarna24.state.folder import make_private, refuse_foreign
from klarna24.state.opening import the_extra
from klarna24.state.witness import is_used
from klarna24.text.sentences import Sentence, sentence

log = logging.getLogger(__name__)


@contextmanager
def only_run(place: Place, profile: str, wait: float = 0) -> Iterator[Connection | None]:
    """Holds the profile's lock, for which it waits up to ``wait`` seconds. Gives the connection that has the lock,
    by which the run must write; None in a folder, where each connection will do.

    Raises Locked, naming who holds it and since when, or what opening the state raises.
    """
    if isinstance(place, Path):
        with _lock_file(place, profile, wait):
            yield None
        return
    with the_extra():
        from klarna24.state.postgres.opening import open_for_writing as open_server  # noqa: PLC0415 - see there
    with closing(open_server(place)) as connection:
        connection.lock_run(profile, wait)
        yield connection


@contextmanager
def no_run(place: Place, profiles: Iterable[str]) -> Iterator[None]:
    """Lets no run of these profiles begin; on a server none at all. Raises Locked while one is under way."""
    if isinstance(place, Path):
        with ExitStack() as locks:
            for profile in profiles:
                locks.enter_context(_lock_file(place, profile, 0))
            yield
        return
    with the_extra():
        from klarna24.state.postgres.connection import PostgresConnection  # noqa: PLC0415 - as above
    with closing(PostgresConnection(place)) as connection:
        connection.lock_out_runs()
        yield


@contextmanager
def _lock_file(folder: Path, profile: str, wait: float) -> Iterator[None]:
    path = folder / "locks" / f"{profile}.lock"
    holder = path.with_suffix(".json")
    try:
        _make_state(folder)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        for file in (path.parent, path, holder):
            refuse_foreign(file)
        lock = filelock.FileLock(path, timeout=0, mode=0o600, fallback_to_soft=False)
        _acquire(lock, profile, wait)
    except filelock.Timeout:
        raise Locked(_under_way(holder), sentence("wait for it to end")) from None
    except (OSError, NotImplementedError) as error:
        raise StateFault(
            sentence(
                "{path} cannot be locked: {why}",
                path=str(path),
                why=str(getattr(error, "strerror", None) or error),
            ),
            sentence("use a folder on a local disk: {option}", option="--state-dir"),
        ) from None
    try:
        with suppress(OSError):
            _write(holder, {"pid": os.getpid(), "since": f"{datetime.now(UTC):%Y-%m-%d %H:%M:%SZ}"})
        yield
    finally:
        lock.release()


def _make_state(folder: Path) -> None:
    """The database is made before anything else in the folder, so that one that is missing later was lost."""
    make_private(folder)
    if not is_used(folder):
        open_for_writing(folder).close()


def _acquire(lock: filelock.BaseFileLock, profile: str, wait: float) -> None:
    try:
        lock.acquire()
    except filelock.Timeout:
        if not wait:
            raise
        log.info("%s: another run is under way: waiting up to %.0f s", profile, wait)
        lock.acquire(timeout=wait)


def _write(path: Path, holder: dict[str, object]) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0), 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(holder, file)


def _under_way(path: Path) -> Sentence:
    """Names the process that holds the lock, if its note can be read."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        holder = json.loads(path.read_text(encoding="utf-8"))
        pid, since = int(holder["pid"]), str(holder["since"])[:20]
        return sentence("another run is under way (pid {pid}, since {since})", pid=pid, since=since)
    return sentence("another run is under way")
