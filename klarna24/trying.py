"""klarna24 sandbox and klarna24 demo: for trying things out without an account at either vendor."""

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import tomli_w

from klarna24.errors import UsageFault
from klarna24.sandbox import Faults, Sandbox


@contextmanager
def _profiles(box: Sandbox, purpose: str) -> Iterator[Path]:
    """A folder with a profiles.toml for this sandbox, its state beside it; gone afterwards."""
    with tempfile.TemporaryDirectory(prefix=f"klarna24-{purpose}-") as folder:
        path = Path(folder, "profiles.toml")
        table = {"state_dir": str(path.parent / "state"), "profiles": {"shop1": box.profile()}}
        path.write_text(tomli_w.dumps(table), encoding="utf-8")
        path.chmod(0o600)
        yield path


def serve(port: int, seed: int, faults: tuple[str, ...]) -> int:
    """Run until Ctrl-C. The address, the file and the commands to try go to stdout."""
    box = Sandbox(port=port, seed=seed)
    try:
        for fault in faults:
            name, times = Faults.parse(fault)
            box.faults.arm(name, times)
    except ValueError as error:
        raise UsageFault(f"--fault: {error}", "klarna24 sandbox --help") from None
    try:
        box.start()
    except OSError as error:
        raise UsageFault(f"port {port} cannot be used: {error.strerror}", "--port 0 takes any free one") from None
    with box, _profiles(box, "sandbox") as path:
        _until_ctrl_c(box, path, "dry-run", "sync")
    return 0


def _until_ctrl_c(box: Sandbox, path: Path, *commands: str) -> None:
    """Says where the sandbox is and how to use it, and serves."""
    try:
        click.echo(f"Klarna and 24SevenOffice are played at {box.url}. In another terminal:\n")
        for name, value in box.environment().items():
            click.echo(f"  export {name}={value}")
        click.echo(f"  export KLARNA24_CONFIG={path}")
        for command in commands:
            click.echo(f"  klarna24 {command} --profile shop1")
        click.echo(f"\nIn a browser, 24SevenOffice's journal: {box.url}/")
        click.echo("Check a draft there, number and book it: it moves to the ledger, where klarna24 can see it.\n")
        click.echo("Ctrl-C ends it and removes what it made.")
        sys.stdout.flush()
        box.serve_forever()
    except KeyboardInterrupt:
        click.echo("")


def demo(klarna24: Callable[..., int], leave_open: bool = False) -> int:
    """Sandbox, dry-run, sync, second sync. ``klarna24`` runs a command line and gives its exit code.

    ``leave_open``: if all went well, the sandbox and its profile are there to be tried until Ctrl-C.
    """
    with Sandbox() as box, _profiles(box, "demo") as path:
        code = _whole_way(klarna24, box, path)
        if not code and leave_open:
            click.echo("\n── Left open\n")
            _until_ctrl_c(box, path, "status", "log")
        elif not code:
            click.echo(_NEXT)
    return code


def _whole_way(klarna24: Callable[..., int], box: Sandbox, path: Path) -> int:
    """Two of the seeded payouts are there to be held, so that 7 is the right answer of each run: 0 would mean that
    one of them was booked.
    """
    started, environment = time.monotonic(), dict(os.environ)
    os.environ.update(box.environment())
    try:
        _title(1, "dry-run --profile shop1", "what would be posted, line by line")
        codes = [klarna24("--config", str(path), "dry-run", "--profile", "shop1")]
        _title(2, "-q sync --profile shop1", "posts them; what is held is said, and stays")
        codes.append(klarna24("--config", str(path), "-q", "sync", "--profile", "shop1"))
        drafts = _print_drafts(box)
        _title(3, "-q sync --profile shop1 --now", "a second time, although not due")
        codes.append(klarna24("--config", str(path), "-q", "sync", "--profile", "shop1", "--now"))
    finally:
        os.environ.clear()
        os.environ.update(environment)
    again, elsewhere = len(box.office.home.drafts), len(box.office.default.drafts)
    held = len(box.klarna.payouts) - drafts
    well = codes == [7, 7, 7] and again == drafts and not elsewhere
    if not well:
        click.echo(f"\nThe demo went wrong: exit codes {codes}, {drafts} drafts, then {again}.", err=True)
        return 1
    click.echo(f"Nothing new: still {again} vouchers in the journal.")
    click.echo(_LAST_WORDS.format(drafts=drafts, held=held, seconds=time.monotonic() - started))
    return 0


_LAST_WORDS = """
── What you saw, in {seconds:.1f} s
   {drafts} payouts became {drafts} vouchers in 24SevenOffice's journal: each balanced, Klarna's fees
   and the VAT on them split out, none twice. {held} payouts are held, with the figures
   and what to do: one is in euro, one does not add up. Exit code 7 says so.
   A person now checks each voucher, generates its number and books it."""

_NEXT = """
── Next
   klarna24 demo --open    the same, and the journal left open as a page, to book a voucher
   klarna24 sandbox        the same two APIs, left running, to try things out
   profiles.example.toml   every setting, explained
   docs/bookkeeping.md     what is booked where, and what is held
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
