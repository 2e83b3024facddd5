"""Lines for a crontab, with comments on what cron does not have."""

import shlex

from klarna24.config.loading import Config
from klarna24.errors import UsageFault
from klarna24.schedule.command import DailyRun, daily_runs
from klarna24.text.clean import clean

NOTES = {
    "env": "cron does not have {value}: set it on a line of its own above, {value}=…",
    "systemd": "cron has no systemd credentials: use klarna24 schedule --systemd",
    "keyring": "the keyring is often locked when nobody is logged in",
}


def crontab(config: Config, names: list[str] | None) -> str:
    """A line for each profile; for None, one line for all."""
    lines = ["# Runs every day; a profile that is not due exits at once. Add this to your crontab: crontab -e"]
    for run in daily_runs(config, names):
        lines += [*run.notes(NOTES), crontab_line(run)]
    return "\n".join(lines)


def crontab_line(run: DailyRun) -> str:
    """The line alone. Raises UsageFault if a path has a character that no crontab can hold."""
    hour, minute = run.time_of_day()
    command = shlex.join(run.command())
    if "\\" in command or not command.isprintable():
        raise UsageFault(
            f"a crontab line cannot hold a backslash or a control character: {clean(command)}", "rename the folder"
        )
    command = command.replace("%", "\\%")  # cron takes a bare % for the end of the command
    return f"{minute} {hour} * * *  {command}"
