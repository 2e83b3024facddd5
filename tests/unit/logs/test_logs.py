"""What is logged, where it goes, and that nothing depends on it."""

import logging
import os
import re
import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import pytest

from klarna24.http import new_session
from klarna24.logs import configure as logs
from tests.support import ROOT
from tests.support.shops import OpenShop, Shop, simple

LINE = re.compile(r"(\S+) (DEBUG|INFO|WARNING|ERROR) (\d+) (\S+) ([\w.]+): (.+)")  # of the file


@pytest.fixture
def well(open_shop: OpenShop) -> Shop:
    """A shop whose payouts are all drafted."""
    return open_shop(payouts=[simple("XISA93DJ"), simple("XNXP9NA8", 2)])


def sync(shop: Shop, *options: str) -> list[str]:
    return shop.run(*options, "sync", "--profile", "shop1", "--now").lines()


# Levels


def test_a_run_that_is_well_says_nothing_whatever_libraries_say(
    well: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    saying: list[str] = []

    def noisy(url: str | None) -> object:
        for name in saying:
            logging.getLogger(name).error("Connection pool is full")
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.warn("versions do not match", stacklevel=1)
        return new_session(url)

    monkeypatch.setattr("klarna24.klarna.client.new_session", noisy)
    saying += ["urllib3.connectionpool", "zeep", "klarna", "klarna24x"]
    assert sync(well) == []
    saying += ["klarna24.x"]
    assert sync(well) == ["klarna24: Connection pool is full"], "but our own warnings are told"


def test_verbose_says_what_is_done(well: Shop) -> None:
    lines = sync(well, "-v")
    assert [line for line in lines if "XISA93DJ" in line] == [
        "klarna24: shop1: payout XISA93DJ SEK: seen",
        f"klarna24: shop1: payout XISA93DJ SEK: sending: {well.drafts()[1]}",
        "klarna24: shop1: payout XISA93DJ SEK: drafted: Ok",
    ]
    assert f"klarna24: 24SevenOffice: shop1: logged in as {well.box.office.username}" in lines
    assert any(re.fullmatch(r"klarna24: Klarna: 2 payouts from \S+ to \S+, 2 of .*", line) for line in lines)
    assert not [line for line in lines if "urllib3" in line or " ms" in line]


def test_twice_verbose_says_each_question_and_the_libraries_requests(well: Shop) -> None:
    lines = sync(well, "-vv")
    assert any(
        re.fullmatch(r"klarna24: 24SevenOffice: shop1: SaveBundleList: answered, \d+ ms", it) for it in lines
    )
    assert any(re.fullmatch(r"klarna24: Klarna: /payouts: HTTP 200, \d+ bytes, \d+ ms", it) for it in lines)
    assert any(
        re.search(r'urllib3.connectionpool: http.* "GET /settlements/v1/payouts\?start.* 200', it) for it in lines
    )
    assert "klarna24: [profiles.shop1.klarna] password: read from: env" in lines


def test_a_retry_is_told(well: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("random.uniform", lambda low, high: 0.01)
    well.box.faults.arm("klarna-503")
    well.box.faults.arm("html-error", operation="GetTypeList")
    lines = sync(well, "-v")
    assert any(re.fullmatch(r"klarna24: Klarna: /payouts: HTTP 503; asked again in 0.0 s", it) for it in lines)
    assert any("GetTypeList: an answer that is not SOAP (HTTP 500); asked again" in line for line in lines)


def test_handlers_do_not_pile_up(well: Shop) -> None:
    before = list(logging.getLogger().handlers)
    for _ in range(3):
        lines = sync(well, "-v")
        assert len([line for line in lines if "payouts from" in line]) == 1
    assert logging.getLogger().handlers == before
    assert logging.getLogger().level == logging.WARNING


def test_one_within_another_takes_its_place_for_a_while(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As in the demo, which runs commands."""
    log = logging.getLogger("klarna24.x")
    with logs.kept(1, tmp_path / "outer.log"):
        log.info("one")
        with logs.kept(0, None):
            log.info("two")
        log.info("three")
    assert capsys.readouterr().err.splitlines() == ["klarna24: one", "klarna24: three"]
    assert len((tmp_path / "outer.log").read_text().splitlines()) == 2


def test_what_cannot_be_shown_ends_nothing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger(), "handlers", [])  # pytest's own would raise

    class Unshowable:
        def __str__(self) -> str:
            raise ZeroDivisionError

    log = logging.getLogger("klarna24.x")
    with logs.kept(1, None):
        log.info("%d payouts", "no number")
        log.info("it is %s", Unshowable())
        log.info("\x1b[31mred\nnext\x00")
    assert capsys.readouterr().err.splitlines() == [
        "klarna24: %d payouts (TypeError in its values)",
        "klarna24: it is %s (ZeroDivisionError in its values)",
        "klarna24: [31mred next",
    ]


def test_of_a_library_only_what_is_known_to_be_harmless(capsys: pytest.CaptureFixture[str]) -> None:
    zeep = logging.getLogger("zeep.xsd.types.simple")
    with logs.kept(2, None):
        zeep.debug("HTTP Post to %s:\n%s", "address", "<Password>")
        zeep.error("a text without values, which may be made of anything")
        zeep.error("value %s", "of an answer", exc_info=ValueError("another value"))
        logging.getLogger("urllib3.connectionpool").debug(
            "Starting new HTTPS connection (%d): %s:%s", 1, "host", 443
        )
    assert capsys.readouterr().err.splitlines() == [
        "klarna24: zeep.xsd.types.simple: ERROR (what it is about is not shown)",
        "klarna24: zeep.xsd.types.simple: value %s (what it is about is not shown)",
        "(ValueError)",
        "klarna24: urllib3.connectionpool: Starting new HTTPS connection (1): host:443",
    ]


def test_several_profiles_at_a_time_are_told_apart(well: Shop) -> None:
    well.write({"klarna": {"currencies": ["SEK"]}}, shop2={"klarna": {"currencies": ["EUR"]}})
    lines = well.run("-v", "sync", "--all").lines()
    listings = sorted(line.partition("Klarna:")[0] for line in lines if "payouts from" in line)
    assert listings == ["klarna24: shop1: ", "klarna24: shop2: "]


# systemd


def under_the_journal(shop: Shop, folder: Path, stream: str | None, *options: str) -> list[str]:
    """What arrives there; ``stream`` is what systemd says of it, None for the truth."""
    with (folder / "journal").open("w+", encoding="utf-8") as journal:
        found = os.fstat(journal.fileno())
        subprocess.run(
            [sys.executable, "-m", "klarna24", "--config", shop.config, *options, "sync", "--all", "--now"],
            env={**os.environ, "JOURNAL_STREAM": stream or f"{found.st_dev}:{found.st_ino}"},
            cwd=ROOT,
            stderr=journal,
            timeout=60,
            check=False,
        )
        journal.seek(0)
        return journal.read().splitlines()


def test_under_systemd_each_line_has_its_level(open_shop: OpenShop, tmp_path: Path) -> None:
    shop = open_shop(payouts=[simple("GOOD"), simple("BAD", sale_amount=100, settlement_amount=99)])
    lines = under_the_journal(shop, tmp_path, None, "-vv")
    assert all(re.match(r"<[3467]>klarna24: ", line) for line in lines)
    (problem,) = [line for line in lines if line.startswith("<3>")]
    assert "BAD is blocked" in problem
    assert "<6>klarna24: shop1: payout GOOD SEK: drafted: Ok" in lines
    assert any(line.startswith("<7>") and "SaveBundleList: answered" in line for line in lines)


def test_a_ledger_elsewhere_changes_nothing(open_shop: OpenShop, tmp_path: Path) -> None:
    """The variable is inherited by whatever a service starts."""
    shop = open_shop(payouts=[simple("BAD", sale_amount=100, settlement_amount=99)])
    (line,) = under_the_journal(shop, tmp_path, "8:1")
    assert line.startswith("klarna24: shop1: payout BAD is blocked")


# The file


def test_the_file_holds_what_was_done_line_by_line(well: Shop) -> None:
    path = well.folder / "x.log"
    assert sync(well, "--log-file", str(path)) == []
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
    sync(well, "-vv", "--log-file", str(path))
    more = path.read_text("utf-8").splitlines()
    assert len(more) > len(records), "appended"
    assert any(" DEBUG " in line for line in more[len(records) :])


def test_it_is_put_aside_when_a_run_begins_and_five_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "MOST_BYTES", 200)
    folder = tmp_path / "logs"
    folder.mkdir()
    path = folder / "x.log"
    for number in range(8):
        with logs.kept(0, path):
            for _ in range(10):
                logging.getLogger("klarna24.x").info("run %d", number)
    names = ["x.log", *(f"x.log.{number}" for number in range(1, 6))]
    assert sorted(it.name for it in folder.iterdir()) == sorted([*names, "x.log.lock"])
    for name, number in zip(names, range(7, 1, -1), strict=True):
        lines = (folder / name).read_text().splitlines()
        assert [line[-5:] for line in lines] == [f"run {number}"] * 10, "never in the midst of a run"
        assert (folder / name).stat().st_mode & 0o777 == 0o600


def test_what_another_run_has_put_aside_meanwhile_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, aside = tmp_path / "x.log", tmp_path / "x.log.1"

    @contextmanager
    def after_another(lock: Path, seconds: float) -> Iterator[bool]:
        path.replace(aside)
        path.write_text("the other's\n")
        yield True

    monkeypatch.setattr("klarna24.state.lock.only_one", after_another)
    monkeypatch.setattr(logs, "MOST_BYTES", 20)
    path.write_text("much that was written before\n")
    with logs.kept(0, path):
        pass
    assert (path.read_text(), aside.read_text()) == ("the other's\n", "much that was written before\n")


def test_several_processes_lose_no_line(tmp_path: Path) -> None:
    script = (
        "import logging, sys\n"
        "from pathlib import Path\n"
        "from klarna24 import logs\n"
        "logs.MOST_BYTES = 20_000\n"
        "for run in range(2):\n"
        "    with logs.kept(0, Path(sys.argv[1])):\n"
        "        for number in range(200):\n"
        "            logging.getLogger('klarna24.x').info('%s %d %d', sys.argv[2], run, number)\n"
    )
    arguments = [sys.executable, "-c", script, str(tmp_path / "x.log")]
    processes = [subprocess.Popen([*arguments, name], cwd=ROOT) for name in "ab"]
    assert [process.wait(30) for process in processes] == [0, 0]
    files = [path for path in tmp_path.glob("x.log*") if path.suffix != ".lock"]
    assert len(files) > 1, "it was put aside"
    lines = [LINE.fullmatch(line) for path in files for line in path.read_text().splitlines()]
    written = sorted(match[6] for match in lines if match)
    assert written == sorted(f"{name} {run} {number}" for name in "ab" for run in (0, 1) for number in range(200))


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("/dev/full", "No space left on device; this run is not logged any further"),
        ("missing/x.log", "No such file or directory; this run is not logged"),
        ("folder", "Is a directory; this run is not logged"),
        ("pipe", "No such device or address; this run is not logged"),
    ],
    ids=["full", "no folder", "a folder", "a pipe that nobody reads"],
)
def test_a_file_that_cannot_be_written_is_one_line_and_changes_nothing(
    open_shop: OpenShop, name: str, says: str
) -> None:
    shop = open_shop(payouts=[simple("GOOD"), simple("BAD", sale_amount=100, settlement_amount=99)])
    (shop.folder / "folder").mkdir()
    os.mkfifo(shop.folder / "pipe")
    without = shop.dry_run("--json")
    path = shop.folder / name
    result = shop.run("--log-file", str(path), "sync", "--profile", "shop1")
    assert result.code == without.code == 7
    assert len(shop.drafts()) == 1
    warned, problem = result.lines()
    assert warned == f"klarna24: the log file {path}: {says}"
    assert "BAD is blocked" in problem


def test_a_bug_stands_in_the_file_in_full_and_on_stderr_once(well: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("here")

    monkeypatch.setattr("klarna24.run.sync.plan", broken)
    monkeypatch.setattr("klarna24.cli.status.status", broken)
    path = well.folder / "x.log"
    for command in (["sync", "--now", "--profile", "shop1"], ["status"]):
        path.unlink(missing_ok=True)
        result = well.run("-v", "--log-file", str(path), *command)
        assert result.code == 1
        assert result.err.count("ZeroDivisionError: here") == 1
        assert result.err.count("Traceback (most recent call last):\n  File ") == 1
        lines = path.read_text("utf-8").splitlines()
        first = next(number for number, line in enumerate(lines) if "ERROR" in line)
        assert LINE.fullmatch(lines[first])
        traceback = lines[first + 1 :]
        assert traceback[0] == "    Traceback (most recent call last):"
        assert "    ZeroDivisionError: here" in traceback


def test_a_run_that_is_not_due_loads_nothing_slow_for_its_log(well: Shop) -> None:
    sync(well)
    script = (
        "import sys\n"
        "from klarna24.cli import run\n"
        "code = run(sys.argv[1:])\n"
        "slow = {'keyring', 'lxml', 'requests', 'rich', 'urllib3', 'zeep', 'logging.handlers'}\n"
        "print(code, sorted(slow & set(sys.modules)))\n"
    )
    arguments = [
        "--config",
        str(well.config),
        "--log-file",
        str(well.folder / "x.log"),
        "sync",
        "--profile",
        "shop1",
    ]
    plain = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    ended = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        env=plain,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.stdout, ended.stderr) == ("0 []\n", "")
