"""The chosen profiles, run one by one, and what is shown of it. A bug in one of them does not stop the others."""

import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from klarna24.errors import Klarna24Error, Problem, UsageFault
from klarna24.stopping import stop_on_signals

if TYPE_CHECKING:
    from klarna24.config import Config, Profile
    from klarna24.report import Report, RowsProgress


class Options(NamedTuple):
    """The options that stand before the command."""

    config: Path | None
    state_dir: Path | None
    verbose: bool
    quiet: bool


Run = Callable[["Profile", "Config", "RowsProgress | None"], "Report"]


def run_profiles(
    command: str, options: Options, names: tuple[str, ...], every: bool, as_json: bool, run: Run
) -> int:
    """Load the file, run each profile by itself, and show what came of it; the exit code of the whole."""
    from klarna24 import output

    reports: list[Report] = []
    problems: tuple[Problem, ...] = ()
    try:
        config, profiles = chosen_profiles(options, names, every)
        shows = not (options.quiet or as_json)
        with stop_on_signals(), output.rows_progress(shows) as progress:
            reports = [_guarded(run, profile, config, progress) for profile in profiles]
    except Klarna24Error as error:
        problems = error.problems()
    # only now, so that a reader who has gone (head, less) keeps no shop from being run
    if as_json:
        with output.to_whoever_listens():
            output.print_line(output.as_json(command, reports, problems))
    else:
        for report in reports:
            _show(command, report, options)
    output.print_problems(problems)
    return output.exit_code(reports, problems)


def chosen_profiles(options: Options, names: tuple[str, ...], every: bool) -> "tuple[Config, list[Profile]]":
    if bool(names) == every:
        raise UsageFault("say which profiles: --profile NAME, or --all", "klarna24 --help")
    from klarna24 import config as configuration

    config = configuration.load(options.config, options.state_dir)
    return config, [config.profile(name) for name in dict.fromkeys(names)] if names else list(
        config.profiles.values()
    )


def _guarded(run: Run, profile: "Profile", config: "Config", progress: "RowsProgress | None") -> "Report":
    """A bug in one profile's run is shown in full and does not stop the others."""
    from klarna24.report import Report

    try:
        return run(profile, config, progress)
    except Exception as error:  # noqa: BLE001 - one shop's bug must not keep the others from being paid attention
        traceback.print_exc()
        problem = Problem(
            "bug", f"a bug ended the run: {type(error).__name__}", "please report the traceback above"
        )
        return Report(profile.name, problems=[problem])


def _show(command: str, report: "Report", options: Options) -> None:
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
    output.print_problems(report.problems if told else report.all_problems(), report.profile)
