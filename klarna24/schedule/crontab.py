"""Lines for a crontab, with comments on what cron does not have."""

import shlex

from klarna24.config.loading import Config
from klarna24.errors import UsageFault
from klarna24.schedule.command import DailyRun, comment, daily_runs
from klarna24.text.clean import clean
from klarna24.text.reader import Reader
from klarna24.text.sentences import sentence

NOTES = {
    "env": sentence("cron does not have {value}: set it on a line of its own above, {value}=…", value=""),
    "systemd": sentence("cron has no systemd credentials: use klarna24 schedule --systemd"),
    "keyring": sentence("the keyring is often locked when nobody is logged in"),
}

_WHAT = sentence("Runs every day; a profile that is not due exits at once. Add this to your crontab: crontab -e")


def crontab(config: Config, names: list[str] | None) -> str:
    """A line for each profile; for None, one line for all."""
    runs = daily_runs(config, names)
    reader = Reader.shared(run.reader.language for run in runs)
    lines = [comment(reader.say(_WHAT))]
    for run in runs:
        lines += [*run.notes(NOTES), crontab_line(run)]
    return "\n".join(lines)


def crontab_line(run: DailyRun) -> str:
    """The line alone. Raises UsageFault if a path has a character that no crontab can hold."""
    hour, minute = run.time_of_day()
    command = shlex.join(run.command())
    if "\\" in command or not command.isprintable():
        raise UsageFault(
            sentence(
                "a crontab line cannot hold a backslash or a control character: {command}", command=clean(command)
            ),
            sentence("rename the folder"),
        )
    command = command.replace("%", "\\%")  # cron takes a bare % for the end of the command
    return f"{minute} {hour} * * *  {command}"
