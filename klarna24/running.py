"""The chosen profiles, run side by side, and what is shown of it. A bug in one does not stop the others."""

import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from klarna24.errors import ConfigFault, Klarna24Error, Problem, UsageFault
from klarna24.stopping import stop_on_signals

if TYPE_CHECKING:
    from klarna24.config import Config, Heartbeat, Profile
    from klarna24.not_due import Asked
    from klarna24.report import Report, RowsProgress


class Options(NamedTuple):
    """The options that stand before the command."""

    config: Path | None
    state_dir: Path | None
    verbose: bool
    quiet: bool


Run = Callable[["Profile", "Config", "RowsProgress | None"], "Report"]


class Wanted(NamedTuple):
    """What a person asked for: which profiles, how many at a time, and how to show it."""

    names: tuple[str, ...]
    every: bool
    as_json: bool
    jobs: int = 1
    now: bool = False


def run_profiles(command: str, options: Options, wanted: Wanted, run: Run) -> int:
    """Load the file, run each profile by itself, and show what came of it; the exit code of the whole."""
    asked = _asked_by_cron(command, options, wanted)
    if asked:
        from klarna24.not_due import nothing_is_due

        if nothing_is_due(asked):
            return 0
    from klarna24 import output

    reports: list[Report] = []
    problems: tuple[Problem, ...] = ()
    try:
        config, profiles = chosen_profiles(options, wanted.names, wanted.every)
    except Klarna24Error as error:
        problems = error.problems()
        _show(command, options, wanted, reports, problems)
        if command == "sync" and isinstance(error, ConfigFault):
            _tell_of_file(options, problems)
        return output.exit_code(reports, problems)
    watched = command == "sync"  # by mail and by a monitor: what a person runs to look at it is not
    if watched:
        _beat(config.notify.heartbeat, None)
    shows = not (options.quiet or wanted.as_json)
    with stop_on_signals(), output.rows_progress(shows) as progress:
        from klarna24.side_by_side import side_by_side

        one = partial(_one, run, config, progress, watched)
        reports = side_by_side(one, profiles, wanted.jobs, lambda profile: profile.name)
    _show(command, options, wanted, reports, problems)
    exit_code = output.exit_code(reports, problems)
    if watched:
        _tell(config, reports)
        _beat(config.notify.heartbeat, exit_code)
    if asked and not exit_code:
        _note(asked, config, reports)
    return exit_code


def chosen_profiles(options: Options, names: tuple[str, ...], every: bool) -> "tuple[Config, list[Profile]]":
    if bool(names) == every:
        raise UsageFault("say which profiles: --profile NAME, or --all", "klarna24 --help")
    from klarna24 import config as configuration

    config = configuration.load(options.config, options.state_dir)
    return config, [config.profile(name) for name in dict.fromkeys(names)] if names else list(
        config.profiles.values()
    )


def _one(
    run: Run, config: "Config", progress: "RowsProgress | None", watched: bool, profile: "Profile"
) -> "Report":
    """A bug in one profile's run is shown in full and does not stop the others."""
    from klarna24.report import Report

    if watched:
        _beat(profile.notify.heartbeat, None)
    try:
        report = run(profile, config, progress)
    except Exception as error:  # noqa: BLE001 - one shop's bug must not keep the others from being paid attention
        from klarna24.redaction import print_traceback

        print_traceback()
        report = Report(profile.name, profile.language, problems=[_bug(profile.name, error)])
    if watched:
        _beat(profile.notify.heartbeat, report.exit_code)
    return report


def _bug(profile: str, error: Exception) -> Problem:
    from klarna24.wording import say

    return Problem(
        "bug",
        say("a bug ended the run: {name}", name=type(error).__name__),
        say(
            "please report the traceback that this shows: {command}", command=f"klarna24 sync --profile {profile}"
        ),
    )


# Nothing is due


def _asked_by_cron(command: str, options: Options, wanted: Wanted) -> "Asked | None":
    """A run that tells nobody anything when it is not due; a person at a terminal is told."""
    if command != "sync" or wanted.now or wanted.as_json or options.verbose or sys.stdout.isatty():
        return None
    if bool(wanted.names) == wanted.every:
        return None
    from klarna24.not_due import Asked

    return Asked(options.config, options.state_dir, wanted.names)


def _note(asked: "Asked", config: "Config", reports: "Sequence[Report]") -> None:
    """Not where a monitor wants to hear of each run."""
    next_dues = [report.next_due for report in reports if report.next_due and (report.ended or not report.due)]
    listening = [config.notify.heartbeat, *(profile.notify.heartbeat for profile in config.profiles.values())]
    if len(next_dues) == len(reports) > 0 and not any(listening):
        from klarna24.not_due import leave_note

        leave_note(asked, config.state_dir, next_dues)


# Whoever is not there


def _beat(heartbeat: "Heartbeat | None", exit_code: int | None) -> None:
    """None: it begins. What this needs is not even imported where nobody listens."""
    if heartbeat:
        from klarna24 import notify

        notify.started(heartbeat) if exit_code is None else notify.ended(heartbeat, exit_code)


def _tell(config: "Config", reports: "Sequence[Report]") -> None:
    notified = [config.notify, *(profile.notify for profile in config.profiles.values())]
    if any(report.due for report in reports) and any(notify.email for notify in notified):
        from klarna24 import telling

        telling.tell(config, reports)


def _tell_of_file(options: Options, problems: "Sequence[Problem]") -> None:
    """As far as the file still says whom: who else would hear of a night on which nothing was run?"""
    from klarna24 import config as configuration

    rescued = configuration.rescued(options.config, options.state_dir)
    if rescued is None:
        return
    _beat(rescued.notify.heartbeat, ConfigFault.exit_code)
    if rescued.notify.email:
        from klarna24 import telling

        telling.tell_of_file(rescued, problems)


# What is shown


def _show(
    command: str,
    options: Options,
    wanted: Wanted,
    reports: "Sequence[Report]",
    problems: "Sequence[Problem]",
) -> None:
    """Once all have run, so that a reader who has gone (head, less) keeps no shop from being run."""
    from klarna24 import output

    if wanted.as_json:
        with output.to_whoever_listens():
            output.print_line(output.as_json(command, reports, problems))
    else:
        for report in reports:
            _show_one(command, report, options)
        reads = (sys.stdout.isatty() or options.verbose) and not options.quiet
        if reads and len(reports) > 1:
            with output.to_whoever_listens():
                output.print_line(output.summary_line(reports))
    output.print_problems(problems)


def _show_one(command: str, report: "Report", options: Options) -> None:
    """Tables on a terminal (and for a dry run, which is asked for to be read); silence for a cron that is well."""
    from klarna24 import output

    reads = (sys.stdout.isatty() or command == "dry-run") and not options.quiet
    due = report.due or command != "sync"
    with output.to_whoever_listens():
        if reads and not due:
            output.print_line(output.not_due_line(report))
        elif reads:
            output.print_report(report, show_all=options.verbose)
        elif options.verbose:
            for item in report.items:
                output.print_line(output.posted_line(report.profile, item))
    told = reads and due and sys.stdout.isatty() and sys.stderr.isatty()
    problems = report.problems if told else report.all_problems()
    output.print_problems(problems, report.profile, report.language)
