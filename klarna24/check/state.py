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
from klarna24.text.sentences import sentence

MIN_FREE_BYTES = 50 * 10**6
STATE = sentence("state")
MAX_ROUND_TRIP = 0.05  # seconds; a payout takes about 30 of them
MAX_APART = timedelta(seconds=30)


def check_state(profile: Profile, config: Config) -> Generator[Check, None, bool]:
    """Returns whether a run could work with it. In a folder it is made where it is missing."""
    place = config.state
    try:
        with only_run(place, profile.name) as lock, closing(State.open(place, lock)) as state:
            state.check_integrity()
            state.try_to_write()
            state.check_owner(Owner.of(profile))
            facts = state.facts()
    except Klarna24Error as error:
        yield failed(STATE, error)
        return False
    if isinstance(place, Path):
        yield _of_folder(place)
    elif facts:
        yield from _of_server(place, facts)
    return True


def _of_folder(folder: Path) -> Check:
    free = shutil.disk_usage(folder).free
    megabytes = free // 10**6
    if free < MIN_FREE_BYTES:
        message = sentence("{folder}: only {megabytes} MB free", folder=str(folder), megabytes=megabytes)
        return Check(STATE, "advice", message, sentence("free disk space: {command}", command=f"df -h {folder}"))
    message = sentence(
        "{folder}: lock and test write succeeded, {megabytes} MB free", folder=str(folder), megabytes=megabytes
    )
    return Check(STATE, "ok", message)


def _of_server(server: Server, facts: Facts) -> Iterator[Check]:
    """One line of what it is, and one of advice for each thing that is odd."""
    trip, seconds = f"{facts.round_trip * 1000:.1f} ms", f"{abs(facts.ahead.total_seconds()):.1f}"
    message = sentence(
        "{server}: lock and test write succeeded (PostgreSQL {version}, {encryption}, round trip {trip}, clocks "
        "{seconds} s apart)",
        server=str(server),
        version=facts.version,
        encryption=facts.encryption or sentence("no TLS"),
        trip=trip,
        seconds=seconds,
    )
    yield Check(STATE, "ok", message)
    if facts.round_trip > MAX_ROUND_TRIP:
        message = sentence("a round trip to the server takes {trip}, and a payout some 30 of them", trip=trip)
        yield Check(STATE, "advice", message, sentence("run klarna24 nearer to the server"))
    if abs(facts.ahead) > MAX_APART:
        message = sentence("the server's clock, by which the state goes, is {seconds} s off ours", seconds=seconds)
        yield Check(STATE, "advice", message, "timedatectl set-ntp true")
    if not facts.is_durable:
        message = sentence("the server has fsync = off: after a power failure a payout can be sent twice")
        yield Check(STATE, "advice", message, sentence("in postgresql.conf: {line}", line="fsync = on"))
    if facts.is_superuser:
        message = sentence("the user {user} may do everything on the server", user=facts.user)
        yield Check(STATE, "advice", message, "docs/scaling.md#rights")
    if server.folder == NOWHERE:
        message = sentence("this host has no folder in which to keep sessions: each profile logs in at each run")
        yield Check(STATE, "advice", message, "--state-dir FOLDER")
