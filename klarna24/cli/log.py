"""klarna24 log."""

from contextlib import closing
from datetime import datetime

import click

from klarna24.cli.options import DAY, MOST_EVENTS, GlobalOptions, complete_profile, json_option
from klarna24.cli.output.json_documents import log_json
from klarna24.cli.output.lines import print_line, print_log, while_someone_reads
from klarna24.config.loading import load
from klarna24.state.store import State


@click.command("log")
@click.option(
    "--profile", metavar="NAME", shell_complete=complete_profile, help="Show only this profile (default: all)."
)
@click.option("--since", type=DAY, metavar="DATE", help="Only from the beginning of this day on.")
@click.option("--reference", metavar="REF", help="Only of the payouts with this payment reference.")
@click.option("-n", "newest", type=click.IntRange(1), metavar="N", help="Only the newest N events.")
@json_option
@click.pass_obj
def command(
    options: GlobalOptions,
    profile: str | None,
    since: datetime | None,
    reference: str | None,
    newest: int | None,
    as_json: bool,
) -> int:
    """Show what was done, when, by whom, and the answer.

    The oldest event comes first. Decisions made with klarna24 resolve are included.
    """
    config = load(options.config, *options.state)
    with closing(State.for_reading(config.state)) as state:
        if profile and profile not in state.profiles():  # one that is no longer in the file has its events
            config.find(profile)
        most = newest and min(newest, MOST_EVENTS)
        events = state.events(profile, since and since.astimezone(), reference, most)
        with while_someone_reads():
            if as_json:
                for part in log_json(events):
                    print_line(part)
            else:
                print_log(events, config.profiles)
    return 0
