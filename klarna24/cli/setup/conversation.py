"""klarna24 init: a conversation that ends in a profile which was tested live, or in nothing at all.

connections.py   the name, Klarna, 24SevenOffice, the company: each tested with a call
settings.py      what is booked where, how often, who is told
saving.py        a preview, "save?", and what to do next
draft.py         the profile as it grows
keeping.py       where a typed secret is kept from now on
profile_file.py  profiles.toml as text: one profile replaced, all else as it is
asking.py        questions, and taking answers back
usual.py         the accounts that are usual in a country
"""

from collections.abc import Callable
from pathlib import Path

from klarna24.cli.setup import connections, settings
from klarna24.cli.setup import finish as saving
from klarna24.cli.setup.draft import Draft, open_draft
from klarna24.cli.setup.prompts import Back, say
from klarna24.config.tables import PROFILE_NAME
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
    saving.ask_to_save,
)


def run(path: Path, state_dir: Path | None, name: str | None) -> int:
    """The whole conversation. Raises ConfigFault where the file cannot be read or edited.

    Nothing is written before the last step's "save?": Ctrl-C leaves no trace.
    """
    if name is not None and not PROFILE_NAME.fullmatch(name):
        raise ConfigFault(f"{name!r} is no profile name", "lower-case letters, digits, - and _, at most 40")
    draft = open_draft(path, state_dir, name)
    say(f"A profile for {path}.")
    say("Enter takes what stands in brackets, < goes back a step, Ctrl-C leaves everything as it is.\n")
    step = 0
    while step < len(STEPS):
        try:
            STEPS[step](draft)
            step += 1
        except Back:
            step = max(0, step - 1)
    return 0
