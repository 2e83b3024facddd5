"""klarna24 as a process of its own, and a person at a terminal."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.support import ROOT
from tests.support.shops import Shop


def start(shop: Shop, *arguments: str) -> "subprocess.Popen[str]":
    """Starts klarna24 in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "klarna24", "--config", str(shop.config), *arguments],
        cwd=ROOT,
        env={**os.environ, **shop.box.environment()},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def end(process: "subprocess.Popen[str]", within: float = 30) -> tuple[int, str]:
    """The exit code and what was printed to stderr, once it has ended."""
    try:
        _, err = process.communicate(timeout=within)
    finally:
        process.kill()
    return process.returncode, err


def wait_until(condition: Callable[[], Any]) -> None:
    """Returns once the condition holds; fails after ten seconds."""
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def statuses(shop: Shop) -> dict[str, str]:
    """The status of each payout that ``klarna24 status`` lists, by its reference."""
    profiles = shop.run("status", "--json").json["profiles"]
    return {waiting["payment_reference"]: waiting["status"] for one in profiles for waiting in one["waiting"]}


def on_a_terminal(monkeypatch: pytest.MonkeyPatch, typed: str) -> None:
    """From now on a person is at the terminal, who answers every prompt with ``typed``."""
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("click.prompt", lambda *args, **kwargs: typed)
