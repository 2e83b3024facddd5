"""The log file: appended to line by line, shared by processes, and never a reason for a run to end otherwise."""

import logging
import os
import re
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest

from klarna24.logs.configure import logging_to
from tests.support import ROOT
from tests.support.shops import OpenShop, Shop, simple

LINE = re.compile(r"(\S+) (DEBUG|INFO|WARNING|ERROR) (\d+) (\S+) ([\w.]+): (.+)")


@pytest.fixture
def shop(open_shop: OpenShop) -> Shop:
    return open_shop(payouts=[simple("XISA93DJ")])


def test_the_file_holds_what_was_done_line_by_line(shop: Shop) -> None:
    path = shop.folder / "x.log"
    sync = ("--log-file", str(path), "sync", "--profile", "shop1", "--now")
    assert shop.run(*sync).lines() == []
    assert path.stat().st_mode & 0o777 == 0o600
    found = [LINE.fullmatch(line) for line in path.read_text("utf-8").splitlines()]
    records = [match.groups() for match in found if match]
    assert len(records) == len(found) > 5
    for when, level, process, *_ in records:
        assert datetime.fromisoformat(when).tzinfo
        assert (level, process) == ("INFO", str(os.getpid()))
    assert ("MainThread", "klarna24.state.base", "shop1: payout XISA93DJ SEK: drafted: Ok") in [
        record[3:] for record in records
    ]
    shop.run("-vv", *sync)
    more = path.read_text("utf-8").splitlines()
    assert len(more) > len(records), "appended"
    assert any(" DEBUG " in line for line in more[len(records) :])


def test_a_file_that_logrotate_moves_loses_no_line(tmp_path: Path) -> None:
    """A run ends in the file that it began; the next run begins a new one."""
    path, moved, log = tmp_path / "x.log", tmp_path / "x.log.1", logging.getLogger("klarna24.x")
    with logging_to(0, path):
        log.info("one")
        path.rename(moved)
        log.info("two")
    with logging_to(0, path):
        log.info("three")
    assert [line[-3:] for line in moved.read_text().splitlines()] == ["one", "two"]
    assert path.read_text().endswith("three\n")


def test_several_processes_lose_no_line(tmp_path: Path) -> None:
    """Long lines, too, which a buffer would split."""
    script = (
        "import logging, sys\n"
        "from pathlib import Path\n"
        "from klarna24.logs.configure import logging_to\n"
        "with logging_to(0, Path(sys.argv[1])):\n"
        "    for number in range(150):\n"
        "        logging.getLogger('klarna24.x').info('%s %d%s', sys.argv[2], number, ' long' * 80 * number)\n"
    )
    arguments = [sys.executable, "-c", script, str(tmp_path / "x.log")]
    processes = [subprocess.Popen([*arguments, name], cwd=ROOT) for name in "abc"]
    assert [process.wait(30) for process in processes] == [0, 0, 0]
    lines = [LINE.fullmatch(line) for line in (tmp_path / "x.log").read_text().splitlines()]
    written = sorted(match[6] for match in lines if match)
    assert written == sorted(f"{name} {number}{' long' * 80 * number}" for name in "abc" for number in range(150))


@pytest.mark.parametrize(
    ("name", "consequence"),
    [
        ("/dev/full", "No space left on device; this run is not logged any further"),
        ("missing/x.log", "No such file or directory; this run is not logged"),
        ("~no-such-user/x.log", "RuntimeError; this run is not logged"),
        ("folder", "Is a directory; this run is not logged"),
        ("pipe", "No such device or address; this run is not logged"),
    ],
    ids=["full", "no folder", "no home", "a folder", "a pipe that nobody reads"],
)
def test_a_file_that_cannot_be_written_is_one_line_and_changes_nothing(
    open_shop: OpenShop, name: str, consequence: str
) -> None:
    shop = open_shop(payouts=[simple("GOOD"), simple("BAD", sale_amount=100, settlement_amount=99)])
    (shop.folder / "folder").mkdir()
    os.mkfifo(shop.folder / "pipe")
    without = shop.dry_run("--json")
    path = name if name.startswith(("/", "~")) else str(shop.folder / name)
    result = shop.run("--log-file", path, "sync", "--profile", "shop1")
    assert result.code == without.code == 7
    assert len(shop.drafts()) == 1
    warned, problem = result.lines()
    assert warned == f"klarna24: the log file {path}: {consequence}"
    assert "BAD is blocked" in problem


@pytest.mark.parametrize(
    ("where", "command"),
    [
        ("klarna24.run.sync.plan", ["sync", "--now", "--profile", "shop1"]),
        ("klarna24.cli.status.status", ["status"]),
    ],
    ids=["in a profile's run", "elsewhere"],
)
def test_a_bug_is_shown_in_full_once_on_stderr_and_once_in_the_file(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, where: str, command: list[str]
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("here")

    monkeypatch.setattr(where, broken)
    path = shop.folder / "x.log"
    result = shop.run("-v", "--log-file", str(path), *command)
    assert result.code == 1
    assert result.err.count("ZeroDivisionError: here") == 1
    assert result.err.count("Traceback (most recent call last):\n  File ") == 1
    lines = path.read_text("utf-8").splitlines()
    (first,) = [number for number, line in enumerate(lines) if LINE.fullmatch(line) and " ERROR " in line]
    assert lines[first + 1] == "    Traceback (most recent call last):"
    assert lines.count("    ZeroDivisionError: here") == 1


def test_a_run_that_is_not_due_loads_nothing_slow_for_its_log(shop: Shop) -> None:
    shop.sync()
    script = (
        "import sys\n"
        "from klarna24.cli.main import run\n"
        "code = run(sys.argv[1:])\n"
        "slow = {'keyring', 'lxml', 'requests', 'rich', 'urllib3', 'zeep', 'logging.handlers'}\n"
        "print(code, sorted(slow & set(sys.modules)))\n"
    )
    arguments = ["--config", str(shop.config), "--log-file", str(shop.folder / "x.log"), "sync", "--all"]
    ended = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        env={name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.stdout, ended.stderr) == ("0 []\n", "")


@pytest.mark.parametrize("mode", [0o644, 0o666, 0o640])
def test_a_file_that_others_can_open_is_closed_to_them_with_a_word(
    tmp_path: Path, mode: int, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "klarna24.log"
    path.touch()
    path.chmod(mode)
    for _ in range(2):
        with logging_to(0, path):
            logging.getLogger("klarna24.run").info("a line")
    assert path.stat().st_mode & 0o777 == 0o600
    assert capsys.readouterr().err.count(f"was open to other users (mode {mode:o})") == 1
    assert path.read_text().count("a line") == 2


@pytest.mark.parametrize("kind", ["a link", "a second name"])
def test_in_a_folder_that_others_can_write_to_no_link_is_followed(
    tmp_path: Path, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    target, path = tmp_path / "target", tmp_path / "open" / "klarna24.log"
    target.write_text("precious")
    path.parent.mkdir()
    if kind == "a link":
        path.symlink_to(target)
    else:
        path.hardlink_to(target)
    path.parent.chmod(0o1777)
    with logging_to(0, path):
        logging.getLogger("klarna24.run").info("a line")
    assert target.read_text() == "precious"
    assert "this run is not logged" in capsys.readouterr().err
    path.parent.chmod(0o700)
    with logging_to(0, path):
        logging.getLogger("klarna24.run").info("a line")
    assert "a line" in target.read_text(), "in a folder of one's own, a link is one's own"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_file_of_somebody_else_is_not_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "klarna24.log"
    path.touch()
    os.chown(path, 65534, 65534)
    with logging_to(0, path):
        logging.getLogger("klarna24.run").info("a line")
    assert path.read_text() == ""
    assert "belongs to another user; this run is not logged" in capsys.readouterr().err
