"""klarna24 schedule."""

import click

from klarna24.cli.options import GlobalOptions, all_option, choose_profiles, profiles_option
from klarna24.schedule.crontab import crontab, systemd


@click.command("schedule")
@profiles_option
@all_option
@click.option("--systemd", "units", is_flag=True, help="A systemd service and timer instead of a crontab line.")
@click.pass_obj
def command(options: GlobalOptions, names: tuple[str, ...], every: bool, units: bool) -> int:
    """Print a crontab line or systemd units for the daily run.

    Changes nothing. --all also covers profiles that are added later.
    """
    config, profiles = choose_profiles(options, names, every)
    text = systemd if units else crontab
    click.echo(text(config, None if every else [profile.name for profile in profiles]))
    return 0
