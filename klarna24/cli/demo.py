"""klarna24 demo."""

import os
import time
from pathlib import Path

import click

from klarna24.cli.main import run
from klarna24.cli.sandbox import serve, temporary_profile
from klarna24.sandbox.server import Sandbox

_STEPS = {
    "dry-run --profile shop1": "what would be drafted, line by line",
    "-q sync --profile shop1": "saves the drafts; what is blocked is reported and stays",
    "-q sync --profile shop1 --now": "a second run, although none is due",
}
_RESULT = """
── Result, after {seconds:.1f} s
   {drafts} payouts became {drafts} vouchers, saved as drafts in 24SevenOffice. Each balances,
   with Klarna's fees and the VAT on them split out, and none was drafted twice.
   {blocked} payouts are blocked, with their figures and what to do: one is in euro, one does
   not add up. That is why each run ended with exit code 7.
   A person now checks each draft, gives it a number and books it."""
_NEXT = """
── Next
   klarna24 demo --open    the same, then the drafts as a web page, to book one
   klarna24 sandbox        both APIs, left running, to try things out
   profiles.example.toml   every setting, explained
   docs/bookkeeping.md     what is booked where, and what is blocked
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

    Each of them should end with 7: two payouts are there to be blocked, and 0 would mean that one was drafted.
    """
    started, environment, company = time.monotonic(), dict(os.environ), box.office.home
    codes, drafts = [], []
    os.environ.update(box.environment())
    try:
        for number, (arguments, meaning) in enumerate(_STEPS.items(), 1):
            click.echo(f"\n── {number}. klarna24 {arguments}: {meaning}\n")
            codes.append(run(["--config", str(path), *arguments.split()]))
            drafts.append(len(company.drafts))
            if codes[-1] > 128:
                return codes[-1]  # Ctrl-C or SIGTERM
            if number == 2:
                click.echo(f"\nThe drafts of {company.name} in 24SevenOffice:")
                for draft in company.drafts:
                    debit = sum(entry["Amount"] for entry in draft.entries if entry["Amount"] > 0)
                    click.echo(f"  {draft.name:<58} {debit:>14,.2f}")
    finally:
        os.environ.clear()
        os.environ.update(environment)
    if codes != [7, 7, 7] or drafts[0] or drafts[1] != drafts[2] or box.office.default.drafts:
        click.echo(f"\nThe demo went wrong: exit codes {codes}, numbers of drafts {drafts}.", err=True)
        return 1
    click.echo(f"Nothing new: there are still {drafts[2]} drafts.")
    blocked = len(box.klarna.payouts) - drafts[2]
    click.echo(_RESULT.format(drafts=drafts[2], blocked=blocked, seconds=time.monotonic() - started))
    return 0
