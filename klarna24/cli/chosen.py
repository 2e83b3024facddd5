"""The profiles that a command line names, from the validated profiles.toml."""

from typing import NamedTuple

from klarna24.cli.options import GlobalOptions
from klarna24.config.loading import Config, load
from klarna24.config.tables import Profile
from klarna24.errors import UsageFault
from klarna24.text.reader import Reader
from klarna24.text.sentences import sentence


class Chosen(NamedTuple):
    """The validated profiles.toml, and the profiles that the command line names."""

    config: Config
    profiles: list[Profile]

    @property
    def reader(self) -> Reader:
        """Of what concerns all of them."""
        return Reader.shared(profile.language for profile in self.profiles)


def choose_profiles(options: GlobalOptions, names: tuple[str, ...], every: bool) -> Chosen:
    """Raises UsageFault unless either --profile or --all is given, and ConfigFault for faults of the file."""
    if bool(names) == every:
        raise UsageFault(
            sentence("name the profiles: {options}", options="--profile NAME, --all"), "klarna24 --help"
        )
    config = load(options.config, options.state_dir)
    profiles = [config.profile(name) for name in dict.fromkeys(names)] if names else [*config.profiles.values()]
    return Chosen(config, profiles)
