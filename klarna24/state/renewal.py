"""Begins again, because a person has said so, where the state is lost or damaged or is another one."""

from contextlib import closing
from pathlib import Path

from klarna24.config.folders import STATE_FILE
from klarna24.errors import StateFault
from klarna24.state.base import Database
from klarna24.state.damage import Damaged
from klarna24.state.database import open_for_writing, set_aside
from klarna24.state.witness import LostState, OtherState, is_used


def loss(folder: Path) -> StateFault | None:
    """Why runs refuse the state in this folder; None where they do not. Raises a StateFault that is no loss: for
    example, a folder that belongs to another user."""
    if not is_used(folder) and not (folder / STATE_FILE).exists():
        return None
    try:
        with closing(_Renewal.open(folder)) as state:
            state.check_integrity()
            state.read_everything()
    except (LostState, OtherState, Damaged) as fault:
        return fault
    return None


def begin_again(folder: Path, fault: StateFault) -> list[Path]:
    """Makes a new state in place of what is lost or damaged, or accepts another one that was put there. Returns
    where damaged files were kept."""
    kept = [] if isinstance(fault, OtherState) else set_aside(folder / STATE_FILE)
    with closing(_Renewal(open_for_writing(folder, is_new=True))) as state:
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
