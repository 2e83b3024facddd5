"""The steps of klarna24 init, in their order."""

from collections.abc import Callable
from pathlib import Path

from click import echo

from klarna24.cli.setup import connections, settings
from klarna24.cli.setup.draft import Draft, open_draft
from klarna24.cli.setup.finish import ask_to_save
from klarna24.cli.setup.prompts import Back
from klarna24.config.file import PROFILE_NAME
from klarna24.errors import ConfigFault

STEPS: tuple[Callable[[Draft], None], ...] = (
    connections.ask_name,
    connections.ask_klarna,
    connections.ask_office,
    connections.ask_company,
    settings.ask_start,
    settings.ask_language,
    settings.ask_transfer,
    settings.ask_accounts,
    settings.ask_parties,
    settings.ask_voucher_type,
    settings.ask_department,
    settings.ask_references,
    settings.ask_frequency,
    settings.ask_email,
    settings.ask_silence,
    settings.ask_state_dir,
    ask_to_save,
)


def run(path: Path, state_dir: Path | None, name: str | None) -> int:
    """Hold the whole conversation; returns the exit code. Nothing is written before the answer to "Save?".

    Raises ConfigFault if the file cannot be read or edited.
    """
    if name is not None and not PROFILE_NAME.fullmatch(name):
        raise ConfigFault(f"{name!r} is no profile name", "lower-case letters, digits, - and _, at most 40")
    draft = open_draft(path, state_dir, name)
    echo(f"A profile for {path}.")
    echo("Press Enter to accept the value in brackets, < to go back, Ctrl-C to quit")
    echo("without saving.\n")
    step = 0
    while step < len(STEPS):
        try:
            STEPS[step](draft)
            step += 1
        except Back:
            step = max(0, step - 1)
    return 0
