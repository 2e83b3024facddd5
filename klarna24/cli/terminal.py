"""Reads a line that a person types, and whether it means yes."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread

import click

from klarna24.cli.output.lines import columns, wrapped
from klarna24.text.reader import Reader
from klarna24.text.sentences import Sentence, joined, sentence

SIGNAL_CHECK_SECONDS = 0.2
YES = {"y", "yes", "j", "ja"}  # in English, Swedish and Norwegian


def read_line(prompt: str, *, err: bool = False) -> str:
    """The line without its end. Raises Abort at the end of the input, and KeyboardInterrupt on Ctrl-C."""
    click.echo(prompt, nl=False, err=err)
    with signals_heard():
        line = sys.stdin.readline()
    if not line:
        raise click.Abort
    return line.removesuffix("\n")


def confirmed(question: Sentence, reader: Reader) -> bool:
    """Whether the answer, on stderr and stdin, is yes in any of our languages."""
    text = joined(" ", (question, sentence("[y/N]:")))
    lines = wrapped(reader.say(text), columns(sys.stderr))
    return read_line("\n".join(lines) + " ", err=True).strip().lower() in YES


@contextmanager
def signals_heard() -> Iterator[None]:
    """Interrupts a wait every 0.2 s, so that Python looks for signals.

    Python looks for them only when one interrupts its wait. A Ctrl-C that comes after its last look and before
    it waits would be lost until the next key, together with what was typed, which the terminal forgets.
    """
    if sys.platform == "win32" or current_thread() is not main_thread():  # where no signal arrives
        yield
        return
    before = signal.signal(signal.SIGALRM, lambda *_: None)
    signal.setitimer(signal.ITIMER_REAL, SIGNAL_CHECK_SECONDS, SIGNAL_CHECK_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
