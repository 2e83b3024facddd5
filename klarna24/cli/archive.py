"""klarna24 archive."""

from collections.abc import Callable
from contextlib import closing
from datetime import date, datetime
from pathlib import Path

import click

from klarna24.archive.keep import Keeper, Limits
from klarna24.archive.verify import verify
from klarna24.cli.chosen import choose_profiles, print_broken
from klarna24.cli.options import (
    GlobalOptions,
    all_option,
    from_option,
    profiles_option,
    refuse_reversed,
    to_option,
)
from klarna24.cli.output.lines import print_problems, print_words, while_someone_reads
from klarna24.cli.output.sums import number_of_payouts
from klarna24.config import credentials
from klarna24.config.loading import Config
from klarna24.config.tables import Profile
from klarna24.errors import ConfigFault, Klarna24Error, Problem, worst
from klarna24.klarna.client import KlarnaClient
from klarna24.run.stopping import stop_on_signals
from klarna24.state.lock import only_run
from klarna24.state.records import Owner, Row
from klarna24.state.store import State
from klarna24.text.reader import Reader
from klarna24.text.sentences import sentence

Ended = tuple[str, list[Problem]]  # one line that sums up, and what is wrong


@click.command("archive")
@profiles_option
@all_option
@click.option("--verify", "only_verify", is_flag=True, help="Read every file and compare it; fetch nothing.")
@from_option
@to_option
@click.pass_obj
def command(
    options: GlobalOptions,
    names: tuple[str, ...],
    every: bool,
    only_verify: bool,
    since: datetime | None,
    until: datetime | None,
) -> int:
    """Fetch what the archive lacks of the payouts so far, or verify it.

    Does so for all profiles unless some are named. With --verify it exits with 3 where a file has changed, is
    missing or is not of the archive.
    """
    refuse_reversed(since, until)
    first, last = since.date() if since else date.min, until.date() if until else date.max
    chosen = choose_profiles(options, names, every or not names)
    root = _root(chosen.config)
    codes = [print_broken(chosen.broken)]
    with stop_on_signals():
        for profile in chosen.profiles:
            line, problems = _one(
                root, profile, chosen.config, only_verify, lambda row: first <= row.payout_date <= last
            )
            codes += [problem.exit_code for problem in problems]
            with while_someone_reads():
                if line and not options.quiet:
                    print_words(f"{profile.name}: {Reader(profile.language).say(line)}")
            print_problems(problems, profile.name, Reader(profile.language))
    return worst(codes)


def _root(config: Config) -> Path:
    if config.archive is None:
        raise ConfigFault(
            sentence("{key} is not set in profiles.toml", key="archive"),
            sentence("add at its top: {line}", line='archive = "/var/lib/klarna24/archive"'),
        )
    return config.archive.resolve()


def _one(root: Path, profile: Profile, config: Config, only_verify: bool, wanted: Callable[[Row], bool]) -> Ended:
    """Under the profile's lock, so that no run writes at the same time."""
    try:
        with only_run(config.state, profile.name) as lock, closing(State.open(config.state, lock)) as state:
            return (_verify if only_verify else _fill)(root, profile, state, wanted)
    except Klarna24Error as fault:
        return "", [*fault.problems()]


def _verify(root: Path, profile: Profile, state: State, wanted: Callable[[Row], bool]) -> Ended:
    payouts, files, problems = verify(root, state, Owner.of(profile), wanted)
    if not files and not problems:
        return sentence("nothing is archived yet"), problems
    wrong = sentence("{count} not as archived", count=len(problems)) if problems else sentence("all as archived")
    return sentence(
        "{payouts}, {files} files: {result}", payouts=number_of_payouts(payouts), files=files, result=wrong
    ), problems


def _fill(root: Path, profile: Profile, state: State, wanted: Callable[[Row], bool]) -> Ended:
    klarna = KlarnaClient(profile.klarna, credentials.fetch(profile.klarna.password, f"{profile.name}.klarna"))
    limits = Limits(10**9, 10.0**9)
    try:
        done = Keeper(root, klarna, state, Owner.of(profile), limits=limits, on_disk=True).keep(wanted)
    finally:
        klarna.close()
    files = sum(len(kept.files) for kept in done)
    added = sentence("1 file added") if files == 1 else sentence("{count} files added", count=files)
    return added, [problem for kept in done for problem in kept.problems]
