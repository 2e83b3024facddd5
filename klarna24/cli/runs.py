"""The chosen profiles, run side by side, and what is shown of it. A bug in one does not stop the others."""

import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import date
from functools import partial

from klarna24.cli.chosen import Chosen, choose_profiles
from klarna24.cli.ended import reader_of_file
from klarna24.cli.options import GlobalOptions, RunOptions
from klarna24.cli.output.json_documents import runs_json
from klarna24.cli.output.lines import (
    not_due_line,
    payout_line,
    print_line,
    print_problems,
    print_words,
    summary_line,
    while_someone_reads,
)
from klarna24.cli.side_by_side import side_by_side
from klarna24.config.contacts import Heartbeat
from klarna24.config.loading import Config, read_contacts
from klarna24.config.tables import Profile
from klarna24.errors import ConfigFault, Klarna24Error, Problem, worst
from klarna24.logs.tracebacks import print_traceback
from klarna24.notify import after_run, heartbeat
from klarna24.notify.report_mail import mail_reports
from klarna24.report.month import ProfileMonth
from klarna24.run import sync as runs
from klarna24.run.context import Shared
from klarna24.run.messages import bug
from klarna24.run.outcome import Report, RowsProgress
from klarna24.run.standing import Standings
from klarna24.run.stopping import stop_on_signals
from klarna24.text.reader import Reader

Period = tuple[date | None, date | None]
Run = Callable[[Profile, Config, RowsProgress | None], Report]


def run_dry(options: GlobalOptions, wanted: RunOptions, period: Period | None) -> int:
    """``klarna24 dry-run``; the exit code of the whole."""
    try:
        chosen = choose_profiles(options, wanted.names, wanted.every)
    except Klarna24Error as error:
        _show("dry-run", options, wanted, [], error.problems())
        return error.exit_code

    shared = Shared.of(chosen.config)

    def run(profile: Profile, config: Config, progress: RowsProgress | None) -> Report:
        return runs.dry_run(profile, config, period, progress, shared)

    reports = _run_all(options, wanted, chosen, run)
    _show("dry-run", options, wanted, reports)
    return worst(report.exit_code for report in reports)


def run_sync(options: GlobalOptions, wanted: RunOptions, chosen: Chosen, known: Standings, wait: float) -> int:
    """``klarna24 sync`` for the profiles in ``chosen``: those that ``known`` does not call "not due" are run. Then
    mail, the monitor and the month's report, which never change the exit code."""

    shared = Shared.of(chosen.config)

    def run(profile: Profile, config: Config, progress: RowsProgress | None) -> Report:
        return _with_heartbeat(
            profile.notify.heartbeat,
            lambda: runs.sync(profile, config, known.get(profile.name), wait, progress, shared, mail_reports),
        )

    config = chosen.config
    _ping_start(config.notify.heartbeat)
    for broken in chosen.broken:
        _ping_end(broken.notify.heartbeat, broken.fault.exit_code)
    reports = _run_all(options, wanted, chosen, run)
    _show("sync", options, wanted, reports)
    exit_code = worst(report.exit_code for report in reports)
    after_run.notify(config, reports)
    _ping_end(config.notify.heartbeat, exit_code)
    if config.report_day:
        _mail_report(chosen, wanted.jobs)
    return exit_code


def _mail_report(chosen: Chosen, jobs: int) -> None:
    from klarna24.cli.report import report_or_bug  # noqa: PLC0415 - as above
    from klarna24.notify import monthly  # noqa: PLC0415 - loads the page's templates, once a month

    def gather(profiles: Sequence[Profile]) -> list[ProfileMonth]:
        shared = Shared.of(chosen.config)
        return side_by_side(
            lambda it: report_or_bug(it, chosen.config, None, shared), profiles, jobs, lambda it: it.name
        )

    monthly.mail_due(chosen.config, chosen.profiles, gather)


def report_file_fault(options: GlobalOptions, as_json: bool, fault: ConfigFault) -> int:
    """profiles.toml cannot be used: say so, and tell whoever the file still names. Who else would hear of a night
    on which nothing was run?"""
    problems = fault.problems()
    _show("sync", options, RunOptions((), False, as_json), [], problems)
    if contacts := read_contacts(options.config, *options.state):
        _ping_end(contacts.notify.heartbeat, fault.exit_code)
        after_run.notify_of_file(contacts, problems)
    return fault.exit_code


def _run_all(options: GlobalOptions, wanted: RunOptions, chosen: Chosen, run: Run) -> list[Report]:
    """Those that are broken come first, with their faults."""
    broken = [Report(profile=it.name, language=it.language, problems=it.fault.problems()) for it in chosen.broken]
    with stop_on_signals(), _progress(options, wanted) as progress:
        one = partial(_without_bugs, run, chosen.config, progress)
        return [*broken, *side_by_side(one, chosen.profiles, wanted.jobs, lambda profile: profile.name)]


def _progress(options: GlobalOptions, wanted: RunOptions) -> AbstractContextManager[RowsProgress | None]:
    """A bar on stderr while a large payout is fetched; None where nobody looks."""
    if options.quiet or wanted.as_json or not sys.stderr.isatty():
        return nullcontext()
    from klarna24.cli.output import tables  # noqa: PLC0415 - rich is loaded where something is drawn

    return tables.rows_progress()


def _without_bugs(run: Run, config: Config, progress: RowsProgress | None, profile: Profile) -> Report:
    """A bug in one profile's run is shown in full and does not stop the others."""
    try:
        return run(profile, config, progress)
    except Exception as error:  # noqa: BLE001 - one shop's bug must not stop the other shops
        print_traceback()
        return Report(profile=profile.name, language=profile.language, problems=(bug(profile.name, error),))


def _with_heartbeat(monitor: Heartbeat | None, run: Callable[[], Report]) -> Report:
    """The profile's own monitor hears of its start and its end; of a bug by exit code 1."""
    _ping_start(monitor)
    try:
        report = run()
    except Exception:
        _ping_end(monitor, 1)
        raise
    _ping_end(monitor, report.exit_code)
    return report


def _ping_start(monitor: Heartbeat | None) -> None:
    if monitor:
        heartbeat.started(monitor)


def _ping_end(monitor: Heartbeat | None, exit_code: int) -> None:
    if monitor:
        heartbeat.ended(monitor, exit_code)


def _show(
    command: str,
    options: GlobalOptions,
    wanted: RunOptions,
    reports: Sequence[Report],
    problems: Sequence[Problem] = (),
) -> None:
    """Once all have run, so that a reader who has gone (head, less) stops no shop's run."""
    if wanted.as_json:
        with while_someone_reads():
            print_line(runs_json(command, reports, problems))
    else:
        for report in reports:
            _show_one(command, report, options)
        is_read = (sys.stdout.isatty() or options.verbose) and not options.quiet
        if is_read and len(reports) > 1:
            with while_someone_reads():
                print_words(summary_line(reports))
    print_problems(problems, None, reader_of_file(options.config))


def _show_one(command: str, report: Report, options: GlobalOptions) -> None:
    """Tables on a terminal (and for a dry run, which is asked for to be read); silence for a cron that is well."""
    was_read = bool(report.outcomes or not report.problems)  # else there is nothing to show but the problems
    is_read = (sys.stdout.isatty() or command == "dry-run") and not options.quiet and was_read
    is_due = report.due or command != "sync"
    with while_someone_reads():
        if is_read and not is_due:
            print_words(not_due_line(report))
        elif is_read:
            from klarna24.cli.output import tables  # noqa: PLC0415 - rich is loaded where a table is drawn

            tables.print_report(report, show_all=options.verbose)
        elif options.verbose:
            for outcome in report.outcomes:
                print_words(payout_line(report, outcome))
    already_shown = is_read and is_due and sys.stdout.isatty() and sys.stderr.isatty()
    problems = report.problems if already_shown else report.all_problems()
    print_problems(problems, report.profile, Reader(report.language))
