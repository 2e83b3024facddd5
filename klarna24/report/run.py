"""One profile's report: opens what it needs, gathers, closes."""

from contextlib import closing
from datetime import datetime

from klarna24.config.loading import Config
from klarna24.config.tables import Profile
from klarna24.errors import Klarna24Error
from klarna24.report.close import close
from klarna24.report.gather import gather
from klarna24.report.month import Month, ProfileMonth
from klarna24.run.context import open_context
from klarna24.state.store import State
from klarna24.twentyfour.sessions import Sessions


def report(profile: Profile, config: Config, month: Month | None) -> ProfileMonth:
    """Return the month, or without one the last full month of the shop's zone. A fault stands in its problems.

    The state is only read, so that a report can be made while a sync runs. A draft that stands in the ledger is
    booked in the report, whatever the state says of it."""
    month = month or Month.of(datetime.now(profile.timezone).date()).before
    sessions = Sessions.beside(config.state_dir)
    try:
        with (
            closing(State.for_reading(config.state_dir)) as state,
            open_context(profile, config, state, sessions) as context,
        ):
            return close(gather(context, month))
    except Klarna24Error as fault:
        return ProfileMonth(profile.name, profile.language, month, problems=fault.problems())
