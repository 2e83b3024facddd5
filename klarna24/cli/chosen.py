"""The profiles that a command line names, from the validated profiles.toml."""

from typing import NamedTuple

from klarna24.cli.options import GlobalOptions
from klarna24.config.loading import Config, load
from klarna24.config.tables import Profile
from klarna24.errors import UsageFault


class Chosen(NamedTuple):
    """The validated profiles.toml, and the profiles that the command line names."""

    config: Config
    profiles: list[Profile]


def choose_profiles(options: GlobalOptions, names: tuple[str, ...], every: bool) -> Chosen:
    """Raises UsageFault unless either --profile or --all is given, and ConfigFault for faults of the file."""
    if bool(names) == every:
        raise UsageFault("name the profiles: --profile NAME, or --all", "klarna24 --help")
    config = load(options.config, *options.state)
    profiles = [config.profile(name) for name in dict.fromkeys(names)] if names else [*config.profiles.values()]
    return Chosen(config, profiles)
