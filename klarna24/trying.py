"""klarna24 sandbox and klarna24 demo: for trying things out without an account at either vendor."""

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import tomli_w

from klarna24.sandbox import Sandbox

SECRETS = {"klarna": "KLARNA24_SANDBOX_KLARNA", "24sevenoffice": "KLARNA24_SANDBOX_OFFICE"}


def _write_profile(box: Sandbox, folder: Path) -> Path:
    """A profiles.toml for this sandbox, its state beside it."""
    path = folder / "profiles.toml"
    table: dict[str, Any] = {"state_dir": str(folder / "state"), "profiles": {"shop1": box.profile()}}
    path.write_text(tomli_w.dumps(table), encoding="utf-8")
    path.chmod(0o600)
    return path


def _passwords(box: Sandbox) -> dict[str, str]:
    return {SECRETS["klarna"]: box.klarna.password, SECRETS["24sevenoffice"]: box.office.password}


def serve(port: int, seed: int, faults: tuple[str, ...]) -> int:
    """Run until Ctrl-C. The address, the file and the commands to try go to stdout."""
    box = Sandbox(port=port, seed=seed)
    for fault in faults:
        box.faults.parse(fault)
    with box, tempfile.TemporaryDirectory(prefix="klarna24-sandbox-") as folder:
        path = _write_profile(box, Path(folder))
        click.echo(f"Klarna and 24SevenOffice are played at {box.url}. In another terminal:\n")
        for name, value in _passwords(box).items():
            click.echo(f"  export {name}={value}")
        click.echo(f"  export KLARNA24_CONFIG={path}")
        click.echo("  klarna24 dry-run --profile shop1")
        click.echo("  klarna24 sync --profile shop1\n")
        click.echo("Ctrl-C ends it and removes the folder.")
        sys.stdout.flush()
        box.serve_forever()
    return 0


def demo(klarna24: Callable[..., int]) -> int:
    """Sandbox, dry-run, sync, second sync. ``klarna24`` runs a command line and gives its exit code.

    The seeded payouts hold one that does not add up and one in a foreign currency, so that 7 is the right
    answer of each run; anything else is the demo's own failure.
    """
    started = time.monotonic()
    before = dict(os.environ)
    with Sandbox() as box, tempfile.TemporaryDirectory(prefix="klarna24-demo-") as folder:
        path = _write_profile(box, Path(folder))
        os.environ.update(_passwords(box))
        try:
            codes = []
            for title, words in (
                ("1. A dry run shows what would be posted", ("dry-run",)),
                ("2. A sync posts it, as journals for a person to book", ("sync",)),
                ("3. A second sync finds nothing new", ("sync",)),
            ):
                click.echo(f"\n── {title}\n   $ klarna24 -q {' '.join(words)} --profile shop1\n")
                codes.append(klarna24("--config", str(path), *words, "--profile", "shop1"))
        finally:
            os.environ.clear()
            os.environ.update(before)
    click.echo(f"{codes} {time.monotonic() - started:.1f} s")
    return 0 if codes == [7, 7, 7] else 1
