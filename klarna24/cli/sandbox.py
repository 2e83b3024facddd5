"""klarna24 sandbox, and what it shares with the demo."""

import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import current_thread, main_thread
from types import FrameType

import click
import tomli_w

from klarna24.cli.output.lines import print_words
from klarna24.errors import UsageFault
from klarna24.sandbox.faults import TABLE, Faults
from klarna24.sandbox.server import Sandbox
from klarna24.text.reader import Reader
from klarna24.text.sentences import Sentence, sentence


@click.command("sandbox")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8024, show_default=True, help="Port; 0 picks a free one."
)
@click.option("--seed", type=int, default=24, show_default=True, help="Seed for the generated payouts.")
@click.option(
    "--fault", "faults", multiple=True, metavar="NAME[:TIMES]", help="Arm a fault; --fault list explains them."
)
def command(port: int, seed: int, faults: tuple[str, ...]) -> int:
    """Simulate both APIs on this machine, for trying things out.

    Serves a few weeks of payouts on loopback, writes a profiles.toml for them into a temporary folder and prints
    how to use it. Ctrl-C or SIGTERM ends it and removes the folder.
    """
    if "list" in faults:
        click.echo(TABLE.strip())
        return 0
    box = Sandbox(port=port, seed=seed)
    try:
        for fault in faults:
            name, times = Faults.parse(fault)
            box.faults.arm(name, times)
    except ValueError as error:
        raise UsageFault(f"--fault: {error}", "klarna24 sandbox --fault list") from None
    try:
        box.start()
    except OSError as error:
        raise UsageFault(
            sentence("port {port} cannot be used: {why}", port=port, why=error.strerror or ""),
            sentence("{option} picks a free one", option="--port 0"),
        ) from None
    with box, temporary_profile(box, "sandbox") as path:
        say_how_to_try_init(box, path)
        serve(box, path, "dry-run", "sync")
    return 0


def say_how_to_try_init(box: Sandbox, path: Path) -> None:
    """The answers with which ``klarna24 init`` makes a profile of this sandbox, beside the one that is there."""
    reader = Reader.of_environment()
    print_words(reader.say(sentence("To try the set-up, in another terminal, with these answers:")))
    files = f"--config {path.with_name('init.toml')} --state-dir {path.with_name('init-state')}"
    click.echo(f"\n  klarna24 {files} init\n")
    answers = {
        sentence("Where is the shop"): reader.say(sentence("4, another address")),
        sentence("Address"): box.url,
        sentence("API username"): box.klarna.username,
        sentence("API password"): box.klarna.password,
        sentence("Address of 24SevenOffice"): box.url,
        sentence("Username"): box.office.username,
        sentence("Password"): box.office.password,
        sentence("Application id"): box.office.application_id,
        sentence("Company"): str(box.office.home.client_id),
    }
    for question, answer in answers.items():
        click.echo(f"  {reader.say(question):<25} {answer}")
    print_words(reader.say(sentence("The passwords open nothing but this sandbox.")))
    click.echo()


@contextmanager
def temporary_profile(box: Sandbox, purpose: str) -> Iterator[Path]:
    """A profiles.toml for this sandbox in a folder of its own, which also gets the state.

    The profile has the language of the environment. The folder is removed at the end, also where SIGTERM is what
    ends the process.
    """
    with ExitStack() as at_the_end:
        if current_thread() is main_thread():  # signals reach no other thread
            before = signal.signal(signal.SIGTERM, _exit)
            at_the_end.callback(signal.signal, signal.SIGTERM, before)
        folder = at_the_end.enter_context(tempfile.TemporaryDirectory(prefix=f"klarna24-{purpose}-"))
        path = Path(folder, "profiles.toml")
        table = {
            "state_dir": str(path.parent / "state"),
            "rates_url": box.url,
            "profiles": {"shop1": {**box.profile(), "language": Reader.of_environment().language}},
        }
        path.write_text(tomli_w.dumps(table), encoding="utf-8")
        path.chmod(0o600)
        yield path


def _exit(signal_number: int, _: FrameType | None) -> None:
    sys.exit(128 + signal_number)


def serve(box: Sandbox, path: Path, *commands: str) -> None:
    """Print where the sandbox is and how to use it, and serve until Ctrl-C or SIGTERM."""
    reader = Reader.of_environment()

    def say(text: Sentence) -> None:
        print_words(reader.say(text))

    try:
        say(sentence("The sandbox is running at {url}. In another terminal:", url=box.url))
        click.echo()
        for name, value in box.environment().items():
            click.echo(f"  export {name}={value}")
        click.echo(f"  export KLARNA24_CONFIG={path}")
        for command in commands:
            click.echo(f"  klarna24 {command} --profile shop1")
        click.echo()
        say(sentence("In a browser, the drafts and the ledger of 24SevenOffice: {url}", url=f"{box.url}/"))
        say(
            sentence(
                "Check a draft there, number and book it. It moves to the ledger, where klarna24 can read it."
            )
        )
        click.echo()
        say(sentence("Ctrl-C ends it and removes its files."))
        sys.stdout.flush()
        box.serve_forever()
    except (KeyboardInterrupt, SystemExit):
        click.echo("")
