"""klarna24 state."""

import sys

import click

from klarna24.cli.options import GlobalOptions
from klarna24.cli.terminal import read_line
from klarna24.config.loading import load
from klarna24.errors import UsageFault
from klarna24.state.lock import no_run
from klarna24.state.renewal import begin_again, loss
from klarna24.state.witness import OtherState

_NEW = "A new state will be made, which knows no payout. "
_OTHER = "The state that is there now will be used as it is. "
_CONSEQUENCE = """\
Every payout since start_date that it does not know
counts as never sent. The next sync searches the ledger for vouchers that are
booked. Drafts that nobody has booked cannot be seen, and would be drafted
again: delete them in 24SevenOffice first, or set start_date to a day after them."""


@click.group("state")
def command() -> None:
    """Begin again after the state was lost, knowingly."""


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


def _confirmed(text: str) -> bool:
    if not sys.stdin.isatty():
        raise UsageFault("cannot ask for confirmation: not a terminal", "run it on a terminal, or use --yes")
    return read_line(f"{text}Type new to go on: ", err=True).strip() == "new"
