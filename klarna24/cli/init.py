"""klarna24 init."""

import sys

import click

from klarna24.cli.options import GlobalOptions, complete_profile
from klarna24.cli.setup import conversation
from klarna24.config.folders import default_path
from klarna24.config.loading import absolute_path
from klarna24.errors import UsageFault


@click.command("init")
@click.option(
    "--profile",
    "name",
    metavar="NAME",
    shell_complete=complete_profile,
    help="Edit this profile, or create one with this name.",
)
@click.option(
    "--like",
    metavar="OTHER",
    shell_complete=complete_profile,
    help="Start a new profile with the answers of this one.",
)
@click.pass_obj
def command(options: GlobalOptions, name: str | None, like: str | None) -> int:
    """Set up a profile in a conversation; every answer is tested live.

    Nothing is written before you answer the last question, "Save?".
    """
    if not sys.stdin.isatty():
        raise UsageFault(
            "init is a conversation and needs a terminal", "klarna24 schema --example > profiles.toml"
        )
    path = absolute_path(options.config or default_path())
    return conversation.run(path, options.state.folder, name, like)
