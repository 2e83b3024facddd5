"""Where each profile stands before a run: its checkpoint, and whether a run is due. Reads only."""

from collections.abc import Iterable
from contextlib import closing
from datetime import date, datetime
from typing import NamedTuple

from klarna24.config.loading import Config
from klarna24.config.tables import Profile
from klarna24.run.due import next_due
from klarna24.state.records import Owner
from klarna24.state.store import State


class Standing(NamedTuple):
    """``next_due`` is in UTC, and the present where a run is due already."""

    checkpoint: date | None
    is_due: bool
    next_due: datetime


Standings = dict[str, Standing]


def standings(config: Config, profiles: Iterable[Profile]) -> Standings:
    """By the profiles' names, read from the state in one go. Takes no lock: two runs that both find themselves due
    are told apart by the lock. Raises StateFault,
    or Unavailable where the state is on a server."""
    with closing(State.for_reading(config.state)) as state:
        return {profile.name: standing(profile, state) for profile in profiles}


def standing(profile: Profile, state: State) -> Standing:
    """Of one profile, by the clock that all who share the state go by."""
    now = state.now()
    due = next_due(profile, *state.last_run(Owner.of(profile)), now)
    return Standing(state.checkpoint(profile.name), due <= now, due)
