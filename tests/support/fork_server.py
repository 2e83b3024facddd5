"""Runs klarna24 in forked children: real processes without their start-up, killed where a test asks for it.

A child can be killed (SIGKILL) before each of its I/O actions: bytes to or from a socket, a statement to the
state, a file opened for writing, written to, put on disk, renamed, linked or removed, a folder made. ``python -m
tests.support.fork_server`` reads a JSON request a line from stdin and answers one a line.
"""

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

from klarna24.cli import main as cli
from klarna24.cli import sync  # noqa: F401 - imported before the fork, so that no child spends time on it
from klarna24.state.postgres.connection import PostgresConnection
from klarna24.twentyfour import connection
from tests.support import ROOT
from tests.support.loading import uncounted


class Ended(NamedTuple):
    """The exit code, and the number of I/O actions; -9 and -1 where it was killed."""

    code: int
    points: int


class ForkServer:
    """The server as a child of the tests."""

    def __init__(self) -> None:
        command, pipe = [sys.executable, "-m", "tests.support.fork_server"], subprocess.PIPE
        self._process = subprocess.Popen(
            command, cwd=ROOT, env=uncounted(), stdin=pipe, stdout=pipe, text=True, bufsize=1
        )

    def run(self, arguments: list[str], environment: dict[str, str], kill_at: int | None = None) -> Ended:
        """Runs klarna24 to its end, or up to the I/O action before which it is killed."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps([arguments, environment, kill_at]) + "\n")
        return Ended(*json.loads(self._process.stdout.readline()))

    def close(self) -> None:
        self._process.communicate(timeout=10)


class Points:
    """Counts the I/O actions of this process, and kills it before one of them."""

    def __init__(self, kill_at: int | None) -> None:
        self.passed = 0
        self.kill_at = kill_at

    def __call__(self) -> None:
        if self.passed == self.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        self.passed += 1

    def before(self, action: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **kwargs: Any) -> Any:
            self()
            return action(*args, **kwargs)

        return counted

    def install(self) -> None:
        """Counts from now on."""
        for name in ("connect", "send", "sendall", "recv", "recv_into"):
            setattr(socket.socket, name, self.before(getattr(socket.socket, name)))
        for name in ("write", "fsync"):
            setattr(os, name, self.before(getattr(os, name)))
        for name in ("execute", "executemany", "direct"):
            setattr(PostgresConnection, name, self.before(getattr(PostgresConnection, name)))
        points = self

        class Connection(sqlite3.Connection):
            execute = points.before(sqlite3.Connection.execute)
            backup = points.before(sqlite3.Connection.backup)

        connect = sqlite3.connect
        sqlite3.connect = lambda *args, **kwargs: connect(*args, factory=Connection, **kwargs)  # type: ignore[assignment]  # the same parameters

        def audit(event: str, args: tuple[Any, ...]) -> None:
            writes = event == "open" and isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR)
            if writes or event in {"os.rename", "os.mkdir", "os.remove", "os.chmod", "os.link"}:
                points()

        sys.addaudithook(audit)


def run(arguments: list[str], environment: dict[str, str], kill_at: int | None) -> Ended:
    """In the server: forks, and waits for the child."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        os.environ.update(environment)
        write = os.write  # as it is uncounted
        points = Points(kill_at)
        points.install()
        code = cli.run(arguments)
        write(writer, json.dumps([code, points.passed]).encode())
        os._exit(0)
    os.close(writer)
    _, status = os.waitpid(child, 0)
    with os.fdopen(reader, "rb") as pipe:
        answer = pipe.read()
    return Ended(*json.loads(answer)) if answer else Ended(os.waitstatus_to_exitcode(status), -1)


if __name__ == "__main__":
    for name in ("authenticate", "account", "client", "company", "transaction", "attachment"):
        connection._contract(name)  # read before the fork, too
    for line in sys.stdin:
        sys.stdout.write(json.dumps(run(*json.loads(line))) + "\n")
        sys.stdout.flush()
