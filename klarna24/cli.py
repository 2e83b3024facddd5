"""The commands: the only door to click. Each imports what it needs, so that --help is as fast as click."""

import sys
from collections.abc import Sequence
from contextlib import ExitStack, closing
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from klarna24 import __version__, systemd
from klarna24.errors import Klarna24Error, Problem, UsageFault
from klarna24.running import Options, Wanted, chosen_profiles, run_profiles
from klarna24.stopping import Stopped, stop_on_signals

if TYPE_CHECKING:
    from klarna24 import resolve as resolving
    from klarna24.check import Checked
    from klarna24.config import Config, Profile
    from klarna24.report import Report, RowsProgress
    from klarna24.resolve import Way

EXIT_CODES = """\b
Exit codes
  0  done, nothing new, or not due
  1  a bug, with traceback
  2  usage
  3  configuration: edit profiles.toml, or klarna24 check
  4  credentials missing or refused: klarna24 check
  5  unavailable, blocked for now, or already running: the next run carries on
  6  24SevenOffice refused a voucher: read what it said
  7  a payout is held, or changed after it was posted: read why
  8  in doubt: look in 24SevenOffice, then klarna24 resolve
"""


@click.group(epilog=EXIT_CODES, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--config", type=click.Path(path_type=Path, dir_okay=False), help="profiles.toml to use.")
@click.option("--state-dir", type=click.Path(path_type=Path, file_okay=False), help="Folder of what was done.")
@click.option("--log-file", type=click.Path(path_type=Path), help="Append what happens to this file.")
@click.option("-v", "verbose", count=True, help="Say more; -vv: all that happens, for finding a fault.")
@click.option("-q", "quiet", is_flag=True, help="No tables, no progress: problems only.")
@click.version_option(__version__, prog_name="klarna24")
@click.pass_context
def klarna24(
    context: click.Context,
    config: Path | None,
    state_dir: Path | None,
    log_file: Path | None,
    verbose: int,
    quiet: bool,
) -> None:
    """Books Klarna's payouts in 24SevenOffice: each new payout becomes a balanced voucher, saved as a journal
    for a person to check, number and book."""
    if verbose and quiet:
        raise click.UsageError("-v and -q do not go together.")
    from klarna24 import logs

    at_the_end: ExitStack = context.obj
    at_the_end.enter_context(logs.kept(verbose, log_file))
    context.obj = Options(config, state_dir, bool(verbose), quiet)


def _complete_profile(context: click.Context, parameter: click.Parameter, typed: str) -> list[str]:
    """Profile names for the shell's completion; a file that cannot be read completes nothing."""
    del parameter
    import tomllib

    from klarna24 import config as configuration

    try:
        path = context.find_root().params.get("config") or configuration.default_path()
        names = tomllib.loads(Path(path).read_text(encoding="utf-8")).get("profiles", {})
        return [name for name in names if name.startswith(typed)]
    except (OSError, ValueError, AttributeError):
        return []


_profile = click.option(
    "--profile",
    "names",
    multiple=True,
    metavar="NAME",
    shell_complete=_complete_profile,
    help="The profile to work on.",
)
_all = click.option("--all", "every", is_flag=True, help="Every profile of the file.")
_jobs = click.option(
    "--jobs",
    type=click.IntRange(1, 64),
    default=4,
    show_default=True,
    metavar="N",
    help="How many profiles at a time.",
)
_json = click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout, nothing else.")
_day = click.DateTime(formats=["%Y-%m-%d"])


@klarna24.command()
@click.option(
    "--profile",
    "name",
    metavar="NAME",
    shell_complete=_complete_profile,
    help="Edit this profile, or make one of this name.",
)
@click.pass_obj
def init(options: Options, name: str | None) -> int:
    """Set up a profile in a conversation: each answer is tested at once, and nothing is written before the end."""
    from klarna24 import config as configuration
    from klarna24 import wizard

    if not sys.stdin.isatty():
        raise UsageFault("init is a conversation: it needs a terminal", "copy profiles.example.toml instead")
    path = (options.config or configuration.default_path()).expanduser().absolute()
    return wizard.run(path, options.state_dir, name)


@klarna24.command()
@_profile
@_all
@_json
@click.option("--as-cron", is_flag=True, help="In cron's environment: no variables, no session, no terminal.")
@click.option("--test-mail", is_flag=True, help="Send one mail to each mail server's recipients.")
@click.pass_obj
def check(
    options: Options, names: tuple[str, ...], every: bool, as_json: bool, as_cron: bool, test_mail: bool
) -> int:
    """Try everything that a run needs, without posting: what is well, what is not, and what to do about it.

    Of all profiles if none is named. The exit code is that of a run which meets the same.
    """
    from klarna24 import output

    with stop_on_signals():
        check = _check_as_cron if as_cron else _check
        code, done, problems = check(options, names, every, as_json, test_mail)
    with output.to_whoever_listens():
        if as_json:
            output.print_line(output.checks_json(code, done, problems))
        elif options.quiet:
            output.print_failed_checks(done)
        if as_json or options.quiet:
            output.print_problems(problems)
        else:
            output.show_faults(problems)
    return code


Outcome = tuple[int, "list[Checked]", "Sequence[Problem]"]


def _check(options: Options, names: tuple[str, ...], every: bool, as_json: bool, test_mail: bool) -> Outcome:
    """Shows each check as it is made: one that waits for an answer is seen to."""
    from klarna24 import check as checking
    from klarna24 import output

    done: list[Checked] = []
    problems: Sequence[Problem] = ()
    try:
        config, profiles = chosen_profiles(options, names, every or not names)
        mail_tried: set[str] | None = set() if test_mail else None
        for profile in profiles:
            checks = checking.check_profile(profile, config, mail_tried)
            shown = checks if as_json or options.quiet else output.shown_checks(profile.name, checks)
            done.append(checking.Checked(profile.name, list(shown)))
    except Klarna24Error as error:
        problems = error.problems()
    return checking.exit_code(done, problems), done, problems


def _check_as_cron(
    options: Options, names: tuple[str, ...], every: bool, as_json: bool, test_mail: bool
) -> Outcome:
    from klarna24 import as_cron, output

    try:
        config, profiles = chosen_profiles(options, names, every or not names)
        found = as_cron.check_as_cron(config, [profile.name for profile in profiles], test_mail)
    except Klarna24Error as error:
        return error.exit_code, [], error.problems()
    if not (as_json or options.quiet):
        for one in found.profiles:
            list(output.shown_checks(f"{one.profile}, as cron runs it", one.checks))
    return found


@klarna24.command("dry-run")
@_profile
@_all
@_jobs
@_json
@click.option(
    "--from", "since", type=_day, metavar="DATE", help="Preview from this day, whatever was done before."
)
@click.option("--to", "until", type=_day, metavar="DATE", help="Preview to this day; today if left out.")
@click.pass_obj
def dry_run(
    options: Options,
    names: tuple[str, ...],
    every: bool,
    jobs: int,
    as_json: bool,
    since: datetime | None,
    until: datetime | None,
) -> int:
    """Show the vouchers that sync would post. Nothing is sent, nothing is written.

    With --from and --to: a preview of any period, days before start_date included.
    """
    if since and until and since > until:
        raise click.UsageError("--from is after --to.")
    period = (since and since.date(), until and until.date()) if since or until else None

    def run(profile: "Profile", config: "Config", progress: "RowsProgress | None") -> "Report":
        from klarna24 import sync as runs

        return runs.dry_run(profile, config, period, progress)

    return run_profiles("dry-run", options, Wanted(names, every, as_json, jobs), run)


@klarna24.command()
@_profile
@_all
@_jobs
@_json
@click.option("--now", is_flag=True, help="Run even if the profile's frequency says that it is not due.")
@click.option("--wait", type=click.IntRange(0), default=0, metavar="SECONDS", help="Wait for a run under way.")
@click.pass_obj
def sync(
    options: Options,
    names: tuple[str, ...],
    every: bool,
    jobs: int,
    as_json: bool,
    now: bool,
    wait: float,
) -> int:
    """Post each new payout as a voucher in 24SevenOffice, once.

    A profile that is not due by its frequency ends at once; klarna24 status says when it is.
    Prints nothing without a terminal when all is well, so that cron sends no mail.
    """

    def run(profile: "Profile", config: "Config", progress: "RowsProgress | None") -> "Report":
        from klarna24 import sync as runs

        return runs.sync(profile, config, now, wait, progress)

    return run_profiles("sync", options, Wanted(names, every, as_json, jobs, now), run)


@klarna24.command()
@click.option(
    "--profile",
    required=True,
    metavar="NAME",
    shell_complete=_complete_profile,
    help="The profile whose payout it is.",
)
@click.argument("reference")
@click.option("--posted", "way", flag_value="posted", help="It is in 24SevenOffice: never send it.")
@click.option("--resend", "way", flag_value="resend", help="It is not there: send it at the next run.")
@click.option("--skip", "way", flag_value="skip", help="Never post it: booked by hand, or not to be booked.")
@click.option("--currency", metavar="CODE", help="Which one, where a reference has payouts in two currencies.")
@click.option("--merchant", metavar="ID", help="Which one, where a reference has payouts of two merchants.")
@click.option("--note", metavar="TEXT", help="Why; kept in the log.")
@click.option("--yes", is_flag=True, help="Do not ask (what counts as finished has its reference typed).")
@click.pass_obj
def resolve(
    options: Options,
    profile: str,
    reference: str,
    way: "Way | None",
    currency: str | None,
    merchant: str | None,
    note: str | None,
    yes: bool,
) -> int:
    """End what only a person can: a payout that is in doubt, held or rejected.

    Look in 24SevenOffice first. --resend looks in the journal by itself, and also takes back what counts as
    posted or skipped (a draft that was deleted by mistake).
    """
    from klarna24 import config as configuration
    from klarna24 import resolve as resolving
    from klarna24.text import clean

    if way is None:
        raise click.UsageError("Say how: --posted, --resend or --skip.")
    config = configuration.load(options.config, options.state_dir)

    def confirm(question: "resolving.Question") -> bool:
        if yes and not question.type_reference:
            return True
        if not sys.stdin.isatty():
            raise UsageFault("nobody is there to ask", "run it on a terminal")
        if not question.type_reference:
            return click.confirm(question.text, err=True)
        typed = click.prompt(f"{question.text}\nType the payment reference to go on", err=True)
        return bool(typed == reference)

    which = resolving.Which(reference, currency, merchant)
    done = resolving.resolve(config, profile, which, way, clean(note) or None, confirm)
    click.echo(f"{profile}: {done}")
    return 0


@klarna24.command()
@_profile
@_all
@_json
@click.pass_obj
def status(options: Options, names: tuple[str, ...], every: bool, as_json: bool) -> int:
    """Where things stand: last run, counts, and each payout that waits for a person, with its command.

    Of all profiles if none is named. Reads only, and works while a sync is running.
    """
    from klarna24 import config as configuration
    from klarna24 import output
    from klarna24 import status as asking

    config = configuration.load(options.config, options.state_dir)
    statuses = asking.status(config, [] if every else list(names))
    with output.to_whoever_listens():
        if as_json:
            output.print_line(output.status_json(statuses))
        else:
            output.print_status(statuses)
    return 0


@klarna24.command()
@click.option(
    "--profile", metavar="NAME", shell_complete=_complete_profile, help="Of this profile; of all if left out."
)
@_json
@click.pass_obj
def log(options: Options, profile: str | None, as_json: bool) -> int:
    """What was done: when, by whom, to which payout, and with which answer. Oldest first."""
    from klarna24 import config as configuration
    from klarna24 import output
    from klarna24.state import State

    config = configuration.load(options.config, options.state_dir)
    with closing(State.snapshot(config.state_dir)) as state:
        events = state.events(profile)
    with output.to_whoever_listens():
        if as_json:
            output.print_line(output.log_json(events))
        else:
            output.print_log(events)
    return 0


@klarna24.command()
@_profile
@_all
@click.option("--systemd", "units", is_flag=True, help="A service and a timer instead of a crontab line.")
@click.pass_obj
def schedule(options: Options, names: tuple[str, ...], every: bool, units: bool) -> int:
    """Print what starts a run every day: a crontab line, or systemd units. Changes nothing.

    A line for each profile, or one for all of them, those of later included, with --all.
    """
    from klarna24 import schedule as scheduling

    config, profiles = chosen_profiles(options, names, every)
    text = scheduling.systemd if units else scheduling.crontab
    click.echo(text(config, None if every else [profile.name for profile in profiles]))
    return 0


@klarna24.command()
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8024, show_default=True, help="0 takes any free one."
)
@click.option("--seed", type=int, default=24, show_default=True, help="Other seeds make other payouts.")
@click.option("--fault", "faults", multiple=True, metavar="NAME[:TIMES]", help="Arm a fault; see --fault list.")
def sandbox(port: int, seed: int, faults: tuple[str, ...]) -> int:
    """Both vendors' APIs on loopback, with a few weeks of payouts, for trying things out.

    Writes a profiles.toml for it into a new folder and says how to use it. Ends with Ctrl-C.
    """
    from klarna24 import trying

    return trying.serve(port, seed, faults)


@klarna24.command()
@click.option("--open", "leave_open", is_flag=True, help="Then leave the journal open as a page, until Ctrl-C.")
def demo(leave_open: bool) -> int:
    """The whole way against the sandbox, in seconds: dry-run, sync, and a second sync. Leaves nothing behind."""
    from klarna24 import trying

    return trying.demo(lambda *arguments: run(arguments), leave_open)


def run(arguments: "list[str] | tuple[str, ...]") -> int:
    """The whole program: the exit code, whatever happens."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a name in åäö must not end a run under LANG=C
    with ExitStack() as at_the_end:  # a bug stands in the log file, too
        return _run(arguments, at_the_end)


def _run(arguments: "list[str] | tuple[str, ...]", at_the_end: ExitStack) -> int:
    try:
        result = klarna24.main(list(arguments), prog_name="klarna24", standalone_mode=False, obj=at_the_end)
    except (click.Abort, KeyboardInterrupt):
        return 130
    except Stopped as stopped:
        _say(f"stopped by {stopped.name}; the next run carries on", systemd.WARNING)
        return stopped.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except Klarna24Error as error:
        for problem in error.problems():
            _say(f"{problem.message} → {problem.hint}", systemd.ERROR)
        return error.exit_code
    except Exception:  # noqa: BLE001 - the last line: a bug is shown in full, with exit code 1
        from klarna24.redaction import print_traceback

        print_traceback()
        return 1
    return result if isinstance(result, int) else 0


def _say(line: str, level: int) -> None:
    click.echo(f"{systemd.level_prefix(level)}klarna24: {line}", err=True)
