"""klarna24 status."""

from dataclasses import replace

import click

from klarna24.cli.chosen import print_broken
from klarna24.cli.options import GlobalOptions, all_option, json_option, profiles_option
from klarna24.cli.output.json_documents import status_json
from klarna24.cli.output.lines import print_line, while_someone_reads
from klarna24.cli.output.status import print_overview, print_status
from klarna24.config.loading import load
from klarna24.errors import worst
from klarna24.run.status import status


@click.command("status")
@profiles_option
@all_option
@click.option("--waiting", is_flag=True, help="Show only what needs a person; exit with the code of the worst.")
@json_option
@click.pass_obj
def command(options: GlobalOptions, names: tuple[str, ...], every: bool, waiting: bool, as_json: bool) -> int:
    """Show the last run, and what to do about each payout that waits.

    Shows all profiles unless some are named. It only reads, and works while a sync is running.
    """
    config = load(options.config, *options.state)
    statuses = status(config, [] if every else list(names))
    show = print_status if names or waiting or len(statuses) < 2 else print_overview
    if waiting:
        statuses = [replace(one, waiting=one.for_person) for one in statuses if one.exit_code]
    with while_someone_reads():
        if as_json:
            print_line(status_json(statuses))
        else:
            show(statuses)
    print_broken([config.broken[it.profile] for it in statuses if it.problems])
    return worst(one.exit_code for one in statuses) if waiting else 0
