"""klarna24 schedule."""

import click

from klarna24.cli.chosen import choose_profiles, print_broken
from klarna24.cli.options import GlobalOptions, all_option, profiles_option
from klarna24.schedule.crontab import crontab
from klarna24.schedule.systemd import systemd


@click.command("schedule")
@profiles_option
@all_option
@click.option("--systemd", "units", is_flag=True, help="Print a systemd service and timer instead.")
@click.pass_obj
def command(options: GlobalOptions, names: tuple[str, ...], every: bool, units: bool) -> int:
    """Print a crontab line or systemd units for the daily run.

    Nothing is installed. --all also covers profiles that are added later.
    """
    config, profiles, broken, _ = choose_profiles(options, names, every)
    text = systemd if units else crontab
    if every or profiles:
        click.echo(text(config, None if every else [profile.name for profile in profiles]))
    return print_broken(broken)
