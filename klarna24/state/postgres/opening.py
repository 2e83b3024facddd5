"""The state on a server is opened: its schema is made where there is none, brought up to date, and compared with
the state that this host has used before (witness.py).

A run makes the schema as it makes SQLite's file: unless this host remembers that there was one. A host that keeps
nothing cannot remember, and makes none.
"""

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress

from klarna24.config.address import Server
from klarna24.errors import StateFault
from klarna24.state import witness
from klarna24.state.damage import Damaged
from klarna24.state.folder import make_private
from klarna24.state.postgres.connection import PostgresConnection
from klarna24.state.postgres.schema import SCHEMA, STEPS, script
from klarna24.state.witness import LostState, OtherState
from klarna24.text.sentences import sentence

# The names of the tables in our schema; a name that is missing for a schema without tables.
_TABLES = "SELECT relname FROM pg_namespace n LEFT JOIN pg_class c ON relnamespace = n.oid WHERE nspname = ?"


def open_for_writing(server: Server, *, is_new: bool = False) -> PostgresConnection:
    """With ``is_new`` a person has said that a new state, or another one, is to be used from now on."""
    connection = PostgresConnection(server)
    try:
        with connection.errors():
            version = _version(connection)
            if version < len(STEPS):
                if not version and not is_new:
                    _refuse_lost(server)
                _migrate(connection)
            _compare(connection, is_new)
    except BaseException:
        connection.close()
        raise
    return connection


def open_for_reading(server: Server) -> PostgresConnection | None:
    """None where there is no state yet. One of an older version is read once a run has brought it up to date."""
    connection = PostgresConnection(server, read_only=True)
    try:
        with connection.errors():
            version = _version(connection)
            if not version:
                if witness.remembered(server.folder):
                    raise LostState(str(server))
                connection.close()
                return None
            if version < len(STEPS):
                raise StateFault(
                    sentence("the state on {server} is of an older klarna24", server=str(server)),
                    sentence("bring it up to date: {command}", command="klarna24 sync"),
                )
            _compare(connection, is_new=False, remember=False)
    except BaseException:
        connection.close()
        raise
    return connection


def _version(connection: PostgresConnection) -> int:
    """How many steps the schema has had; 0 where there is none. Raises StateFault for a foreign or newer one."""
    tables = _tables(connection) - {None}
    where = str(connection.server)
    if not tables:
        return 0
    if not {"migration", "meta"} <= tables:
        raise StateFault(
            sentence("the schema {schema} on {server} is not klarna24's", schema=SCHEMA, server=where),
            sentence("use a database of its own: {example}", example="CREATE DATABASE klarna24"),
        )
    (taken,) = connection.direct("SELECT max(version) AS version FROM migration")
    version = int(taken["version"] or 0)
    if version > len(STEPS):
        raise StateFault(
            sentence(
                "{path} was written by a newer klarna24 (state version {version}, this one knows {known})",
                path=where,
                version=version,
                known=len(STEPS),
            ),
            sentence("upgrade klarna24"),
        )
    if not version:
        raise Damaged(where, sentence("its version is missing"))
    return version


def _tables(connection: PostgresConnection) -> set[str | None]:
    return {row["relname"] for row in connection.execute(_TABLES, (SCHEMA,)).fetchall()}


def _migrate(connection: PostgresConnection) -> None:
    """Takes all missing steps in one transaction, one host after the other."""
    with connection.transaction():
        _take_steps(connection)


def _take_steps(connection: PostgresConnection) -> None:
    if not _tables(connection):
        connection.direct(f"CREATE SCHEMA {SCHEMA}")
    before = _version(connection)
    for version, step in enumerate(STEPS[before:], start=before + 1):
        connection.direct(script(step))
        connection.execute("INSERT INTO migration (version) VALUES (?)", (version,))


def has_state(server: Server) -> bool:
    """Whether there is one, or anything else in its place."""
    with closing(PostgresConnection(server, read_only=True)) as connection, connection.errors():
        return bool(_tables(connection) - {None})


@contextmanager
def making(server: Server) -> Iterator[PostgresConnection]:
    """A new state, which is there once all that is done inside has ended well. No run can begin meanwhile. Raises
    StateFault where there is one."""
    with closing(PostgresConnection(server)) as connection:
        connection.lock_out_runs()
        with connection.transaction():
            if _tables(connection) - {None}:
                raise StateFault(
                    sentence("there is a state already, or was one: {place}", place=str(server)),
                    sentence("name a place that is empty"),
                )
            _take_steps(connection)
            yield connection


def _refuse_lost(server: Server) -> None:
    if witness.remembered(server.folder):
        raise LostState(str(server))
    with suppress(OSError):
        make_private(server.folder)
    if not os.access(server.folder, os.W_OK):
        raise LostState(str(server), is_remembered=False)


def _compare(connection: PostgresConnection, is_new: bool, remember: bool = True) -> None:
    """Remembers the state's id in this host's folder, where there is one and nothing is remembered yet."""
    server = connection.server
    found = connection.direct("SELECT value FROM meta WHERE key = 'state'")
    if not found:
        raise Damaged(str(server), sentence("its id is missing"))
    expected = None
    with suppress(OSError):  # a host that keeps nothing
        expected = None if is_new else witness.identity(server.folder)
    if expected not in {None, found[0]["value"]}:
        raise OtherState(str(server))
    if expected is None and remember:
        with suppress(OSError):  # as above
            make_private(server.folder)
            witness.write(server.folder, found[0]["value"])


def set_aside(server: Server) -> list[str]:
    """Gives a damaged schema another name, which is returned."""
    with closing(PostgresConnection(server)) as connection, connection.errors():
        if not _tables(connection):
            return []
        name = f"{SCHEMA}_{connection.now():%Y%m%dt%H%M%S}"
        connection.direct(f"ALTER SCHEMA {SCHEMA} RENAME TO {name}")
        return [name]
