"""Checks of the state: it is locked and written to, as a run does; a server is asked how well it does."""

import shutil
from collections.abc import Generator, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

from klarna24.check.result import Check, failed
from klarna24.config.address import Server
from klarna24.config.folders import NOWHERE
from klarna24.config.loading import Config
from klarna24.config.tables import Profile
from klarna24.errors import Klarna24Error
from klarna24.state.connection import Facts
from klarna24.state.lock import only_run
from klarna24.state.records import Owner
from klarna24.state.store import State

MIN_FREE_BYTES = 50 * 10**6
MAX_ROUND_TRIP = 0.05  # seconds; a payout takes about 30 of them
MAX_AHEAD = timedelta(seconds=30)


def check_state(profile: Profile, config: Config) -> Generator[Check, None, bool]:
    """Returns whether a run could work with it. In a folder it is made where it is missing."""
    place = config.state
    try:
        with only_run(place, profile.name) as lock, closing(State.open(place, lock)) as state:
            state.try_to_write()
            state.check_owner(Owner.of(profile))
            facts = state.facts()
    except Klarna24Error as error:
        yield failed("state", error)
        return False
    if isinstance(place, Path):
        yield _of_folder(place)
    elif facts:
        yield from _of_server(place, facts)
    return True


def _of_folder(folder: Path) -> Check:
    free = shutil.disk_usage(folder).free
    megabytes = f"{free / 10**6:,.0f} MB free"
    if free < MIN_FREE_BYTES:
        return Check("state", "advice", f"{folder}: only {megabytes}", f"free disk space: df -h {folder}")
    return Check("state", "ok", f"{folder}: lock and test write succeeded, {megabytes}")


def _of_server(server: Server, facts: Facts) -> Iterator[Check]:
    """One line of what it is, and one of advice for each thing that is odd."""
    trip, ahead = f"{facts.round_trip * 1000:.1f} ms", abs(facts.ahead.total_seconds())
    how = f"PostgreSQL {facts.version}, {facts.encryption or 'no TLS'}, round trip {trip}"
    how += f", clock within {ahead:.1f} s"
    yield Check("state", "ok", f"{server}: lock and test write succeeded ({how})")
    if facts.round_trip > MAX_ROUND_TRIP:
        hint = "run klarna24 nearer to the server"
        yield Check("state", "advice", f"a round trip to the server takes {trip}, and a payout some 30", hint)
    if abs(facts.ahead) > MAX_AHEAD:
        which = "ahead of" if facts.ahead > timedelta() else "behind"
        message = f"the server's clock is {ahead:.0f} s {which} this machine's, and it dates what is kept"
        yield Check("state", "advice", message, "set both: timedatectl set-ntp true")
    if not facts.is_durable:
        message = "the server has fsync = off: after a power failure a payout can be sent twice"
        yield Check("state", "advice", message, "in postgresql.conf: fsync = on")
    if facts.is_superuser:
        message = f"the user {facts.user} may do everything on the server, and needs only a schema of its own"
        yield Check("state", "advice", message, "docs/scaling.md#rights")
    if server.folder == NOWHERE:
        message = "this host has no folder in which to keep sessions: each profile logs in at each run"
        yield Check("state", "advice", message, "--state-dir FOLDER, or KLARNA24_STATE_DIR")
