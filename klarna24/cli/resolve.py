"""klarna24 resolve."""

import sys

import click

from klarna24.cli.options import GlobalOptions, complete_profile
from klarna24.config.loading import load
from klarna24.errors import UsageFault
from klarna24.run.resolve import Decision, PayoutName, Question, resolve
from klarna24.text import clean


@click.command("resolve")
@click.option(
    "--profile",
    required=True,
    metavar="NAME",
    shell_complete=complete_profile,
    help="The profile that the payout belongs to.",
)
@click.argument("reference")
@click.option("--drafted", "decision", flag_value="drafted", help="It is in 24SevenOffice; never send it.")
@click.option("--resend", "decision", flag_value="resend", help="It is not there; send it at the next run.")
@click.option("--skip", "decision", flag_value="skip", help="Never draft it: booked by hand, or not to be booked.")
@click.option("--currency", metavar="CODE", help="Which payout, where a reference has two currencies.")
@click.option("--merchant", metavar="ID", help="Which payout, where a reference has two merchants.")
@click.option("--note", metavar="TEXT", help="The reason; kept in the log.")
@click.option("--yes", is_flag=True, help="Skip the question (finished payouts still ask for the reference).")
@click.pass_obj
def command(
    options: GlobalOptions,
    profile: str,
    reference: str,
    decision: Decision | None,
    currency: str | None,
    merchant: str | None,
    note: str | None,
    yes: bool,
) -> int:
    """Settle a payout that needs a decision.

    For a payout that is in doubt, blocked or rejected. Look in 24SevenOffice first. --resend searches the ledger
    by itself; it can also take back a payout that is drafted or skipped (a draft deleted by mistake).
    """
    if decision is None:
        raise click.UsageError("Give one of --drafted, --resend and --skip.")
    config = load(options.config, options.state_dir)

    def confirm(question: Question) -> bool:
        if yes and not question.type_reference:
            return True
        if not sys.stdin.isatty():
            raise UsageFault("cannot ask for confirmation: not a terminal", "run it on a terminal")
        if not question.type_reference:
            return click.confirm(question.text, err=True)
        typed = click.prompt(f"{question.text}\nType the payment reference to go on", err=True)
        return bool(typed == reference)

    name = PayoutName(reference, currency, merchant)
    done = resolve(config, profile, name, decision, clean(note) or None, confirm)
    click.echo(f"{profile}: {done}")
    return 0
