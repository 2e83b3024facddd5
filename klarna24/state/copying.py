"""The state is copied between folders and servers: all rows, in one transaction, each compared at the end.

A folder gets its database once all is well; a server gets schema and rows in one transaction. So what fails leaves
nothing behind.
"""

import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path

from klarna24.config.address import Server
from klarna24.config.folders import STATE_FILE
from klarna24.errors import StateFault
from klarna24.state import database, witness
from klarna24.state.connection import Connection, Place, Record
from klarna24.state.folder import make_private
from klarna24.state.lock import no_run
from klarna24.state.opening import open_for_reading, the_extra
from klarna24.state.reading import StateReader
from klarna24.state.sqlite import SqliteConnection
from klarna24.text.sentences import sentence

# Each with its key, in an order in which no row refers to a later one.
TABLES = {
    "meta": ("key",),
    "profile": ("name",),
    "payout": ("id",),
    "event": ("id",),
    "alert": ("id",),
    "rate": ("day", "currency", "home"),
    "evidence": ("id",),
}
ROWS = 200  # at a time


def copy(source: Place, target: Place, profiles: Iterable[str]) -> dict[str, int]:
    """Returns the number of rows of each table. No run of these profiles, or of those that the state knows, can
    begin meanwhile. Raises StateFault if there is nothing to copy, if the target has a state, or if both differ at
    the end; and Locked while a run is under way. Nothing was copied then."""
    if _is_unused(source):
        raise StateFault(sentence("there is no state to copy: {place}", place=str(source)), "klarna24 status")
    if not _is_unused(target):
        raise _used(target)
    with closing(StateReader.for_reading(source)) as reader:
        known = dict.fromkeys([*profiles, *reader.profiles()])
    with no_run(source, known), closing(open_for_reading(source)) as old, old.snapshot():
        return _into_folder(old, target) if isinstance(target, Path) else _into_server(old, target)


def _is_unused(place: Place) -> bool:
    if isinstance(place, Path):
        return not (witness.is_used(place) or (place / STATE_FILE).exists())
    with the_extra():
        from klarna24.state.postgres import opening  # noqa: PLC0415 - see there

    return not opening.has_state(place)


def _used(target: Place) -> StateFault:
    why = sentence("there is a state already, or was one: {place}", place=str(target))
    return StateFault(why, sentence("name a place that is empty"))


def _into_folder(old: Connection, folder: Path) -> dict[str, int]:
    make_private(folder)
    with tempfile.TemporaryDirectory(prefix="copy-", dir=folder) as beside:
        with closing(SqliteConnection(database.open_for_writing(Path(beside)))) as new, new.transaction():
            copied = _rows(old, new, str(folder))
        try:
            os.link(Path(beside, STATE_FILE), folder / STATE_FILE)  # which replaces nothing
        except FileExistsError:
            raise _used(folder) from None
    database.open_for_writing(folder).close()  # which remembers the state's id
    return copied


def _into_server(old: Connection, server: Server) -> dict[str, int]:
    with the_extra():
        from klarna24.state.postgres import opening  # noqa: PLC0415 - see there

    with opening.making(server) as new:
        copied = _rows(old, new, str(server))
        for table, key in TABLES.items():
            if key == ("id",):
                new.count_from_newest(table)
    opening.open_for_writing(server).close()  # which remembers the state's id
    return copied


def _rows(old: Connection, new: Connection, target: str) -> dict[str, int]:
    """Inside the target's transaction."""
    new.execute("DELETE FROM meta")
    copied = dict.fromkeys(TABLES, 0)
    for table in TABLES:
        for rows in _parts(old, table):
            columns = [*rows[0].keys()]
            row = f"({', '.join('?' for _ in columns)})"
            new.execute(
                f"INSERT INTO {table} ({', '.join(columns)}) VALUES {', '.join(row for _ in rows)}",  # noqa: S608 - our own tables
                [value for it in rows for value in it],
            )
            copied[table] += len(rows)
    for table in TABLES:
        compared = 0
        for rows, again in zip(_parts(old, table), _parts(new, table), strict=False):
            if [_named(it) for it in rows] != [_named(it) for it in again]:
                break
            compared += len(rows)
        (found,) = new.execute(f"SELECT count(*) AS rows FROM {table}").fetchall()  # noqa: S608 - as above
        if not compared == copied[table] == found["rows"]:
            raise StateFault(
                sentence("the copy on {place} differs in the table {table}", place=target, table=table),
                sentence("nothing was copied; report it to the maintainers"),
            )
    return copied


def _named(row: Record) -> dict[str, object]:
    return dict(zip(row.keys(), row, strict=True))


def _parts(connection: Connection, table: str) -> Iterator[list[Record]]:
    """The rows by their key, some at a time: a state of many years needs no memory."""
    key = TABLES[table]
    columns, marks = ", ".join(key), ", ".join("?" for _ in key)
    found: list[Record] = connection.execute(
        f"SELECT * FROM {table} ORDER BY {columns} LIMIT {ROWS}"  # noqa: S608 - our own tables
    ).fetchall()
    while found:
        yield found
        last = [found[-1][name] for name in key]
        found = connection.execute(
            f"SELECT * FROM {table} WHERE ({columns}) > ({marks}) ORDER BY {columns} LIMIT {ROWS}",  # noqa: S608 - as above
            last,
        ).fetchall()
