"""Options that several commands have, and the profiles that they name."""

import tomllib
from pathlib import Path
from typing import NamedTuple

import click

from klarna24.cli.global_options import GlobalOptions
from klarna24.config.folders import default_path
from klarna24.config.loading import Config, load
from klarna24.config.tables import Profile
from klarna24.errors import UsageFault


class RunOptions(NamedTuple):
    """The options of ``sync`` and ``dry-run``: which profiles, how many at the same time, the kind of output."""

    names: tuple[str, ...]
    every: bool
    as_json: bool
    jobs: int = 1


class Chosen(NamedTuple):
    """The validated profiles.toml, and the profiles that the command line names."""

    config: Config
    profiles: list[Profile]


def choose_profiles(options: GlobalOptions, names: tuple[str, ...], every: bool) -> Chosen:
    """Raises UsageFault unless either --profile or --all is given, and ConfigFault for faults of the file."""
    if bool(names) == every:
        raise UsageFault("name the profiles: --profile NAME, or --all", "klarna24 --help")
    config = load(options.config, options.state_dir)
    profiles = [config.profile(name) for name in dict.fromkeys(names)] if names else [*config.profiles.values()]
    return Chosen(config, profiles)


def complete_profile(context: click.Context, parameter: click.Parameter, typed: str) -> list[str]:
    """Profile names for the shell's completion; none if the file cannot be read."""
    del parameter
    try:
        path = context.find_root().params.get("config") or default_path()
        names = tomllib.loads(Path(path).read_text(encoding="utf-8")).get("profiles", {})
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
