"""Runs klarna24 in forked children that die by SIGKILL at a chosen point: a real process, without its start-up.

A point is the moment before an I/O action: bytes to or from a socket, a statement to SQLite, a file that is opened
for writing, renamed, made or removed. Reads one JSON request a line from stdin and answers one a line.
"""

import json
import os
import signal
import socket
import sqlite3
import sys
from collections.abc import Callable
from typing import Any

from klarna24.cli import main as cli  # noqa: F401 - loaded before the fork: each child is cheap
from klarna24.run import draft as post  # noqa: F401 - loaded before the fork: each child is cheap
from klarna24.twentyfour import connection


class Points:
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


def install(points: Points) -> None:
    for name in ("connect", "send", "sendall", "recv", "recv_into"):
        setattr(socket.socket, name, points.before(getattr(socket.socket, name)))

    class Connection(sqlite3.Connection):
        execute = points.before(sqlite3.Connection.execute)
        backup = points.before(sqlite3.Connection.backup)

    connect = sqlite3.connect
    sqlite3.connect = lambda *args, **kwargs: connect(*args, factory=Connection, **kwargs)  # type: ignore[assignment]

    def audit(event: str, args: tuple[Any, ...]) -> None:
        writes = event == "open" and isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR)
        if writes or event in {"os.rename", "os.mkdir", "os.remove", "os.chmod", "os.link"}:
            points()

    sys.addaudithook(audit)


def run(request: dict[str, Any]) -> dict[str, Any]:
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        os.environ.update(request["env"])
        points = Points(request["kill_at"])
        install(points)
        code = cli.run(request["arguments"])
        os.write(writer, json.dumps({"code": code, "points": points.passed}).encode())
        os._exit(0)
    os.close(writer)
    _, status = os.waitpid(child, 0)
    with os.fdopen(reader, "rb") as pipe:
        said = pipe.read()
    return json.loads(said) if said else {"code": os.waitstatus_to_exitcode(status), "points": None}


def main() -> None:
    for name in ("authenticate", "account", "client", "company", "transaction"):
        connection._contract(name)
    for line in sys.stdin:
        print(json.dumps(run(json.loads(line))), flush=True)  # noqa: T201 - the answer


if __name__ == "__main__":
    main()
