"""klarna24 check."""

from collections.abc import Sequence
from typing import NamedTuple

import click

from klarna24.check.as_cron import check_as_cron
from klarna24.check.profile import check_profile
from klarna24.check.result import CheckedProfile, exit_code
from klarna24.cli.options import GlobalOptions, all_option, choose_profiles, json_option, profiles_option
from klarna24.cli.output.json_documents import checks_json
from klarna24.cli.output.lines import print_failed_checks, print_line, print_problems, while_someone_reads
from klarna24.cli.output.tables import show_checks, show_faults
from klarna24.errors import Klarna24Error, Problem
from klarna24.run.stopping import stop_on_signals


class CheckOptions(NamedTuple):
    """Which profiles are checked, how, and how it is shown."""

    names: tuple[str, ...]
    every: bool
    as_json: bool
    as_cron: bool
    test_mail: bool


class Outcome(NamedTuple):
    """The exit code, the checks of each profile, and what kept the others from being checked."""

    exit_code: int
    profiles: list[CheckedProfile]
    problems: Sequence[Problem]


@click.command("check")
@profiles_option
@all_option
@json_option
@click.option("--as-cron", is_flag=True, help="As cron runs it: no variables, no session, no terminal.")
@click.option("--test-mail", is_flag=True, help="Send one mail to the recipients of each mail server.")
@click.pass_obj
def command(
    options: GlobalOptions, names: tuple[str, ...], every: bool, as_json: bool, as_cron: bool, test_mail: bool
) -> int:
    """Try everything that a run needs, without sending anything.

    Checks all profiles unless some are named. Exits with the code that sync would return.
    """
    wanted = CheckOptions(names, every or not names, as_json, as_cron, test_mail)
    with stop_on_signals():
        outcome = _check_as_cron(options, wanted) if as_cron else _check(options, wanted)
    with while_someone_reads():
        if as_json:
            print_line(checks_json(*outcome))
        elif options.quiet:
            print_failed_checks(outcome.profiles)
        if as_json or options.quiet:
            print_problems(outcome.problems)
        else:
            show_faults(outcome.problems)
    return outcome.exit_code


def _check(options: GlobalOptions, wanted: CheckOptions) -> Outcome:
    """Shows each check as it is made, so that a person sees what is being waited for."""
    done: list[CheckedProfile] = []
    problems: Sequence[Problem] = ()
    try:
        config, profiles = choose_profiles(options, wanted.names, wanted.every)
        mail_tried: set[str] | None = set() if wanted.test_mail else None
        for profile in profiles:
            checks = check_profile(profile, config, mail_tried)
            shown = checks if wanted.as_json or options.quiet else show_checks(profile.name, checks)
            done.append(CheckedProfile(profile.name, list(shown)))
    except Klarna24Error as error:
        problems = error.problems()
    return Outcome(exit_code(done, problems), done, problems)


def _check_as_cron(options: GlobalOptions, wanted: CheckOptions) -> Outcome:
    try:
        config, profiles = choose_profiles(options, wanted.names, wanted.every)
        found = check_as_cron(config, [profile.name for profile in profiles], wanted.test_mail)
    except Klarna24Error as error:
        return Outcome(error.exit_code, [], error.problems())
    if not (wanted.as_json or options.quiet):
        for one in found.profiles:
            list(show_checks(f"{one.profile}, as cron runs it", one.checks))
    return Outcome(*found)
