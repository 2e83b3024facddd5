"""Reads a line that a person types."""

import select
import sys

import click

SIGNAL_CHECK_SECONDS = 0.2


def read_line(prompt: str, *, err: bool = False) -> str:
    """The line without its end. Raises Abort at the end of the input, and KeyboardInterrupt on Ctrl-C.

    ``input`` looks for signals only when one interrupts its wait. A Ctrl-C that comes after it has shown the
    prompt and before it waits is lost until the next key, so this wait ends every 0.2 s to look for signals.
    """
    click.echo(prompt, nl=False, err=err)
    if sys.platform != "win32":  # where only sockets can be waited for, and Ctrl-C is no signal
        while not select.select([sys.stdin], [], [], SIGNAL_CHECK_SECONDS)[0]:
            pass
    line = sys.stdin.readline()
    if not line:
        raise click.Abort
    return line.removesuffix("\n")
