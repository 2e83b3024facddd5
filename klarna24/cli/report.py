"""klarna24 report."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import click

from klarna24 import files
from klarna24.cli.options import GlobalOptions, all_option, json_option, month_option, profiles_option
from klarna24.cli.output.csv_text import print_utf8
from klarna24.cli.output.lines import print_problems, while_someone_reads
from klarna24.cli.output.months import print_months, report_csv, report_json
from klarna24.config.loading import load
from klarna24.errors import ConfigFault, worst
from klarna24.notify.month_mail import mail_months
from klarna24.report.month import Month, ProfileMonth, worst_first
from klarna24.report.run import report

_file = click.Path(path_type=Path, dir_okay=False)


@click.command("report")
@profiles_option
@all_option
@month_option
@click.option("--csv", "csv_file", type=_file, metavar="FILE", help="Also write the payouts to this file.")
@json_option
@click.option("--mail", is_flag=True, help="Also mail it, as [notify.email] says.")
@click.pass_obj
def command(
    options: GlobalOptions,
    names: tuple[str, ...],
    every: bool,
    month: datetime | None,
    csv_file: Path | None,
    as_json: bool,
    mail: bool,
) -> int:
    """Close a month: Klarna's figures against what was drafted and booked.

    The last full month, of all profiles unless some are named. Klarna and the ledger are asked; nothing is sent to
    them. Exits with 7 where the month does not close, and names each thing that keeps it from closing.
    """
    config = load(options.config, options.state_dir)
    wanted = [config.profile(name) for name in dict.fromkeys(() if every else names)] or [
        *config.profiles.values()
    ]
    months = worst_first([report(profile, config, Month.of(month) if month else None) for profile in wanted])
    code = worst(one.exit_code for one in months)
    if csv_file:
        _write(csv_file, report_csv(months))
    # --html writes klarna24.report.page.page(months, …) to its file here
    _show(months, code, as_json, options.quiet)
    if mail:
        mail_months(config, months)  # and attaches the page to the mail
    return code


def _show(months: Sequence[ProfileMonth], code: int, as_json: bool, quiet: bool) -> None:
    with while_someone_reads():
        if as_json:
            print_utf8(report_json(months, code))
        elif not quiet:
            print_months(months)
    for one in months:
        print_problems(one.problems, one.profile, one.language)


def _write(path: Path, text: str) -> None:
    """Raises ConfigFault."""
    try:
        files.replace(path, text)
    except OSError as error:
        raise ConfigFault(f"{path}: cannot be written: {error.strerror}", "name another file") from None
