"""Begins again, because a person has said so, where the state is lost or damaged or is another one."""

from contextlib import closing
from pathlib import Path

from klarna24.config.folders import STATE_FILE
from klarna24.errors import StateFault
from klarna24.state.base import Database
from klarna24.state.connection import Connection, Place
from klarna24.state.damage import Damaged
from klarna24.state.database import open_for_writing, set_aside
from klarna24.state.opening import the_extra
from klarna24.state.sqlite import SqliteConnection
from klarna24.state.witness import LostState, OtherState, is_used


def loss(place: Place) -> StateFault | None:
    """Why runs refuse the state at this place; None where they do not. Raises a StateFault that is no loss: for
    example, a folder that belongs to another user."""
    if isinstance(place, Path) and not is_used(place) and not (place / STATE_FILE).exists():
        return None
    try:
        with closing(_Renewal.open(place)) as state:
            state.check_integrity()
            state.read_everything()
    except (LostState, OtherState, Damaged) as fault:
        return fault
    return None


def begin_again(place: Place, fault: StateFault) -> list[str]:
    """Makes a new state in place of what is lost or damaged, or accepts another one that was put there. Returns
    the damaged files, or the server's schema, that were kept under another name."""
    is_damaged = not isinstance(fault, OtherState)
    if isinstance(place, Path):
        kept = [str(file) for file in set_aside(place / STATE_FILE)] if is_damaged else []
        new: Connection = SqliteConnection(open_for_writing(place, is_new=True))
    else:
        with the_extra():
            from klarna24.state.postgres import opening  # noqa: PLC0415 - see there
        kept = opening.set_aside(place) if is_damaged else []
        new = opening.open_for_writing(place, is_new=True)
    with closing(_Renewal(new)) as state:
        state.record(fault)
    return kept


class _Renewal(Database):
    def read_everything(self) -> None:
        """Raises Damaged if a row cannot be read."""
        for table in ("payout", "event", "profile", "alert"):
            self._query(f"SELECT * FROM {table}")  # noqa: S608 - our own tables

    def record(self, fault: StateFault) -> None:
        with self._transaction():
            self._event("", None, "state new", fault.message)
