"""The state's database is opened, wherever it is: the only module that knows both kinds."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from klarna24.errors import StateFault
from klarna24.state import database
from klarna24.state.connection import Connection, Place
from klarna24.state.sqlite import SqliteConnection
from klarna24.text.sentences import sentence


@contextmanager
def the_extra() -> Iterator[None]:
    """Around the import of what needs psycopg, which is loaded only where the state is on a server. Raises
    StateFault where it is not installed."""
    try:
        yield
    except ImportError:
        raise StateFault(
            sentence("a state on a PostgreSQL server needs the package psycopg, which is not installed"),
            sentence("install it into the same Python: {command}", command="pip install 'psycopg[binary]'"),
        ) from None


def open_for_writing(place: Place) -> Connection:
    """Makes the database where there is none. Raises what :class:`~klarna24.state.base.Database` can raise."""
    if isinstance(place, Path):
        return SqliteConnection(database.open_for_writing(place))
    with the_extra():
        from klarna24.state.postgres import opening  # noqa: PLC0415 - see there
    return opening.open_for_writing(place)


def open_for_reading(place: Place) -> Connection:
    """Changes nothing, and works while a run writes. Where there is no database yet it opens an empty one in
    memory."""
    if isinstance(place, Path):
        return SqliteConnection(database.open_for_reading(place))
    with the_extra():
        from klarna24.state.postgres import opening  # noqa: PLC0415 - as above
    return opening.open_for_reading(place) or SqliteConnection(database.empty())
