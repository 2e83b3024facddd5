"""klarna24 check."""

import sys
from contextlib import nullcontext

import click

from klarna24.check.as_cron import check_as_cron
from klarna24.check.months import History
from klarna24.check.profile import HISTORY, check_broken, check_profile
from klarna24.check.result import CheckedProfile, Outcome
from klarna24.cli.chosen import Chosen, choose_profiles
from klarna24.cli.options import GlobalOptions, all_option, json_option, profiles_option
from klarna24.cli.output.checks import print_overview, profiles_progress, show_checks, show_faults
from klarna24.cli.output.history import print_history
from klarna24.cli.output.json_documents import checks_json
from klarna24.cli.output.lines import print_failed_checks, print_line, print_problems, while_someone_reads
from klarna24.errors import Klarna24Error, UsageFault
from klarna24.run.stopping import stop_on_signals
from klarna24.text.reader import Reader
from klarna24.text.sentences import sentence, to_json


@click.command("check")
@profiles_option
@all_option
@json_option
@click.option(
    "--as-cron", is_flag=True, help="Check as cron would run it: few variables, no session, no terminal."
)
@click.option("--wording", "with_wording", is_flag=True, hidden=True, help="Print what can be translated.")
@click.option("--test-mail", is_flag=True, help="Also send one test mail to the recipients of each mail server.")
@click.option(
    "--history",
    "months",
    type=click.IntRange(0, 120),
    metavar="MONTHS",
    help="Show Klarna's payouts of the last months: whether they add up, which accounts they need, and whether "
    "they stand in the ledger. Without it, the last 12 months only tell which accounts are needed; 0 leaves that "
    "out.",
)
@click.pass_obj
def command(
    options: GlobalOptions,
    names: tuple[str, ...],
    every: bool,
    as_json: bool,
    as_cron: bool,
    with_wording: bool,
    test_mail: bool,
    months: int | None,
) -> int:
    """Test everything that a run needs, without sending anything.

    Checks all profiles unless some are named. Exits with the code that sync would return.
    """
    with_tables = not (as_json or options.quiet)
    reader, chosen = Reader.of_environment(), None
    try:
        with stop_on_signals():
            if as_cron and months:
                raise UsageFault(
                    sentence("--as-cron shows no history: what a payout needs does not depend on cron"),
                    sentence("leave out one of the two"),
                )
            chosen = choose_profiles(options, names, every or not names)
            reader = chosen.reader
            check = _check_as_cron if as_cron else _check
            outcome = check(chosen, test_mail, months, with_tables)
    except Klarna24Error as error:
        outcome = Outcome(error.exit_code, [], error.problems())
    with while_someone_reads():
        if as_json:
            print_line(checks_json(*outcome, to_json if with_wording else str))
        elif options.quiet:
            print_failed_checks(outcome.profiles)
        elif chosen and chosen.of_many and not as_cron:
            print_overview(outcome)
        if with_tables:
            for one in outcome.profiles:
                if one.history:
                    print_history(one.history)
        if with_tables:
            show_faults(outcome.problems, reader)
        else:
            print_problems(outcome.problems, None, reader)
    return outcome.exit_code


def _check(chosen: Chosen, test_mail: bool, months: int | None, with_tables: bool) -> Outcome:
    """Prints each check of one profile as soon as it is done, so that a person sees which one takes time."""
    mailed: set[str] | None = set() if test_mail else None
    one_by_one = with_tables and not chosen.of_many
    histories: dict[str, History] | None = {} if months else None
    wanted = HISTORY if months is None else months
    started = [(it.name, it.language, check_broken(it)) for it in chosen.broken]
    started += [
        (it.name, it.language, check_profile(it, chosen.config, mailed, wanted, histories))
        for it in chosen.profiles
    ]
    watched = with_tables and chosen.of_many and sys.stderr.isatty()
    with profiles_progress(len(started)) if watched else nullcontext() as begins:
        done = []
        for name, language, checks in started:
            if begins:
                begins(name)
            shown = [*(show_checks(name, checks, Reader(language)) if one_by_one else checks)]
            done.append(CheckedProfile(name, language, shown, (histories or {}).get(name)))
    return Outcome.of(done)


def _check_as_cron(chosen: Chosen, test_mail: bool, months: int | None, with_tables: bool) -> Outcome:
    names = [*(it.name for it in chosen.broken), *(it.name for it in chosen.profiles)]
    outcome = check_as_cron(chosen.config, names, test_mail, months != 0)
    if with_tables:
        for one in outcome.profiles:
            title = sentence("{profile}, as cron runs it", profile=one.profile)
            list(show_checks(title, one.checks, Reader(one.language)))
    return outcome
