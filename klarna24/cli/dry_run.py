"""klarna24 dry-run."""

from datetime import datetime

import click

from klarna24.cli.options import (
    DAY,
    GlobalOptions,
    RunOptions,
    all_option,
    jobs_option,
    json_option,
    profiles_option,
    refuse_reversed,
)
from klarna24.cli.runs import run_dry


@click.command("dry-run")
@profiles_option
@all_option
@jobs_option
@json_option
@click.option("--from", "since", type=DAY, metavar="DATE", help="Show payouts from this day on.")
@click.option("--to", "until", type=DAY, metavar="DATE", help="Show payouts up to this day (default: today).")
@click.pass_obj
def command(
    options: GlobalOptions,
    names: tuple[str, ...],
    every: bool,
    jobs: int,
    as_json: bool,
    since: datetime | None,
    until: datetime | None,
) -> int:
    """Show the vouchers that sync would draft, without sending anything.

    Nothing is written to the state either. With --from or --to it shows the payouts of any period, even before
    start_date.
    """
    refuse_reversed(since, until)
    period = (since and since.date(), until and until.date()) if since or until else None
    return run_dry(options, RunOptions(names, every, as_json, jobs), period)
