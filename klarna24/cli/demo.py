"""klarna24 demo."""

import os
import time
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path

import click

from klarna24.cli.main import run
from klarna24.cli.sandbox import serve, temporary_profile
from klarna24.sandbox.office.company import Company
from klarna24.sandbox.server import Sandbox

SHOWN_DRAFTS = 2
SIGNAL = 128  # and its number: the exit code of a command that a signal has ended

# What the second run reports is what the first one has reported: it is checked, and not shown again.
_RESULT = """
── Result, after {seconds:.1f} s
   {drafts} payouts became {drafts} drafts; each balances, with Klarna's fees and their VAT split out,
   and none was drafted twice. {blocked} are blocked, with what to do: hence exit code 7.
   A person now checks each draft, gives it a number and books it."""
_NEXT = """
── Three things to try next
   klarna24 demo --open    the same, then the drafts on a web page: number and book one
   klarna24 sandbox        both APIs, left running: dry-run, status, list, report, init …
   klarna24 init           your own shop, in a conversation that writes nothing before you save
"""


@click.command("demo")
@click.option("--open", "leave_open", is_flag=True, help="Then show the drafts as a web page until Ctrl-C.")
def command(leave_open: bool) -> int:
    """Run everything once against the sandbox; leaves nothing behind.

    Runs dry-run, sync, and a second sync that finds nothing new. It takes a few seconds.
    """
    with Sandbox() as box, temporary_profile(box, "demo") as path:
        code = _run_all(box, path)
        if not code and leave_open:
            click.echo("\n── The sandbox stays open\n")
            serve(box, path, "status", "log")
        elif not code:
            click.echo(_NEXT)
    return code


def _run_all(box: Sandbox, path: Path) -> int:
    """Run the three commands in this process. Returns the demo's exit code.

    The runs should end with 7: two payouts are there to be blocked, and 0 would mean that one was drafted.
    """
    started, environment, company = time.monotonic(), dict(os.environ), box.office.home
    day = _day_of_many_kinds(box)
    codes: list[int] = []
    drafts: list[int] = []

    def step(arguments: str, meaning: str) -> int:
        click.echo(f"\n── {len(codes) + 1}. klarna24 {arguments}\n   {meaning}\n")
        codes.append(run(["--config", str(path), *arguments.split()]))
        drafts.append(len(company.drafts))
        return codes[-1]

    os.environ.update(box.environment())
    try:
        ended = step(f"dry-run --profile shop1 --from {day} --to {day}", "one payout, as it would be drafted")
        if ended <= SIGNAL:
            ended = step("-q sync --profile shop1", "saves the drafts of all payouts; what is blocked is reported")
            _print_drafts(company)
        if ended <= SIGNAL:
            with redirect_stderr(StringIO()):
                ended = step("-q sync --profile shop1 --now", "a second run, although none is due")
            click.echo(f"Nothing new: there are still {drafts[-1]} drafts.")
        if ended > SIGNAL:
            return ended
    finally:
        os.environ.clear()
        os.environ.update(environment)
    if codes != [0, 7, 7] or drafts[0] or drafts[1] != drafts[2] or box.office.default.drafts:
        click.echo(f"\nThe demo went wrong: exit codes {codes}, numbers of drafts {drafts}.", err=True)
        return 1
    blocked = len(box.klarna.payouts) - drafts[2]
    click.echo(_RESULT.format(drafts=drafts[2], blocked=blocked, seconds=time.monotonic() - started))
    return 0


def _day_of_many_kinds(box: Sandbox) -> str:
    """The day of a payout with commission: it shows more than sales and fees."""
    totals = ((str(it["payout_date"])[:10], it["totals"]) for it in box.klarna.payouts)
    return next(day for day, it in totals if it.get("commission_amount"))


def _print_drafts(company: Company) -> None:
    click.echo(f"\nNow {company.name} has {len(company.drafts)} drafts in 24SevenOffice. The first of them:")
    for draft in company.drafts[:SHOWN_DRAFTS]:
        debit = sum(entry["Amount"] for entry in draft.entries if entry["Amount"] > 0)
        click.echo(f"  {draft.name:<50} {debit:>14,.2f}")
