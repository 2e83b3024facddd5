"""klarna24 demo."""

import os
import time
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path

import click

from klarna24.bookkeeping.payout import ZERO
from klarna24.cli.main import run
from klarna24.cli.output.lines import FALLBACK, wrapped
from klarna24.cli.sandbox import serve, temporary_profile
from klarna24.sandbox.office.company import Company
from klarna24.sandbox.server import Sandbox
from klarna24.text.reader import Reader
from klarna24.text.sentences import Sentence, sentence

SHOWN_DRAFTS = 2
SIGNAL = 128  # and its number: the exit code of a command that a signal has ended

COMMANDS_TO_TRY = {
    "demo --open": sentence("the same, then its drafts on a web page, to book one"),
    "sandbox": sentence("both APIs, left running, to try all commands"),
    "init": sentence("your own shop; nothing is written before you save"),
}


@click.command("demo")
@click.option("--open", "leave_open", is_flag=True, help="Then show the drafts as a web page until Ctrl-C.")
def command(leave_open: bool) -> int:
    """Run everything once against the sandbox; leaves nothing behind.

    Runs dry-run, sync, and a second sync that finds nothing new. It takes a few seconds.
    """
    with Sandbox() as box, temporary_profile(box, "demo") as path:
        code = _run_all(box, path)
        if not code and leave_open:
            _head(sentence("The sandbox stays open"))
            click.echo()
            serve(box, path, "status", "log")
        elif not code:
            _print_next()
    return code


def _say(mark: str, text: Sentence) -> None:
    """In the language of the environment, as the profile's."""
    said = wrapped(f"{mark}{Reader.of_environment().say(text)}", FALLBACK, " " * len(mark))
    click.echo("\n".join(said))


def _head(text: Sentence) -> None:
    click.echo()
    _say("── ", text)


def _run_all(box: Sandbox, path: Path) -> int:
    """Run the three commands in this process. Returns the demo's exit code.

    The runs should end with 7: two payouts are there to be blocked, and 0 would mean that one was drafted.
    """
    started, environment, company = time.monotonic(), dict(os.environ), box.office.home
    day = _day_of_many_kinds(box)
    codes: list[int] = []
    drafts: list[int] = []

    def step(arguments: str, meaning: Sentence) -> int:
        click.echo(f"\n── {len(codes) + 1}. klarna24 {arguments}")
        _say("   ", meaning)
        click.echo()
        codes.append(run(["--config", str(path), *arguments.split()]))
        drafts.append(len(company.drafts))
        return codes[-1]

    os.environ.update(box.environment())
    try:
        meaning = sentence("one payout, as it would be drafted")
        ended = step(f"dry-run --profile shop1 --from {day} --to {day}", meaning)
        if ended <= SIGNAL:
            meaning = sentence("saves the drafts of all payouts; what is blocked is reported")
            ended = step("-q sync --profile shop1", meaning)
            _print_drafts(company)
        if ended <= SIGNAL:
            with redirect_stderr(StringIO()):  # what it reports is what the first one has reported
                ended = step("-q sync --profile shop1 --now", sentence("a second run, although none is due"))
            _say("", sentence("Nothing new: there are still {count} drafts.", count=drafts[-1]))
        if ended > SIGNAL:
            return ended
    finally:
        os.environ.clear()
        os.environ.update(environment)
    if codes != [0, 7, 7] or drafts[0] or drafts[1] != drafts[2] or box.office.default.drafts:
        click.echo(f"\nThe demo went wrong: exit codes {codes}, numbers of drafts {drafts}.", err=True)
        return 1
    blocked = len(box.klarna.payouts) - drafts[2]
    _print_result(drafts[2], blocked, round(time.monotonic() - started))
    return 0


def _print_result(drafts: int, blocked: int, seconds: int) -> None:
    _head(sentence("Result, after {seconds} s", seconds=seconds))
    became = sentence(
        "{drafts} payouts became {drafts} drafts; each balances, with Klarna's fees and their VAT split out, and "
        "none was drafted twice. {blocked} are blocked, with what to do: hence exit code 7.",
        drafts=drafts,
        blocked=blocked,
    )
    _say("   ", became)
    _say("   ", sentence("A person now checks each draft, gives it a number and books it."))


def _print_next() -> None:
    _head(sentence("Three things to try next"))
    for command, meaning in COMMANDS_TO_TRY.items():
        _say(f"   {f'klarna24 {command}':<23} ", meaning)


def _day_of_many_kinds(box: Sandbox) -> str:
    """The day of a payout with commission: it shows more than sales and fees."""
    totals = ((str(it["payout_date"])[:10], it["totals"]) for it in box.klarna.payouts)
    return next(day for day, it in totals if it.get("commission_amount"))


def _print_drafts(company: Company) -> None:
    reader = Reader.of_environment()
    click.echo()
    _say(
        "",
        sentence(
            "{company} now has {count} drafts in 24SevenOffice. The first:",
            company=company.name,
            count=len(company.drafts),
        ),
    )
    for draft in company.drafts[:SHOWN_DRAFTS]:
        debit = sum((entry["Amount"] for entry in draft.entries if entry["Amount"] > 0), ZERO)
        click.echo(f"  {draft.name:<50} {reader.amount(debit):>14}")
