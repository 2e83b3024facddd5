"""One connection to the server: statements, transactions one at a time over all hosts, and the lock of a run.

The lock of a run is one of PostgreSQL's session-level advisory locks, which ends with its connection, whatever
ends that. A connection that breaks is made anew where it is used next, without the lock: so an answer can still be
written down, and nothing can be sent.
"""

import logging
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import psycopg

from klarna24.config.address import Server
from klarna24.errors import Locked, Unavailable
from klarna24.logs.redaction import server_text
from klarna24.state.connection import Answer, Facts, Values
from klarna24.state.postgres import connecting, errors, rows
from klarna24.state.who import who
from klarna24.text.sentences import Sentence, sentence

POLL_SECONDS = 0.25
log = logging.getLogger(__name__)


def number(what: str) -> int:
    """The number of an advisory lock: all hosts reckon the same, and no other program is likely to."""
    return int.from_bytes(sha256(f"klarna24 {what}".encode()).digest()[:8], "big", signed=True)


# Others are shown the name only if both are the same user of the database.
_HOLDER = """
SELECT application_name AS host, date_trunc('second', backend_start AT TIME ZONE 'UTC')::text AS since
FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE {condition} AND pid <> pg_backend_pid()
ORDER BY backend_start LIMIT 1
"""
_OWN_LOCKS = "SELECT count(*) AS locks FROM pg_locks WHERE pid = pg_backend_pid() AND ({condition})"
_COUNT_ON = """
SELECT setval(pg_get_serial_sequence('klarna24.{table}', 'id'), max(id)) FROM {table} HAVING max(id) IS NOT NULL
"""
# One statement after the other in one transaction, which need not be on disk.
_COUNT = """
SELECT set_config('synchronous_commit', 'off', true), pg_advisory_xact_lock({lock});
DELETE FROM pace WHERE minute <= floor(extract(epoch FROM clock_timestamp()) / 60) - 61;
WITH sum AS (
    SELECT coalesce(sum(requests), 0) AS requests, min(minute) AS oldest FROM pace WHERE identity = '{who}'
), counted AS (
    INSERT INTO pace SELECT '{who}', floor(extract(epoch FROM clock_timestamp()) / 60), 1
    FROM sum WHERE requests < {most}
    ON CONFLICT (identity, minute) DO UPDATE SET requests = pace.requests + 1 RETURNING 1
)
SELECT CASE WHEN EXISTS (SELECT FROM counted) THEN 0
    ELSE (oldest + 61) * 60 - extract(epoch FROM clock_timestamp()) END AS wait FROM sum
"""
_FACTS = """
SELECT split_part(current_setting('server_version'), ' ', 1) AS version, current_user AS who,
    (SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid()) AS encryption,
    (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS is_superuser,
    current_setting('fsync') = 'on' AS is_durable, clock_timestamp() AS now
"""
WRITER = number("one change at a time")
ANY_RUN = number("any run")  # shared by all runs; had alone by what must not meet one


class PostgresConnection:
    """A :class:`~klarna24.state.connection.Connection` to a server."""

    def __init__(self, server: Server, *, read_only: bool = False) -> None:
        self.server = server
        self._read_only = read_only
        self._locks: tuple[int, ...] | None = None
        self._connect()

    def _connect(self) -> None:
        opened, now = connecting.connect(self.server, f"klarna24 {who()} pid {os.getpid()}")
        self._opened = opened
        self._began, self._ahead = now, time.monotonic()
        if self._read_only:
            opened.execute(b"SET default_transaction_read_only = on")

    def _again(self) -> None:
        """Raises Unavailable where no connection can be made."""
        if self._opened.closed:
            self._connect()
            log.info("%s: the connection broke and was made again", self.server)

    def execute(self, statement: str, values: Values = (), /) -> Answer:
        """Raises psycopg's errors."""
        found: Answer = self._opened.execute(rows.translated(statement), rows.plain(values))
        return found

    def executemany(self, statement: str, values: Iterable[Values], /) -> None:
        """The same statement for each of the values."""
        with self._opened.cursor() as cursor:
            cursor.executemany(rows.translated(statement), [rows.plain(it) for it in values])

    def direct(self, statement: str) -> list[Any]:
        """The rows of a statement, or of the last of several, that is written for PostgreSQL."""
        cursor = self._opened.execute(statement.encode())
        while cursor.nextset():
            pass
        return cursor.fetchall() if cursor.description else []

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Turns psycopg's errors into ours. Where the connection broke before, it is made again first."""
        self._again()
        try:
            yield
        except psycopg.Error as error:
            if errors.is_broken(error):
                self._opened.close()
            raise errors.trouble(error, self.server) from None

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All changes inside are made or none, one transaction after the other, of whichever host."""
        with self.errors():
            self.direct(f"BEGIN; SELECT pg_advisory_xact_lock({WRITER})")
            try:
                yield
                self.direct("COMMIT")
            except BaseException:
                with suppress(psycopg.Error):
                    self.direct("ROLLBACK")
                raise

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """All that is read inside is of one moment."""
        with self.errors():
            self.direct("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            try:
                yield
            finally:
                with suppress(psycopg.Error):
                    self.direct("ROLLBACK")

    def count_from_newest(self, table: str) -> None:
        """The next row of the table gets a number after those that it has."""
        self.direct(_COUNT_ON.format(table=table))

    def check_integrity(self) -> None:
        """The server looks after its files."""

    def try_to_write(self) -> None:
        """Makes a change and takes it back. Raises StateFault if nothing can be written."""
        with self.errors():
            try:
                self.direct("BEGIN; INSERT INTO event (at, who, profile, what) VALUES ('', '', '', 'trial')")
            finally:
                with suppress(psycopg.Error):
                    self.direct("ROLLBACK")

    def facts(self) -> Facts:
        """What ``check`` says of the server."""
        with self.errors():
            self.direct("BEGIN")
            self.require_lock()  # which is missing where a pooler gives each transaction another connection
            self.direct("ROLLBACK")
            trips = []
            for _ in range(3):
                began = time.monotonic()
                (found,) = self.direct(_FACTS)
                here = datetime.now(UTC)
                trips.append(time.monotonic() - began)
        middle = found["now"] + timedelta(seconds=trips[-1] / 2)
        return Facts(
            server_text(found["version"], 40),
            found["encryption"],
            server_text(found["who"], 63),
            found["is_superuser"],
            found["is_durable"],
            min(trips),
            middle - here,
        )

    def count_request(self, whose: str, most: int) -> float:
        """By minutes: the one that has begun and 60 before it are at least an hour. A reader does not count."""
        if self._read_only:
            return 0.0
        who = sha256(whose.encode()).hexdigest()
        with self.errors():
            (found,) = self.direct(_COUNT.format(who=who, most=most, lock=number(f"pace of {who}")))
        return float(found["wait"])

    def now(self) -> datetime:
        """By the server's clock, which was read when the connection was made."""
        return self._began + timedelta(seconds=time.monotonic() - self._ahead)

    def close(self) -> None:
        """Ends it. Its lock is given back first, for the server ends a connection some moments after we do."""
        if self._locks and not self._opened.closed:
            with suppress(psycopg.Error):
                self.direct("SELECT pg_advisory_unlock_all()")
        self._opened.close()

    # Locks

    def lock_run(self, profile: str, wait: float) -> None:
        """Takes the profile's lock. Raises Locked, naming the host that has it."""
        run = number(f"run of {profile}")
        taken = f"CASE WHEN pg_try_advisory_lock_shared({ANY_RUN}) THEN pg_try_advisory_lock({run}) END"
        try:
            self._lock(taken, (ANY_RUN, run))
        except Locked:
            if not wait:
                raise
            log.info("%s: another run is under way: waiting up to %.0f s", profile, wait)
            self._lock(taken, (ANY_RUN, run), wait)

    def lock_out_runs(self) -> None:
        """Takes a lock that no run can have beside it. Raises Locked while one is under way."""
        self._lock(f"pg_try_advisory_lock({ANY_RUN})", (ANY_RUN,))

    def _lock(self, expression: str, locks: tuple[int, ...], wait: float = 0) -> None:
        deadline = time.monotonic() + wait
        with self.errors():
            while not self.direct(f"SELECT {expression} AS taken")[0]["taken"]:
                self.direct("SELECT pg_advisory_unlock_all()")
                if time.monotonic() >= deadline:
                    raise Locked(self._under_way(locks[-1]), sentence("wait for it to end"))
                time.sleep(POLL_SECONDS)
        self._locks = locks

    def require_lock(self) -> None:
        """Inside a transaction: raises Unavailable if this connection began with a lock, and has it no more."""
        if self._locks is None:
            return
        (found,) = self.direct(_OWN_LOCKS.format(condition=" OR ".join(f"({_is(lock)})" for lock in self._locks)))
        if found["locks"] < len(self._locks):
            raise Unavailable(
                sentence(
                    "the connection to the state on {server} broke, and with it this run's lock ended",
                    server=str(self.server),
                ),
                sentence("the next run carries on"),
            )

    def _under_way(self, lock: int) -> Sentence:
        """Names the host that has the lock, if it can be seen."""
        with suppress(psycopg.Error):
            found = self.direct(_HOLDER.format(condition=_is(lock)))
            for it in found:
                if it["host"]:
                    host = it["host"].removeprefix("klarna24 ")
                    return sentence(
                        "another run is under way ({host}, since {since}Z)", host=host, since=it["since"]
                    )
        return sentence("another run is under way")


def _is(lock: int) -> str:
    """The condition on pg_locks: a number of 64 bits is shown as two of 32."""
    high, low = divmod(lock % 2**64, 2**32)
    ours = "database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    return f"locktype = 'advisory' AND objsubid = 1 AND classid = {high} AND objid = {low} AND granted AND {ours}"
