"""klarna24 as a process of its own, and a person at a terminal."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pexpect
import pytest

from tests.support import ROOT
from tests.support.shops import Shop

Process: TypeAlias = "subprocess.Popen[str]"
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def start(shop: Shop, *arguments: str, stdout: Any = subprocess.PIPE, stderr: Any = subprocess.PIPE) -> Process:
    """Starts klarna24 in a process of its own."""
    environment = {**os.environ, **shop.box.environment()}
    command = [sys.executable, "-m", "klarna24", "--config", str(shop.config), *arguments]
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=stdout, stderr=stderr, text=True)


def end(process: Process) -> tuple[int, str]:
    """The exit code and what was printed to stderr, once it has ended; fails after a minute."""
    try:
        _, err = process.communicate(timeout=60)
    finally:
        process.kill()
    return process.returncode, err


def wait_until(condition: Callable[[], Any]) -> None:
    """Returns once the condition holds; fails after a minute."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def statuses(shop: Shop) -> dict[str, str]:
    """The status of each payout that waits, by its reference."""
    profiles = shop.run("status", "--json").json["profiles"]
    return {waiting["payment_reference"]: waiting["status"] for one in profiles for waiting in one["waiting"]}


def on_a_terminal(monkeypatch: pytest.MonkeyPatch, typed: str) -> list[str]:
    """A person at the terminal answers each question of klarna24 resolve with this line; the questions."""
    asked: list[str] = []
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)

    def answer(text: str, **_: object) -> str:
        asked.append(text)
        return typed

    monkeypatch.setattr("klarna24.cli.resolve.read_line", answer)
    return asked


def terminal(config: Path, *arguments: str, **variables: str) -> "pexpect.spawn[str]":
    """klarna24 on a real terminal of 80 columns."""
    return pexpect.spawn(
        sys.executable,
        ["-m", "klarna24", "--config", str(config), *arguments],
        cwd=str(ROOT),
        env={**os.environ, "TERM": "xterm-256color", **variables},
        encoding="utf-8",
        dimensions=(50, 80),
        timeout=60,
    )


def screen(child: "pexpect.spawn[str]") -> list[str]:
    """The lines since the last question, without colours, once the program has ended."""
    child.expect(pexpect.EOF)
    child.close()
    assert isinstance(child.before, str)
    return ESCAPES.sub("", child.before).splitlines()
