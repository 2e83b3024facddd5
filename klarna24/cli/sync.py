"""klarna24 sync."""

import sys

import click

from klarna24.cli.chosen import Chosen, choose_profiles
from klarna24.cli.options import GlobalOptions, RunOptions, all_option, jobs_option, json_option, profiles_option
from klarna24.errors import ConfigFault, Klarna24Error
from klarna24.run.standing import Standings, standings


@click.command("sync")
@profiles_option
@all_option
@jobs_option
@json_option
@click.option("--now", is_flag=True, help="Run even where the profile's frequency says that it is not due.")
@click.option(
    "--wait",
    type=click.IntRange(0),
    default=0,
    metavar="SECONDS",
    help="Wait this long for another run of the profile to end.",
)
@click.pass_obj
def command(
    options: GlobalOptions,
    names: tuple[str, ...],
    every: bool,
    jobs: int,
    as_json: bool,
    now: bool,
    wait: float,
) -> int:
    """Draft each new payout as a voucher in 24SevenOffice, once.

    A profile that is not due exits immediately; klarna24 status shows when it is due.
    Prints nothing on success unless run from a terminal.
    """
    try:
        chosen = choose_profiles(options, names, every)
    except ConfigFault as fault:
        from klarna24.cli.runs import report_file_fault  # noqa: PLC0415 - loads requests and zeep

        return report_file_fault(options, as_json, fault)
    known = {} if now else _standings(chosen)
    if not (as_json or options.verbose or sys.stdout.isatty()) and _nothing_to_do(chosen, known):
        return 0
    from klarna24.cli.runs import run_sync  # noqa: PLC0415 - loads zeep and requests; most of cron's calls end above

    return run_sync(options, RunOptions(names, every, as_json, jobs), chosen, known, wait)


def _standings(chosen: Chosen) -> Standings:
    """Empty where the state cannot be read: each profile's run then meets that fault itself, and reports it."""
    try:
        return standings(chosen.config, chosen.profiles)
    except Klarna24Error:
        return {}


def _nothing_to_do(chosen: Chosen, known: Standings) -> bool:
    """Whether all profiles can run and none is due, no monitor expects to hear of it, and no report is due."""
    if chosen.broken:
        return False
    notify = [chosen.config.notify, *(profile.notify for profile in chosen.profiles)]
    is_heard = any(it.heartbeat for it in notify)
    if is_heard or not all(it.name in known and not known[it.name].is_due for it in chosen.profiles):
        return False
    return not (chosen.config.report_day and _is_report_due(chosen))


def _is_report_due(chosen: Chosen) -> bool:
    from klarna24.report.due import due  # noqa: PLC0415 - most files name no day for a report

    try:
        return bool(due(chosen.config, chosen.profiles))
    except Klarna24Error:
        return True  # the run meets the same fault, and logs it
