"""The profiles that a command line names, from the validated profiles.toml."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from klarna24.cli.options import GlobalOptions
from klarna24.cli.output.lines import print_problems
from klarna24.config.loading import BrokenProfile, Config, load
from klarna24.config.tables import Profile
from klarna24.errors import UsageFault, worst
from klarna24.text.reader import Reader
from klarna24.text.sentences import sentence


class Chosen(NamedTuple):
    """The validated profiles.toml, and the profiles that the command line names: those that can run, and those
    that are ``broken``."""

    config: Config
    profiles: list[Profile]
    broken: list[BrokenProfile]
    every: bool = False

    @property
    def of_many(self) -> bool:
        """All profiles, of which there are several: a person wants an overview first."""
        return self.every and len(self.profiles) + len(self.broken) > 1

    @property
    def reader(self) -> Reader:
        """Of what concerns all of them."""
        return Reader.shared(profile.language for profile in self.profiles)


def choose_profiles(options: GlobalOptions, names: tuple[str, ...], every: bool) -> Chosen:
    """Raises UsageFault unless either --profile or --all is given, and ConfigFault for faults that stop all."""
    if bool(names) == every:
        raise UsageFault(
            sentence("name the profiles: {options}", options="--profile NAME, --all"), "klarna24 --help"
        )
    config = load(options.config, *options.state)
    return chosen_of(config, () if every else names)


def chosen_of(config: Config, names: Iterable[str]) -> Chosen:
    """Those of these names, or all where there are none."""
    found = [config.find(name) for name in dict.fromkeys(names) or config.names]
    return Chosen(
        config,
        [it for it in found if isinstance(it, Profile)],
        [it for it in found if isinstance(it, BrokenProfile)],
        not names,
    )


def print_broken(broken: Sequence[BrokenProfile]) -> int:
    """The faults of profiles that cannot run, on stderr, each in the profile's language; returns the exit code."""
    for one in broken:
        print_problems(one.fault.problems(), one.name, Reader(one.language))
    return worst(one.fault.exit_code for one in broken)
