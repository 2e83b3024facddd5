"""The options that several commands share. Loads no configuration: the command group needs this for --help."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import click

MOST_EVENTS = 2**63 - 1  # what SQLite can count to
FIRST_YEAR = 1970  # so that a year before is a date as well
FIRST_ZONE = timedelta(hours=14)  # ahead of UTC: where a month begins first


class _Date(click.DateTime):
    """Written in one way, which is named by an ``example``."""

    def __init__(self, written: str, example: str) -> None:
        super().__init__([written])
        self._example = example

    def convert(self, value: object, parameter: click.Parameter | None, context: click.Context | None) -> datetime:
        try:
            found: datetime = super().convert(value, parameter, context)
        except click.BadParameter:
            self.fail(f"{value!r} is not written as in {self._example}.", parameter, context)
        return found


class _Month(_Date):
    """A month that has begun somewhere, of a year that can be reckoned with."""

    def convert(self, value: object, parameter: click.Parameter | None, context: click.Context | None) -> datetime:
        month = super().convert(value, parameter, context)
        if month.year < FIRST_YEAR:
            self.fail(f"{value!r} is before {FIRST_YEAR}.", parameter, context)
        if month.replace(tzinfo=UTC) > datetime.now(UTC) + FIRST_ZONE:
            self.fail(f"{value!r} lies ahead.", parameter, context)
        return month


DAY = _Date("%Y-%m-%d", "2026-11-24")
MONTH = _Month("%Y-%m", "2026-11")


class NamedPath(click.Path):
    """A path that is not empty: an empty one would be the folder in which the program was started, and a state
    there a second one."""

    def convert(
        self, value: str | os.PathLike[str], parameter: click.Parameter | None, context: click.Context | None
    ) -> str | bytes | os.PathLike[str]:
        if not os.fspath(value).strip():
            self.fail("it is empty.", parameter, context)
        return super().convert(value, parameter, context)


class NamedAddress(click.types.StringParamType):
    """An address that is not empty: without one the state would be in a folder, and a second one."""

    def convert(self, value: object, parameter: click.Parameter | None, context: click.Context | None) -> str:
        address: str = super().convert(value, parameter, context)
        if not address.strip():
            self.fail("it is empty.", parameter, context)
        return address


class StateOptions(NamedTuple):
    """What the command line says of the state: its folder, and the address of its server."""

    folder: Path | None
    address: str | None


class GlobalOptions(NamedTuple):
    """The options before the command's name."""

    config: Path | None
    state: StateOptions
    verbose: bool
    quiet: bool


class RunOptions(NamedTuple):
    """The options of ``sync`` and ``dry-run``: which profiles, how many at the same time, the kind of output."""

    names: tuple[str, ...]
    every: bool
    as_json: bool
    jobs: int = 1


def complete_profile(context: click.Context, parameter: click.Parameter, typed: str) -> list[str]:
    """Profile names for the shell's completion; none if the file cannot be read."""
    import tomllib  # noqa: PLC0415 - for --help, which imports this module, each millisecond counts

    from klarna24.config.folders import default_path  # noqa: PLC0415 - as above

    del parameter
    try:
        path = context.find_root().params.get("config") or default_path()
        names = tomllib.loads(Path(path).read_text(encoding="utf-8-sig")).get("profiles", {})
        return [name for name in names if name.startswith(typed)]
    except (OSError, ValueError, AttributeError):
        return []


profiles_option = click.option(
    "--profile",
    "names",
    multiple=True,
    metavar="NAME",
    shell_complete=complete_profile,
    help="Use this profile; the option can be repeated.",
)
all_option = click.option("--all", "every", is_flag=True, help="Use all profiles in profiles.toml.")
jobs_option = click.option(
    "--jobs",
    type=click.IntRange(1, 64),
    default=4,
    show_default=True,
    metavar="N",
    help="Run this many profiles at the same time.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
month_option = click.option("--month", type=MONTH, metavar="YYYY-MM", help="Only payouts of this month.")
from_option = click.option("--from", "since", type=DAY, metavar="DATE", help="Only payouts from this day on.")
to_option = click.option("--to", "until", type=DAY, metavar="DATE", help="Only payouts up to this day.")


def refuse_reversed(since: datetime | None, until: datetime | None) -> None:
    """Raises UsageError where a period ends before it begins."""
    if since and until and since > until:
        raise click.UsageError("--from is after --to.")
