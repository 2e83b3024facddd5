"""One profile's report: opens what it needs, gathers, closes, and keeps in the state which drafts were booked."""

import logging
from contextlib import closing
from dataclasses import replace
from datetime import datetime

from klarna24.bookkeeping.ledger_match import judge
from klarna24.config.loading import Config
from klarna24.config.tables import Profile
from klarna24.errors import Klarna24Error
from klarna24.report.close import close
from klarna24.report.gather import gather
from klarna24.report.month import Gathered, Month, ProfileMonth
from klarna24.run import booked
from klarna24.run.context import RunContext, Shared, open_context
from klarna24.state.records import Status
from klarna24.state.store import State
from klarna24.state.witness import is_used
from klarna24.twentyfour.sessions import Sessions

log = logging.getLogger(__name__)


def report(profile: Profile, config: Config, month: Month | None, shared: Shared) -> ProfileMonth:
    """Return the month, or without one the last full month of the shop's zone. A fault stands in its problems.

    The state is opened for reading, so that a report can be made while a sync runs. A draft that stands in the
    ledger is booked in the report; afterwards that, and nothing else, is kept in the state as well."""
    month = month or Month.of(datetime.now(profile.timezone).date()).before
    sessions = Sessions.beside(config.state_dir, keep=is_used(config.state_dir))  # the database comes first
    try:
        with (
            closing(State.for_reading(config.state)) as state,
            open_context(profile, config, state, sessions, shared=shared) as context,
        ):
            gathered = gather(context, month)
            _keep_booked(context, gathered)
            return close(gathered)
    except Klarna24Error as fault:
        return ProfileMonth(profile.name, profile.language, profile.timezone, month, problems=fault.problems())


def _keep_booked(context: RunContext, gathered: Gathered) -> None:
    """A state that cannot be written now changes no report: the next reading of the ledger keeps it."""
    drafts = [
        (row, row.trace)
        for row in gathered.rows
        if row.status is Status.DRAFTED and row.trace and gathered.vouchers.get(row.id)
    ]
    if not drafts:
        return
    matches = [judge(trace, gathered.vouchers[row.id]) for row, trace in drafts]
    try:
        with closing(State.open(context.config.state)) as state:
            booked.note(replace(context, state=state), drafts, matches)
    except Klarna24Error as error:
        log.info("%s: which drafts were booked is not kept: %s", gathered.profile, error.message)
