"""klarna24 resolve."""

import sys
from contextlib import closing

import click

from klarna24.cli.options import GlobalOptions, complete_profile
from klarna24.cli.output.lines import print_problems, print_words
from klarna24.cli.terminal import confirmed, read_line
from klarna24.config.loading import load
from klarna24.errors import Klarna24Error, UsageFault
from klarna24.run.resolve import Decision, PayoutName, Question, resolve
from klarna24.state.store import State
from klarna24.text.clean import clean
from klarna24.text.reader import Reader
from klarna24.text.sentences import sentence


def complete_reference(context: click.Context, parameter: click.Parameter, typed: str) -> list[str]:
    """The references of the profile's payouts that wait, for the shell; none if they cannot be read."""
    del parameter
    options = context.find_root().params
    try:
        config = load(options.get("config"), options.get("state_dir"), options.get("state"))
        with closing(State.for_reading(config.state)) as state:
            names = [row.key.payment_reference for row in state.waiting(context.params.get("profile") or "")]
    except Klarna24Error:
        return []
    return [name for name in names if name.lower().startswith(typed.lower())]


@click.command("resolve")
@click.option(
    "--profile",
    required=True,
    metavar="NAME",
    shell_complete=complete_profile,
    help="The profile of the payout.",
)
@click.argument("reference", shell_complete=complete_reference)
@click.option("--drafted", "decision", flag_value="drafted", help="It is in 24SevenOffice: never send it again.")
@click.option(
    "--resend", "decision", flag_value="resend", help="It is not in 24SevenOffice: send it at the next run."
)
@click.option(
    "--skip", "decision", flag_value="skip", help="It is booked by hand, or needs no booking: never draft it."
)
@click.option("--currency", metavar="CODE", help="The payout's currency, if several payouts have the reference.")
@click.option("--merchant", metavar="ID", help="The payout's merchant, if several payouts have the reference.")
@click.option("--note", metavar="TEXT", help="Your reason, which klarna24 log shows.")
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

    It is for a payout that is in doubt, blocked or rejected: look in 24SevenOffice first. --resend also searches
    the ledger. It can send a payout again that is drafted or skipped, for example after a draft was deleted by
    mistake. REFERENCE may be in any case, and its beginning is enough where no other payout begins so.
    """
    if decision is None:
        raise click.UsageError("Give --drafted, --resend or --skip.")
    config = load(options.config, *options.state)
    reader = Reader.shared(it.language for it in config.profiles.values() if it.name == profile)

    def confirm(question: Question) -> bool:
        if yes and not question.to_type:
            return True
        if not sys.stdin.isatty():
            raise UsageFault(
                sentence("cannot ask for confirmation: not a terminal"), sentence("run it on a terminal")
            )
        if not question.to_type:
            return confirmed(question.text, reader)
        print_words(reader.say(question.text), sys.stderr)
        prompt = reader.say(sentence("Type the payment reference to go on"))
        typed = read_line(f"{prompt}: ", err=True)
        return typed.strip().lower() == question.to_type.lower()

    name = PayoutName(reference, currency, merchant)
    try:
        result = resolve(config, profile, name, decision, clean(note) or None, confirm)
    except Klarna24Error as error:
        print_problems(error.problems(), None, reader)
        return error.exit_code
    print_words(f"{profile}: {reader.say(result)}")
    return 0
