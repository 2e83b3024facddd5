"""klarna24 as a process of its own, and what a person at a terminal does."""

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
    """klarna24 as a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "klarna24", "--config", str(shop.config), *arguments],
        cwd=ROOT,
        env={**os.environ, **shop.box.environment()},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def end(process: "subprocess.Popen[str]") -> tuple[int, str]:
    _, err = process.communicate(timeout=30)
    return process.returncode, err


def wait_until(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def statuses(shop: Shop) -> dict[str, str]:
    profiles = shop.run("status", "--json").json["profiles"]
    return {waiting["payment_reference"]: waiting["status"] for one in profiles for waiting in one["waiting"]}


def on_a_terminal(monkeypatch: pytest.MonkeyPatch, typed: str) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("click.prompt", lambda *args, **kwargs: typed)
