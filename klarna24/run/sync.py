"""One profile's run, from Klarna's answer to the save.

    state: is a run due?                standing.py; a run that is not due ends there
    | what is in doubt                  looked up in the ledger, by what was kept of it (doubt.py)
    | klarna.payouts(since, until)      since = checkpoint − 90 days, never before start_date
    | plus the unfinished               by reference, however old
    | bookkeeping.voucher_for(…)        pure; blocked, skipped or ready (plan.py)
    --- plan() returns here, and so does a dry run ---
    | the ledger, once                  does it know more than the state? (doubt.py)
    |                                   which drafts have been booked since? (booked.py)
    | evidence                          its pages are attached, if so chosen (evidence.py)
    | state: sending                    durable, before the call
    | twentyfour.save(voucher)          one bundle; never repeated after a lost answer (draft.py)
    | state: drafted                    or rejected, in doubt, or not sent after all
    | after_drafts                      Klarna's reports are mailed (notify/report_mail.py)
    | archive                           what Klarna sent and what was sent, as files (klarna24/archive/)

Nothing here asks whether it is a dry run: a dry run is plan() on a state that is only read.
"""

import logging
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import date

from klarna24.archive.keep import ABOUT, Keeper
from klarna24.config.loading import Config
from klarna24.config.tables import Profile
from klarna24.errors import Klarna24Error, Problem
from klarna24.run.context import RunContext, Shared, open_context
from klarna24.run.draft import draft
from klarna24.run.outcome import Outcomes, Plan, Report, RowsProgress, tally
from klarna24.run.plan import plan, preview, silence
from klarna24.run.standing import Standing, standing
from klarna24.state.lock import only_run
from klarna24.state.store import State
from klarna24.twentyfour.sessions import Sessions

AfterDrafts = Callable[[RunContext, Outcomes], Outcomes]
log = logging.getLogger(__name__)


def dry_run(
    profile: Profile,
    config: Config,
    period: tuple[date | None, date | None] | None = None,
    progress: RowsProgress | None = None,
    shared: Shared | None = None,
) -> Report:
    """What a sync that is due would do, or with ``period`` a preview of any days. The state does not change."""
    report = Report(profile=profile.name, language=profile.language, timezone=profile.timezone)
    sessions = Sessions.beside(config.state_dir, keep=False)
    try:
        with closing(State.for_reading(config.state)) as state:
            checkpoint, due, next_due = standing(profile, state)
            report = replace(report, checkpoint=checkpoint, due=due, next_due=next_due)
            with open_context(profile, config, state, sessions, progress, shared) as context:
                if period:
                    return _with(report, context, preview(context, period))
                planned = plan(context)
                return _with(report, context, planned, _silence(context, planned))
    except Klarna24Error as fault:
        return replace(report, problems=fault.problems())


def sync(
    profile: Profile,
    config: Config,
    known: Standing | None,
    wait: float = 0,
    progress: RowsProgress | None = None,
    shared: Shared | None = None,
    after_drafts: AfterDrafts | None = None,
) -> Report:
    """Plan and draft. ``known`` is where the profile stands, and where that says "not due" nothing is done; None
    runs it in any case. ``wait`` is how many seconds to wait for another run of the profile to end.
    ``after_drafts`` is called with all outcomes, and returns them with more remarks."""
    report = Report(profile=profile.name, language=profile.language, timezone=profile.timezone)
    if known is not None:
        report = replace(report, checkpoint=known.checkpoint, due=known.is_due, next_due=known.next_due)
    if not report.due:
        log.info("%s: not due before %s", report.profile, report.next_due)
        return report
    log.info("%s: run begins", profile.name)
    try:
        with only_run(config.state, profile.name, wait) as lock, closing(State.open(config.state, lock)) as state:
            report = _run(report, profile, config, state, progress, shared, after_drafts)
            after = standing(profile, state)
            report = replace(report, checkpoint=after.checkpoint, next_due=after.next_due)
    except Klarna24Error as fault:
        new = [problem for problem in fault.problems() if problem not in report.problems]
        report = replace(report, problems=(*report.problems, *new))
    log.info("%s: run ended with %d: %s", report.profile, report.exit_code, tally(report.outcomes))
    for problem in report.all_problems():
        log.info("%s: %s: %s", report.profile, problem.code, problem.message)
    return report


def _run(
    report: Report,
    profile: Profile,
    config: Config,
    state: State,
    progress: RowsProgress | None,
    shared: Shared | None,
    after_drafts: AfterDrafts | None,
) -> Report:
    """Under the profile's lock. A fault ends this profile's run and stands in its report."""
    try:
        with open_context(profile, config, state, Sessions.beside(config.state_dir), progress, shared) as context:
            state.settings(context.owner, profile.booking_settings())
            planned = plan(context)
            silent = _silence(context, planned)
            if planned.fault:
                return _with(report, context, planned, silent)
            done = draft(context, planned)
            if after_drafts:
                done = after_drafts(context, done)
            done = _archived(context, planned, done)
            return replace(_with(report, context, done, silent), ended=not done.fault)
    except Klarna24Error as fault:
        return replace(report, problems=fault.problems())


def _archived(context: RunContext, planned: Plan, done: Outcomes) -> Outcomes:
    """Keeps the evidence. After drafting, so that nothing about it can keep a payout from being drafted; what
    could not be had is a remark on its payout."""
    if context.config.archive is None:
        return done
    listed = [*planned.listed, *(outcome.payout for outcome in done.outcomes if outcome.payout)]
    keeper = Keeper(
        context.config.archive.resolve(),
        context.klarna,
        context.state,
        context.owner,
        {payout.key: payout for payout in listed},
    )
    try:
        remarks = {kept.key: kept.remarks for kept in keeper.keep()}
    except Klarna24Error as fault:
        return Outcomes(done.outcomes, done.fault or fault)
    return Outcomes(
        [
            replace(outcome, remarks=(*(it for it in outcome.remarks if it.about != ABOUT), *remarks[outcome.key]))
            if outcome.key in remarks
            else outcome
            for outcome in done.outcomes
        ],
        done.fault,
    )


def _silence(context: RunContext, planned: Plan) -> tuple[Problem, ...]:
    """Only where all was seen: what could not be listed may hold the payout that is missed."""
    return () if planned.fault else tuple(silence(context, planned.outcomes))


def _with(report: Report, context: RunContext, done: Outcomes | Plan, silent: tuple[Problem, ...] = ()) -> Report:
    problems = (*silent, *(done.fault.problems() if done.fault else ()))
    return replace(report, outcomes=done.outcomes, problems=problems, chart=context.chart)
