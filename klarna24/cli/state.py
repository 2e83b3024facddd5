"""klarna24 state."""

import sys
from pathlib import Path

import click

from klarna24.cli.options import GlobalOptions
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
from klarna24.text.sentences import sentence

_NEW = "A new state will be made, which knows no payout. "
_OTHER = "The state that is there now will be used as it is. "
_CONSEQUENCE = """\
Every payout since start_date that it does not know
counts as never sent. The next sync searches the ledger for vouchers that are
booked. Drafts that nobody has booked cannot be seen, and would be drafted
again: delete them in 24SevenOffice first, or set start_date to a day after them."""


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
        raise UsageFault(f"the state in {place} is not lost", "klarna24 status")
    what = _OTHER if isinstance(fault, OtherState) else _NEW
    if not yes and not _confirmed(f"{fault.message}.\n{what}{_CONSEQUENCE}\n"):
        click.echo("nothing was changed")
        return 0
    with no_run(place, config.profiles):
        kept = begin_again(place, fault)
    for name in kept:
        click.echo(f"kept: {name}")
    click.echo(f"{place}: the state that is there now is used from now on")
    return 0


@command.command("copy")
@click.option("--from", "source", required=True, metavar="ADDRESS", help="The place that has the state.")
@click.option("--to", "target", required=True, metavar="ADDRESS", help="The place that is to have it.")
@click.pass_obj
def copy(options: GlobalOptions, source: str, target: str) -> int:
    """Copy the state between a folder and a PostgreSQL server, either way.

    The target must have no state. No run can begin meanwhile, every row is compared, and the source stays as it is.
    """
    config = load(options.config, *options.state)
    copied = copy_state(_place(config, source, "--from"), _place(config, target, "--to"), config.profiles)
    say = Reader.of_environment().say
    click.echo(
        say(
            sentence(
                "copied and compared: {profiles} profiles, {payouts} payouts, {events} events",
                profiles=copied["profile"],
                payouts=copied["payout"],
                events=copied["event"],
            )
        )
    )
    click.echo(say(sentence("name it in profiles.toml, and let no run use {source} any more", source=source)))
    return 0


def _place(config: Config, address: str, option: str) -> Place:
    """A folder, unless it is an address of PostgreSQL. Raises ConfigFault."""
    if "://" in address:
        return Server(address_of(address, option), config.state_dir, config.state_password)
    return absolute_path(Path(address))


def _confirmed(text: str) -> bool:
    if not sys.stdin.isatty():
        raise UsageFault("cannot ask for confirmation: not a terminal", "run it on a terminal, or use --yes")
    return read_line(f"{text}Type new to go on: ", err=True).strip() == "new"
