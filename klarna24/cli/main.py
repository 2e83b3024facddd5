"""The command group: its commands and global options, and the exit code of each outcome.

A command's module is imported when the command is called, so that ``--help`` is as fast as click itself.
"""

import importlib
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import click

from klarna24 import __version__
from klarna24.cli.options import GlobalOptions, NamedAddress, NamedPath, StateOptions
from klarna24.cli.surroundings import make_usable
from klarna24.errors import Klarna24Error
from klarna24.logs.configure import logging_to
from klarna24.logs.tracebacks import print_traceback
from klarna24.run.stopping import Stopped

# Each is the function ``command`` in the module of its name. The text is the first sentence of its own help.
COMMANDS = {
    "init": "Set up a profile in a conversation; every answer is tested live.",
    "check": "Test everything that a run needs, without sending anything.",
    "dry-run": "Show the vouchers that sync would draft, without sending anything.",
    "sync": "Draft each new payout as a voucher in 24SevenOffice, once.",
    "status": "Show the last run, and what to do about each payout that waits.",
    "archive": "Fetch what the archive lacks of the payouts so far, or verify it.",
    "list": "List payouts with their status, voucher number and fees.",
    "report": "Close a month: Klarna's figures against what was drafted and booked.",
    "resolve": "Settle a payout that needs a decision.",
    "log": "Show what was done, when, by whom, and the answer.",
    "schedule": "Print a crontab line or systemd units for the daily run.",
    "schema": "Print the JSON Schema of profiles.toml, for editors.",
    "state": "Begin again after the state was lost, knowingly; or move it.",
    "sandbox": "Simulate both APIs on this machine, for trying things out.",
    "demo": "Run everything once against the sandbox; leaves nothing behind.",
}
EXIT_CODES = """\b
Exit codes
  0  done, nothing new, or not due
  1  a bug, with traceback: report it to the maintainers
  2  usage
  3  configuration: edit profiles.toml, or klarna24 check
  4  credentials missing or refused, or no payouts: klarna24 check
  5  unavailable, throttled, or already running: the next run carries on
  6  24SevenOffice rejected a voucher: read its message
  7  a payout is blocked, or changed after drafting; a month is open: read why
  8  in doubt: look in 24SevenOffice, then klarna24 resolve
"""


class LazyGroup(click.Group):
    """Imports a command's module when the command is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(COMMANDS)

    def invoke(self, ctx: click.Context) -> object:
        """Runs the command, and says what ends it."""
        try:
            return super().invoke(ctx)
        except (Klarna24Error, Stopped) as error:
            from klarna24.cli import ended  # noqa: PLC0415 - loads pydantic, which --help does not need

            return ended.said(error, ctx.params["config"])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"klarna24.cli.{cmd_name.replace('-', '_')}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """From the table above: no module is loaded, and no summary is cut short."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, epilog=EXIT_CODES, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--config", type=NamedPath(path_type=Path, dir_okay=False), help="Use this profiles.toml.")
@click.option(
    "--state-dir", type=NamedPath(path_type=Path, file_okay=False), help="Keep the state database in this folder."
)
@click.option(
    "--state",
    type=NamedAddress(),
    metavar="ADDRESS",
    help="Keep the state on this PostgreSQL server: postgresql://user@host/database.",
)
@click.option("--log-file", type=NamedPath(path_type=Path), help="Also write the log to this file.")
@click.option("-v", "verbose", count=True, help="Show what is done; -vv also shows debug output.")
@click.option("-q", "quiet", is_flag=True, help="Show only problems, no tables and no progress.")
@click.version_option(__version__, prog_name="klarna24")
@click.pass_context
def klarna24(
    context: click.Context,
    config: Path | None,
    state_dir: Path | None,
    state: str | None,
    log_file: Path | None,
    verbose: int,
    quiet: bool,
) -> None:
    """Drafts Klarna's payouts as vouchers in 24SevenOffice: each new payout becomes a balanced draft for a person
    to check, number and book."""
    if verbose and quiet:
        raise click.UsageError("-v and -q cannot be combined.")
    at_the_end: ExitStack = context.obj
    at_the_end.enter_context(logging_to(verbose, log_file))
    context.obj = GlobalOptions(config, StateOptions(state_dir, state), bool(verbose), quiet)


_GLOBAL = frozenset(name for option in klarna24.params for name in option.opts)  # they stand before the command


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code; never raises."""
    with ExitStack() as at_the_end:  # closes the log file, after a bug was written to it
        return _run(arguments, at_the_end)


def _run(arguments: Sequence[str], at_the_end: ExitStack) -> int:
    try:
        make_usable()
        result = klarna24.main(list(arguments), prog_name="klarna24", standalone_mode=False, obj=at_the_end)
    except (click.Abort, KeyboardInterrupt):
        return 130
    except click.ClickException as error:
        if isinstance(error, click.NoSuchOption) and (name := error.option_name) in _GLOBAL:
            error = click.UsageError(f"{name} stands before the command: klarna24 {name} …", error.ctx)
        error.show()
        return error.exit_code
    except Exception:  # noqa: BLE001 - a bug is shown with its traceback, and has exit code 1
        print_traceback()
        return 1
    return result if isinstance(result, int) else 0
