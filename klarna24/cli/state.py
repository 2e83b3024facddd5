"""klarna24 state."""

import sys
from pathlib import Path

import click

from klarna24.cli.options import GlobalOptions
from klarna24.cli.output.lines import print_words
from klarna24.cli.terminal import read_line
from klarna24.config.address import Server
from klarna24.config.loading import Config, absolute_path, address_of, load
from klarna24.errors import UsageFault
from klarna24.state.connection import Place
from klarna24.state.copying import copy as copy_state
from klarna24.state.lock import no_run
from klarna24.state.renewal import begin_again, loss
from klarna24.state.witness import OtherState
from klarna24.text.reader import Reader
from klarna24.text.sentences import joined, sentence

_NEW = sentence("A new state will be made, which knows no payout.")
_OTHER = sentence("The state that is there now will be used as it is.")
_CONSEQUENCE = sentence(
    "Every payout since start_date that it does not know counts as never sent. The next sync searches the ledger "
    "for vouchers that are booked. Drafts that nobody has booked cannot be seen, and would be drafted again: "
    "delete them in 24SevenOffice first, or set start_date to a day after them."
)


@click.group("state")
def command() -> None:
    """Begin again after the state was lost, knowingly; or move it."""


@command.command("new")
@click.option("--yes", is_flag=True, help="Skip the question.")
@click.pass_obj
def new(options: GlobalOptions, yes: bool) -> int:
    """Use a new state, or another one, in place of the one that was lost.

    For a state folder that runs refuse. Restore its database from a backup first, if there is one.
    """
    config = load(options.config, *options.state)
    place = config.state
    fault = loss(place)
    if fault is None:
        raise UsageFault(sentence("the state in {folder} is not lost", folder=str(place)), "klarna24 status")
    reader = Reader.shared(profile.language for profile in config.profiles.values())
    what = _OTHER if isinstance(fault, OtherState) else _NEW
    if not yes and not _confirmed(reader, joined("", (fault.message, ".")), what, _CONSEQUENCE):
        print_words(reader.say(sentence("nothing was changed")))
        return 0
    with no_run(place, config.names):
        kept = begin_again(place, fault)
    for name in kept:
        print_words(reader.say(sentence("kept: {file}", file=name)))
    text = sentence("{folder}: the state that is there now is used from now on", folder=str(place))
    print_words(reader.say(text))
    return 0


@command.command("copy")
@click.option("--from", "source", required=True, metavar="ADDRESS", help="The place that has the state.")
@click.option("--to", "target", required=True, metavar="ADDRESS", help="The place that is to have it.")
@click.pass_obj
def copy(options: GlobalOptions, source: str, target: str) -> int:
    """Copy the state between a folder and a PostgreSQL server, either way.

    The target must have no state. No run can begin meanwhile, every row is compared, and the source stays.
    """
    config = load(options.config, *options.state)
    copied = copy_state(_place(config, source, "--from"), _place(config, target, "--to"), config.names)
    reader = Reader.shared(profile.language for profile in config.profiles.values())
    counts = sentence(
        "copied and compared: {profiles} profiles, {payouts} payouts, {events} events",
        profiles=copied["profile"],
        payouts=copied["payout"],
        events=copied["event"],
    )
    print_words(reader.say(counts))
    print_words(reader.say(sentence("name the copy in profiles.toml, and let no run use {source}", source=source)))
    return 0


def _place(config: Config, address: str, option: str) -> Place:
    """A folder, unless it is an address of PostgreSQL. Raises ConfigFault."""
    if "://" in address:
        return Server(address_of(address, option), config.state_dir, config.state_password)
    return absolute_path(Path(address))


def _confirmed(reader: Reader, *texts: str) -> bool:
    if not sys.stdin.isatty():
        raise UsageFault(
            sentence("cannot ask for confirmation: not a terminal"), sentence("run it on a terminal, or use --yes")
        )
    for text in texts:
        print_words(reader.say(text), sys.stderr)
    prompt = reader.say(sentence("Type {word} to go on", word="new"))
    return read_line(f"{prompt}: ", err=True).strip() == "new"
