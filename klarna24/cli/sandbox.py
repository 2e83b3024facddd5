"""klarna24 sandbox, and what it shares with the demo."""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import tomli_w

from klarna24.errors import UsageFault
from klarna24.sandbox.faults import Faults
from klarna24.sandbox.server import Sandbox


@click.command("sandbox")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8024, show_default=True, help="0 picks a free port."
)
@click.option("--seed", type=int, default=24, show_default=True, help="Seed for the generated payouts.")
@click.option("--fault", "faults", multiple=True, metavar="NAME[:TIMES]", help="Arm a fault; see --fault list.")
def command(port: int, seed: int, faults: tuple[str, ...]) -> int:
    """Simulate both APIs on this machine, for trying things out.

    Serves a few weeks of payouts on loopback, writes a profiles.toml for them into a new folder and says how to
    use it. Ends with Ctrl-C.
    """
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
    with box, profiles_for(box, "sandbox") as path:
        serve_until_ctrl_c(box, path, "dry-run", "sync")
    return 0


@contextmanager
def profiles_for(box: Sandbox, purpose: str) -> Iterator[Path]:
    """A folder with a profiles.toml for this sandbox, its state beside it; gone afterwards."""
    with tempfile.TemporaryDirectory(prefix=f"klarna24-{purpose}-") as folder:
        path = Path(folder, "profiles.toml")
        table = {"state_dir": str(path.parent / "state"), "profiles": {"shop1": box.profile()}}
        path.write_text(tomli_w.dumps(table), encoding="utf-8")
        path.chmod(0o600)
        yield path


def serve_until_ctrl_c(box: Sandbox, path: Path, *commands: str) -> None:
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
