"""klarna24 report."""

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from klarna24.cli.chosen import chosen_of
from klarna24.cli.options import MONTH, GlobalOptions, all_option, json_option, profiles_option
from klarna24.cli.output.csv_text import print_utf8
from klarna24.cli.output.lines import print_problems, while_someone_reads
from klarna24.cli.output.months import print_months, report_csv, report_json
from klarna24.cli.output.written import refuse_unfit, write
from klarna24.cli.side_by_side import side_by_side
from klarna24.config.loading import Config, load
from klarna24.config.tables import Profile
from klarna24.errors import Problem, worst
from klarna24.logs.tracebacks import print_traceback
from klarna24.report.month import Month, ProfileMonth, worst_first
from klarna24.report.run import report
from klarna24.run.context import Shared
from klarna24.run.messages import bug
from klarna24.run.stopping import stop_on_signals
from klarna24.text.reader import Reader
from klarna24.text.sentences import Language

AT_A_TIME = 4  # profiles
UTC_ZONE = ZoneInfo("UTC")
_file = click.Path(path_type=Path)


@click.command("report")
@profiles_option
@all_option
@click.option("--month", type=MONTH, metavar="YYYY-MM", help="This month instead of the last full one.")
@click.option(
    "--html", "html_file", type=_file, metavar="FILE", help="Also write a page for a browser to this file."
)
@click.option("--csv", "csv_file", type=_file, metavar="FILE", help="Also write the payouts to this file.")
@json_option
@click.option("--mail", is_flag=True, help="Also mail the page, as [notify.email] says.")
@click.pass_obj
def command(
    options: GlobalOptions,
    names: tuple[str, ...],
    every: bool,
    month: datetime | None,
    html_file: Path | None,
    csv_file: Path | None,
    as_json: bool,
    mail: bool,
) -> int:
    """Close a month: Klarna's figures against what was drafted and booked.

    The last full month, of all profiles unless some are named. Klarna and the ledger are asked; nothing is sent to
    them. Exits with 7 where the month does not close, and names each thing that keeps it from closing.
    """
    if html_file and csv_file and html_file.resolve() == csv_file.resolve():
        raise click.UsageError("--html and --csv name the same file.")
    for file in filter(None, (html_file, csv_file)):
        refuse_unfit(file)  # before anybody is asked
    config = load(options.config, *options.state)
    chosen = chosen_of(config, () if every else names)
    asked, shared = Month.of(month) if month else None, Shared.of(config)
    with stop_on_signals():
        months = side_by_side(
            lambda it: report_or_bug(it, config, asked, shared), chosen.profiles, AT_A_TIME, lambda it: it.name
        )
    months += [_unread(it.name, it.language, UTC_ZONE, asked, it.fault.problems()) for it in chosen.broken]
    months = worst_first(months)
    code = worst(one.exit_code for one in months)
    if csv_file:
        write(csv_file, report_csv(months))
    if html_file:
        from klarna24.report.page import page  # noqa: PLC0415 - loads the templates, which a table does not need

        write(html_file, page(months, datetime.now(UTC)))
    with while_someone_reads():
        if as_json:
            print_utf8(report_json(months, code))
        elif not options.quiet:
            print_months(months, in_full=not chosen.of_many)
    for one in months:
        print_problems(one.problems, one.profile, Reader(one.language))
    if mail:
        from klarna24.notify import monthly  # noqa: PLC0415 - as above

        monthly.mail(config, months)
    return code


def report_or_bug(profile: Profile, config: Config, month: Month | None, shared: Shared) -> ProfileMonth:
    """A bug is shown in full and stands in the profile's month: one shop's must not keep the others' back."""
    try:
        return report(profile, config, month, shared)
    except Exception as error:  # noqa: BLE001 - as above
        print_traceback()
        return _unread(profile.name, profile.language, profile.timezone, month, (bug(profile.name, error),))


def _unread(
    name: str, language: Language, zone: ZoneInfo, month: Month | None, problems: tuple[Problem, ...]
) -> ProfileMonth:
    return ProfileMonth(name, language, zone, month or Month.of(datetime.now(zone)).before, problems=problems)
