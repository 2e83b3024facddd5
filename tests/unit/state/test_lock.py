"""One run of a profile at a time."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from klarna24.errors import Locked
from klarna24.state.lock import only_run
from tests.support import ROOT
from tests.support.shops import Shop

HOLDER = """
import sys, time
from pathlib import Path
from klarna24.state.lock import only_run
with only_run(Path(sys.argv[1]), "shop1"):
    print("locked", flush=True)
    time.sleep(60)
"""


@contextmanager
def another_run(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A process of its own that holds shop1's lock."""
    command = [sys.executable, "-c", HOLDER, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "locked\n"
        try:
            yield process
        finally:
            process.kill()


def test_a_second_run_says_who_runs_since_when_and_ends_with_5(shop: Shop) -> None:
    with another_run(shop.state) as other:
        result = shop.sync("--json")
        assert result.code == 5
        (problem,) = result.json["profiles"][0]["problems"]
        assert problem["code"] == "locked"
        assert f"pid {other.pid}, since 20" in problem["message"]
        assert not shop.box.requests
        assert shop.dry_run().code == 7, "a dry run needs no lock"
        shop.write({"klarna": {"currencies": ["NOK"]}}, shop2={"klarna": {"currencies": ["SEK", "EUR"]}})
        assert shop.run("-q", "sync", "--profile", "shop2").code == 7, "another profile does not wait"


def test_the_lock_ends_with_its_process(shop: Shop) -> None:
    with another_run(shop.state) as other:
        assert shop.sync().code == 5
        os.kill(other.pid, signal.SIGKILL)
        other.wait(10)
        assert shop.sync().code == 7
        assert len(shop.drafts()) > 0


def test_the_lock_is_free_again_after_an_exception(folder: Path) -> None:
    with pytest.raises(ZeroDivisionError), only_run(folder, "shop1"):
        raise ZeroDivisionError
    with only_run(folder, "shop1"), pytest.raises(Locked), only_run(folder, "shop1"):
        pass


@pytest.mark.parametrize(
    "content", [b"", b"\xff", b"{}", b'{"pid": "\x1b[31m", "since": 1}', b"[]", b'{"pid": null}']
)
def test_without_a_readable_note_only_the_name_of_the_holder_is_missing(folder: Path, content: bytes) -> None:
    with only_run(folder, "shop1"):
        for note in (folder / "locks").glob("*.json"):
            note.write_bytes(content)
        with pytest.raises(Locked, match=r"^another run is under way$"), only_run(folder, "shop1"):
            pass
