"""klarna24 list."""

from contextlib import closing
from datetime import date, datetime

import click

from klarna24.cli.chosen import print_broken
from klarna24.cli.options import (
    GlobalOptions,
    all_option,
    from_option,
    json_option,
    month_option,
    profiles_option,
    refuse_reversed,
    to_option,
)
from klarna24.cli.output.csv_text import print_utf8
from klarna24.cli.output.lines import while_someone_reads
from klarna24.cli.output.payouts import list_csv, list_json, print_list
from klarna24.config.loading import Config, load
from klarna24.report.month import Month
from klarna24.state.records import Row, Status
from klarna24.state.store import State
from klarna24.text.reader import Reader

_STATUSES = [status.value for status in Status if status is not Status.SENDING]


@click.command("list")
@profiles_option
@all_option
@month_option
@from_option
@to_option
@click.option("--status", type=click.Choice(_STATUSES), help="Only payouts with this status.")
@json_option
@click.option("--csv", "as_csv", is_flag=True, help="Print comma-separated values, in UTF-8.")
@click.pass_obj
def command(
    options: GlobalOptions,
    names: tuple[str, ...],
    every: bool,
    month: datetime | None,
    since: datetime | None,
    until: datetime | None,
    status: str | None,
    as_json: bool,
    as_csv: bool,
) -> int:
    """List payouts with their status, voucher number and fees.

    Shows what the state knows, of all profiles unless some are named, and asks nobody. It works while a sync is
    running.
    """
    if month and (since or until):
        raise click.UsageError("--month cannot be combined with --from and --to.")
    refuse_reversed(since, until)
    if as_json and as_csv:
        raise click.UsageError("--json and --csv cannot be combined.")
    first, last = since and since.date(), until and until.date()
    if month:
        first, last = Month.of(month).first, Month.of(month).last
    config = load(options.config, *options.state)
    rows = _rows(config, () if every else names, first, last, Status(status) if status else None)
    with while_someone_reads():
        if as_json:
            print_utf8(list_json(rows))
        elif as_csv:
            print_utf8(list_csv(rows))
        else:
            shown = [config.profiles[row.profile] for row in rows if row.profile in config.profiles]
            reader = Reader.shared(it.language for it in shown or config.profiles.values())
            may_come = month is not None and last is not None and last >= datetime.now().astimezone().date()
            print_list(rows, reader, may_come=may_come)
    print_broken([it for it in config.broken.values() if every or not names or it.name in names])
    return 0


def _rows(
    config: Config, names: tuple[str, ...], first: date | None, last: date | None, status: Status | None
) -> list[Row]:
    """The payouts, oldest first. Raises ConfigFault for a profile that neither the file nor the state knows."""
    with closing(State.for_reading(config.state)) as state:
        known = state.profiles()
        for name in names:
            if name not in known:
                config.find(name)  # raises, with the nearest name
        wanted = dict.fromkeys(names or [*config.names, *known])
        rows = [row for name in wanted for row in state.period(name, first, last)]
    shown = [row for row in rows if status is None or row.shown_status is status]
    return sorted(shown, key=lambda row: (row.payout_date, row.profile, row.id))
