"""The daily run: its command line, its time of day, and the passwords that cron or systemd may not have.

The run itself decides whether a profile is due, so that a day on which the machine was off is caught up on the
next. Cron and systemd have an environment, a HOME and a PATH of their own: nothing here relies on those of the
person who asks.
"""

import os
import sys
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from klarna24.config.contacts import Email
from klarna24.config.loading import Config
from klarna24.config.tables import Profile
from klarna24.config.values import Secret
from klarna24.text.clean import clean
from klarna24.text.reader import Reader
from klarna24.text.sentences import Sentence

if sys.platform != "win32":
    import pwd

COMMENT_WIDTH = 76
FIRST_HOUR, HOURS = 3, 3  # 03:00 to 05:59: after the hour that clock changes skip or repeat, before office hours


def program() -> list[str]:
    """The words that start this very klarna24 from any folder."""
    script = Path(sys.argv[0])
    if script.name == "klarna24" and script.is_file():
        return [str(script.absolute())]
    return [sys.executable, "-P", "-m", "klarna24"]  # -P: ignore a folder "klarna24" where cron starts


def user() -> tuple[str, str]:
    """Name and home folder of the user by the system's list of users, as HOME may be another user's."""
    if sys.platform == "win32":  # it has neither cron nor systemd, but the text may be for another machine
        return "klarna24", ""
    try:
        entry = pwd.getpwuid(os.geteuid())
    except KeyError:  # a container may run as a number that has no entry
        return str(os.geteuid()), ""
    return entry.pw_name, entry.pw_dir


@dataclass(frozen=True, slots=True)
class DailyRun:
    """The daily run of one profile, or if ``name`` is None of all profiles that profiles.toml has then."""

    config: Config
    name: str | None = None

    def command(self) -> list[str]:
        """Names profiles.toml and the state, unless the run finds the same ones without any variable."""
        home = user()[1]
        words = program()
        if self.config.path != Path(home, ".config/klarna24/profiles.toml"):
            words += ["--config", str(self.config.path)]
        if self.config.state_dir != (self.config.state_dir_in_file or Path(home, ".local/state/klarna24")):
            words += ["--state-dir", str(self.config.state_dir)]
        if self.config.server and self.config.server.url != self.config.state_in_file:
            words += ["--state", self.config.server.url]
        return [*words, "sync", *(["--profile", self.name] if self.name else ["--all"])]

    def time_of_day(self) -> tuple[int, int]:
        """Hour and minute: always the same for the same shops and hardly ever those of others, so that not every
        shop asks Klarna at 03:00. The company is part of the seed because many a profile is called shop1."""
        seed = " ".join(f"{profile.name}/{profile.twentyfour.client_id}" for profile in self.profiles())
        number = int.from_bytes(sha256(seed.encode()).digest()[:4], "big")
        hour, minute = divmod(number % (HOURS * 60), 60)
        return FIRST_HOUR + hour, minute

    def profiles(self) -> list[Profile]:
        """The profiles that would run today."""
        return [self.config.profile(self.name)] if self.name else list(self.config.profiles.values())

    def passwords(self) -> Iterator[tuple[str, Secret]]:
        """Every password that the run needs, with its table in profiles.toml."""
        if self.config.server and self.config.server.password:
            yield "state", self.config.server.password
        emails: list[tuple[str, Email | None]] = [("notify.email", self.config.notify.email)]
        for profile in self.profiles():
            yield f"profiles.{profile.name}.klarna", profile.klarna.password
            yield f"profiles.{profile.name}.24sevenoffice", profile.twentyfour.password
            emails.append((f"profiles.{profile.name}.notify.email", profile.notify.email))
        yield from ((table, email.password) for table, email in emails if email and email.password)

    def notes(self, texts: Mapping[str, Sentence]) -> Iterator[str]:
        """A comment for each password whose source has a text; its ``{value}`` is the variable or the command."""
        for table, secret in self.passwords():
            if text := texts.get(secret.source):
                value = secret.value if isinstance(secret.value, str) else secret.value[0]
                where = "state_password" if table == "state" else f"[{table}] password"
                yield comment(f"{where}: {self.reader.say(text.with_values(value=value))}")

    @property
    def reader(self) -> Reader:
        """Who reads the comments."""
        return Reader.shared(profile.language for profile in self.profiles())


def comment(text: str) -> str:
    """The text as lines of a file, each of which begins with #."""
    lines = textwrap.wrap(clean(text), COMMENT_WIDTH, break_on_hyphens=False, break_long_words=False)
    return "\n".join(f"# {line}" for line in lines)


def daily_runs(config: Config, names: list[str] | None) -> list[DailyRun]:
    """One run for each of the profiles; for None, one run of all."""
    return [DailyRun(config, name) for name in names or (None,)]
