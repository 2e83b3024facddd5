"""The whole run: a straight line with pure code in the middle.

    state: is a run due?                     if not, nothing below is even imported
    | the checkpoint                         since = checkpoint − 90 days, never before start_date
    | what is in doubt                       looked up in the ledger, by what was kept of it
    | klarna.payouts(since, until)           until is fixed at the start; pages to the end
    | plus the unfinished                    by reference, however old
    | minus what state has finished
    | mapping.voucher_for(payout, …)         pure; blocked, skipped or ready
    --- plan() ends here, and so does a dry run ---
    | the ledger, once                      does it know more than the state?
    | state.sending                          durable, before the call
    | twentyfour.save                        one bundle; never repeated after a lost answer
    | state.answered                         drafted, rejected, in doubt, or not sent after all

Nothing here asks whether it is a dry run: a dry run is plan() on a state that can only be read.
"""

import logging
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime

from klarna24.config.loading import Config
from klarna24.config.tables import Profile
from klarna24.errors import Klarna24Error
from klarna24.run.context import open_shop
from klarna24.run.draft import draft
from klarna24.run.due import next_due
from klarna24.run.outcome import Plan, Report, RowsProgress, tally
from klarna24.run.plan import plan, preview, silence
from klarna24.run.standing import Standing, standing
from klarna24.state.lock import only_run
from klarna24.state.records import Owner
from klarna24.state.store import State
from klarna24.twentyfour.sessions import Sessions

log = logging.getLogger(__name__)


def dry_run(
    profile: Profile,
    config: Config,
    period: tuple[date | None, date | None] | None = None,
    progress: RowsProgress | None = None,
) -> Report:
    """What a sync that is due would do, or with ``period`` a preview of any days; not a byte of state changes."""
    report = Report(profile.name, profile.language)
    with _collecting(report):
        sessions = Sessions.beside(config.state_dir, keep=False)
        planned = Plan(report.items)
        with closing(State.for_reading(config.state_dir)) as state:
            report.checkpoint, report.due, report.next_due = standing(profile, state)
            with open_shop(profile, config, state, sessions, progress) as shop:
                if period:
                    preview(shop, period, planned)
                else:
                    plan(shop, planned)
                    report.problems += silence(shop, planned)
                report.chart = shop.chart
    return report


def sync(
    profile: Profile,
    config: Config,
    known: Standing | None,
    wait: float = 0,
    progress: RowsProgress | None = None,
) -> Report:
    """Plan and draft. ``known`` is where the profile stands, and where that says "not due" nothing is done; None
    runs it in any case. ``wait`` is how many seconds to wait for another run of the profile to end."""
    report = Report(profile.name, profile.language)
    if known is not None:
        report.checkpoint, report.due, report.next_due = known
    if report.due:
        with _collecting(report):
            log.info("%s: run begins", profile.name)
            _run(report, profile, config, wait, progress)
    _log_end(report)
    return report


def _log_end(report: Report) -> None:
    if not report.due:
        log.info("%s: not due before %s", report.profile, report.next_due)
        return
    log.info("%s: run ended with %d: %s", report.profile, report.exit_code, tally(report.items))
    for problem in report.all_problems():
        log.info("%s: %s: %s", report.profile, problem.code, problem.message)


def _run(report: Report, profile: Profile, config: Config, wait: float, progress: RowsProgress | None) -> None:
    """Under the profile's lock; ``wait`` is how many seconds to wait for that."""
    with only_run(config.state_dir, profile.name, wait):
        state = State.open(config.state_dir)
        planned = Plan(report.items)
        try:
            with open_shop(profile, config, state, Sessions.beside(config.state_dir), progress) as shop:
                plan(shop, planned)
                report.problems += silence(shop, planned)
                report.chart = shop.chart
                draft(shop, planned)
                report.ended = True
        finally:
            report.checkpoint = state.checkpoint(profile.name)
            report.next_due = next_due(profile, *state.last_run(Owner.of(profile)), datetime.now(UTC))
            state.close()


@contextmanager
def _collecting(report: Report) -> Iterator[None]:
    """A fault ends this profile's run and stands in its report; other profiles go on."""
    try:
        yield
    except Klarna24Error as error:
        report.problems += error.problems()
