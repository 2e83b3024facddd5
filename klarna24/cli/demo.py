"""klarna24 demo."""

import os
import time
from pathlib import Path

import click

from klarna24.cli.main import run
from klarna24.cli.sandbox import profiles_for, serve_until_ctrl_c
from klarna24.sandbox.server import Sandbox


@click.command("demo")
@click.option("--open", "leave_open", is_flag=True, help="Then keep the ledger open as a web page until Ctrl-C.")
def command(leave_open: bool) -> int:
    """Run everything once against the sandbox; leaves nothing behind.

    Shows dry-run, sync, and a second sync that finds nothing new, in seconds.
    """

    with Sandbox() as box, profiles_for(box, "demo") as path:
        code = _whole_way(box, path)
        if not code and leave_open:
            click.echo("\n── Left open\n")
            serve_until_ctrl_c(box, path, "status", "log")
        elif not code:
            click.echo(_NEXT)
    return code


def _whole_way(box: Sandbox, path: Path) -> int:
    """Two of the seeded payouts are there to be blocked, so that 7 is the right answer of each run: 0 would mean that
    one of them was booked.
    """
    started, environment = time.monotonic(), dict(os.environ)
    os.environ.update(box.environment())
    try:
        _title(1, "dry-run --profile shop1", "what would be drafted, line by line")
        codes = [run(["--config", str(path), "dry-run", "--profile", "shop1"])]
        _title(2, "-q sync --profile shop1", "posts them; what is blocked is said, and stays")
        codes.append(run(["--config", str(path), "-q", "sync", "--profile", "shop1"]))
        drafts = _print_drafts(box)
        _title(3, "-q sync --profile shop1 --now", "a second time, although not due")
        codes.append(run(["--config", str(path), "-q", "sync", "--profile", "shop1", "--now"]))
    finally:
        os.environ.clear()
        os.environ.update(environment)
    again, elsewhere = len(box.office.home.drafts), len(box.office.default.drafts)
    held = len(box.klarna.payouts) - drafts
    well = codes == [7, 7, 7] and again == drafts and not elsewhere
    if not well:
        click.echo(f"\nThe demo went wrong: exit codes {codes}, {drafts} drafts, then {again}.", err=True)
        return 1
    click.echo(f"Nothing new: still {again} vouchers in the ledger.")
    click.echo(_LAST_WORDS.format(drafts=drafts, held=held, seconds=time.monotonic() - started))
    return 0


_LAST_WORDS = """
── What you saw, in {seconds:.1f} s
   {drafts} payouts became {drafts} vouchers in 24SevenOffice's journal: each balanced, Klarna's fees
   and the VAT on them split out, none twice. {held} payouts are blocked, with the figures
   and what to do: one is in euro, one does not add up. Exit code 7 says so.
   A person now checks each voucher, generates its number and books it."""

_NEXT = """
── Next
   klarna24 demo --open    the same, and the ledger left open as a page, to book a voucher
   klarna24 sandbox        the same two APIs, left running, to try things out
   profiles.example.toml   every setting, explained
   docs/bookkeeping.md     what is booked where, and what is blocked
"""


def _title(number: int, command: str, what: str) -> None:
    click.echo(f"\n── {number}. klarna24 {command}: {what}\n")


def _print_drafts(box: Sandbox) -> int:
    """What 24SevenOffice has now, told by itself."""
    company = box.office.home
    click.echo(f"\nThe journal of {company.name} now holds:")
    for draft in company.drafts:
        debit = sum(entry["Amount"] for entry in draft.entries if entry["Amount"] > 0)
        click.echo(f"  {draft.name:<58} {debit:>14,.2f}")
    return len(company.drafts)
