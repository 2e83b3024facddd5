"""What was done is kept: on disk before the call, by one run at a time, and never by guesswork."""

import json
import os
import resource
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import date
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from klarna24.bookkeeping import mapping
from klarna24.bookkeeping.payout import Payout
from klarna24.bookkeeping.voucher import Voucher
from klarna24.errors import Locked, Problem, StateFault
from klarna24.state import database
from klarna24.state.lock import only_run
from klarna24.state.records import Owner
from klarna24.state.store import State
from tests.support import ROOT
from tests.support.bookkeeping import books, payout, profile
from tests.support.shops import OpenShop, Shop, simple, snapshot

FILE = "klarna24.sqlite"
OWNER = Owner("shop1", 3000024, "live")
DAY = date(2026, 11, 19)
FIGURES = {"settlement": 96250, "sale": 100000, "fee": 3000, "tax": 750}
PROBLEM = Problem("residual", "the totals do not add up", "look at Klarna's report", "XISA93DJ")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def state(folder: Path) -> Iterator[State]:
    with closing(State.open(folder)) as opened:
        yield opened


def a_payout(reference: str = "XISA93DJ", **over: Any) -> Payout:
    return payout(FIGURES, payment_reference=reference, **over)


def a_voucher(of: Payout) -> Voucher:
    made = mapping.voucher_for(of, (), profile(), books())
    assert made is not None
    return made


def send(state: State, of: Payout, owner: Owner = OWNER) -> int | None:
    return state.sending(owner, of, a_voucher(of))


def status(state: State, of: Payout, owner: Owner = OWNER) -> str | None:
    row = state.row(owner, of.key)
    return row.status if row else None


def log(state: State) -> list[tuple[str | None, str]]:
    return [(event.payment_reference, event.what) for event in state.events("shop1")]


def sql(path: Path, *statements: str) -> list[Any]:
    """Straight into the file, as nothing in klarna24 does it."""
    with closing(sqlite3.connect(path)) as connection, connection:
        return [connection.execute(statement).fetchall() for statement in statements][-1]


# The folder and the file


def test_folder_and_files_are_for_their_owner_alone(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[simple("XISA93DJ")])
    old = os.umask(0)  # as careless as can be
    try:
        assert shop.sync().code == 0
    finally:
        os.umask(old)
    paths = [shop.state, *shop.state.rglob("*")]
    assert {path.name for path in paths} >= {FILE, "sessions", "locks", "shop1.lock"}
    modes = {str(path.relative_to(shop.folder)): path.stat().st_mode & 0o777 for path in paths}
    assert modes == {name: 0o700 if (shop.folder / name).is_dir() else 0o600 for name in modes}


def test_a_folder_that_others_can_read_is_closed(folder: Path) -> None:
    folder.mkdir(mode=0o755)
    State.open(folder).close()
    assert folder.stat().st_mode & 0o777 == 0o700


def test_what_is_written_is_there_for_the_next(folder: Path) -> None:
    of = a_payout()
    with closing(State.open(folder)) as first:
        row_id = send(first, of)
    with closing(State.open(folder)) as second:
        row = second.row(OWNER, of.key)
        assert row is not None
        assert (row.id, row.status, row.payout_date, row.totals) == (row_id, "sending", DAY, of.totals.named())
        assert row.fingerprint == a_voucher(of).fingerprint()
    assert sorted(path.name for path in folder.iterdir()) == [FILE], "no helper files are left behind"


def test_all_that_a_look_up_needs_is_on_disk_before_the_call(folder: Path, state: State) -> None:
    """Another process sees it while this one still runs."""
    of = a_payout()
    send(state, of)
    ((account, day, amount, sums, name),) = sql(
        folder / FILE, "SELECT anchor_account, anchor_date, anchor_amount, sums, bundle_name FROM payout"
    )
    assert (account, day, amount, name) == (1930, "2026-11-19", "962.50", "Klarna XISA93DJ 2026-11-19")
    assert json.loads(sums) == {"1930": "962.50", "1580": "-1000.00", "6064": "30.00", "2641": "7.50"}


# Foreign, newer and broken files


def no_sqlite(path: Path) -> None:
    path.write_bytes(b"these are not the rows you are looking for" * 50)


def foreign_sqlite(path: Path) -> None:
    sql(path, "CREATE TABLE payout (id INTEGER)", "INSERT INTO payout VALUES (1)")


def foreign_version(path: Path) -> None:
    sql(path, "PRAGMA user_version = 1")


def newer(path: Path) -> None:
    State.open(path.parent).close()
    (version,) = sql(path, "PRAGMA user_version")[0]
    sql(path, f"PRAGMA user_version = {version + 1}")


def cut_in_half(path: Path) -> None:
    State.open(path.parent).close()
    path.write_bytes(path.read_bytes()[:6000])


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (no_sqlite, "not klarna24's database"),
        (foreign_sqlite, "not klarna24's database"),
        (foreign_version, "not klarna24's database"),
        (newer, "newer klarna24"),
        (cut_in_half, "is damaged|cannot be used"),
    ],
)
def test_a_file_that_is_not_ours_is_refused_and_left_alone(
    shop: Shop, make: Callable[[Path], None], says: str
) -> None:
    shop.state.mkdir(mode=0o700)
    path = shop.state / FILE
    make(path)
    before = path.read_bytes()
    with pytest.raises(StateFault, match=says):
        State.open(shop.state)
    with pytest.raises(StateFault):
        State.snapshot(shop.state)
    for result in (shop.sync(), shop.dry_run()):
        assert result.code == 3
        assert str(shop.state) in result.err
        assert "Traceback" not in result.err
    assert path.read_bytes() == before
    assert not shop.box.calls()["SaveBundleList"]


def test_a_migration_that_fails_leaves_the_old_state_whole(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All missing migrations are one transaction."""
    with closing(State.open(folder)) as first:
        send(first, a_payout())
    before = (folder / FILE).read_bytes()
    good = "CREATE TABLE novelty (id INTEGER);"
    with monkeypatch.context() as patch:
        patch.setattr(database, "MIGRATIONS", (*database.MIGRATIONS, good, "CREATE TABLE payout (id INTEGER);"))
        with pytest.raises(StateFault):
            State.open(folder)
    assert (folder / FILE).read_bytes() == before
    with monkeypatch.context() as patch:
        patch.setattr(database, "MIGRATIONS", (*database.MIGRATIONS, good))
        with closing(State.open(folder)) as migrated:
            assert status(migrated, a_payout()) == "sending"
        with closing(State.open(folder)):
            pass
    with pytest.raises(StateFault, match="newer"):
        State.open(folder)


def test_a_new_state_whose_making_fails_is_no_state(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(database, "MIGRATIONS", (*database.MIGRATIONS, "nonsense;"))
        with pytest.raises(StateFault):
            State.open(folder)
    State.open(folder).close()


def test_several_runs_may_open_a_new_state_at_once(folder: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: State.open(folder).close(), range(16)))
    assert sql(folder / FILE, "PRAGMA integrity_check") == [("ok",)]


# A state that cannot be used: exit code 3, and nothing was sent


def in_the_folders_place(state: Path) -> None:
    state.write_text("")


def in_the_databases_place(state: Path) -> None:
    (state / FILE).mkdir(parents=True)


def in_the_locks_place(state: Path) -> None:
    state.mkdir()
    (state / "locks").write_text("")


@pytest.mark.parametrize("make", [in_the_folders_place, in_the_databases_place, in_the_locks_place])
def test_an_unusable_folder_is_exit_code_3_before_anything_is_sent(
    shop: Shop, make: Callable[[Path], None]
) -> None:
    make(shop.state)
    result = shop.sync("--json")
    assert result.code == 3
    (problem,) = result.json["profiles"][0]["problems"]
    assert problem["code"] == "state"
    assert str(shop.state) in problem["message"]
    assert problem["hint"]
    assert not shop.box.requests, "neither Klarna nor 24SevenOffice was even asked"


@contextmanager
def no_file_larger_than(size: int) -> Iterator[None]:
    """The kernel refuses to write beyond, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_never_sends_what_is_not_written_down(open_shop: OpenShop) -> None:
    """Wherever it strikes: a clear fault, and when there is space again each payout has been saved once."""
    struck = set()
    for pages in count():
        shop = open_shop(payouts=[simple(f"REF{number:02}") for number in range(24)])
        State.open(shop.state).close()
        with no_file_larger_than((shop.state / FILE).stat().st_size + pages * 4096):
            result = shop.sync("--json")
        saved = len(shop.drafts())
        assert result.code in {0, 3}
        if result.code == 3:
            struck.add("before" if saved == 0 else "between" if saved < 24 else "after")
            assert [problem["code"] for problem in result.json["profiles"][0]["problems"]] == ["state"]
            assert "Traceback" not in result.err
        assert shop.sync().code in {0, 8}, "8 where the answer could not be written down"
        assert sorted(shop.drafts()) == sorted(set(shop.drafts())), "none twice"
        assert len(shop.drafts()) == shop.box.calls()["SaveBundleList"] == 24, "and none is lost"
        if result.code == 0:
            break
    assert struck >= {"before", "between"}, "there is nothing to see in this test otherwise"


def test_a_database_that_is_full_is_a_clear_fault(
    state: State, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite's own "database or disk is full"."""
    connect = sqlite3.connect

    def cramped(*args: Any, **kwargs: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(*args, **kwargs)
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")
        return connection

    monkeypatch.setattr(sqlite3, "connect", cramped)
    many = [(a_payout(f"REF{number}"), DAY) for number in range(200)]
    with closing(State.open(folder)) as full, pytest.raises(StateFault, match="full"):
        full.listed(OWNER, many, "scope")
    assert state.unfinished(OWNER) == [], "all or nothing"
    assert sql(folder / FILE, "PRAGMA integrity_check") == [("ok",)]


# Compare and set


def test_of_many_that_want_to_send_a_payout_one_may(folder: Path, state: State) -> None:
    for number in range(5):
        of = a_payout(f"REF{number}")

        def attempt(_: int, of: Payout = of) -> int | None:
            with closing(State.open(folder)) as own:
                return send(own, of)

        with ThreadPoolExecutor(8) as pool:
            winners = [won for won in pool.map(attempt, range(8)) if won is not None]
        assert len(winners) == 1
    assert log(state) == [(f"REF{number}", "sending") for number in range(5)]


@pytest.mark.parametrize(
    ("answer", "may"),
    [("drafted", False), ("in-doubt", False), (None, False), ("rejected", True), ("ready", True)],
    ids=str,
)
def test_only_what_was_not_saved_may_be_sent_again(state: State, answer: Any, may: bool) -> None:
    of = a_payout()
    row_id = send(state, of)
    assert row_id is not None
    if answer:
        state.answered(
            OWNER, row_id, answer, "as it said", PROBLEM if answer in {"rejected", "in-doubt"} else None
        )
    assert (send(state, of) is not None) is may


@pytest.mark.parametrize("answer", ["drafted", "in-doubt", None], ids=str)
def test_in_doubt_outranks_blocked_and_skipped(state: State, answer: Any) -> None:
    """Only the ledger or a person ends it, whatever else has become wrong with the payout meanwhile."""
    of = a_payout()
    row_id = send(state, of)
    assert row_id is not None
    if answer:
        state.answered(OWNER, row_id, answer, "as it said", PROBLEM if answer == "in-doubt" else None)
    before = state.row(OWNER, of.key)
    state.block(OWNER, of, DAY, PROBLEM)
    state.skip(OWNER, of, DAY)
    state.listed(OWNER, [(of, DAY)], "scope")
    assert state.row(OWNER, of.key) == before
    assert send(state, of) is None


@pytest.mark.parametrize("first", ["hold", "skip of zeros", "listed"])
def test_what_was_never_sent_may_be_sent(state: State, first: str) -> None:
    of = a_payout()
    if first == "hold":
        state.block(OWNER, of, DAY, PROBLEM)
    elif first == "listed":
        state.listed(OWNER, [(of, DAY)], "scope")
    else:
        state.skip(OWNER, payout({}), DAY)
    assert send(state, of) is not None


def test_what_a_person_skipped_stays_skipped_and_what_was_skipped_as_empty_does_not(state: State) -> None:
    state.skip(OWNER, a_payout(), DAY)
    row = state.row(OWNER, a_payout().key)
    assert row is not None
    state.resolve(row, "skipped", "a person ended it", None)
    assert send(state, a_payout()) is None
    state.skip(OWNER, a_payout("EMPTY"), DAY)
    assert send(state, a_payout("EMPTY")) is not None


# The unique key


def test_the_key_is_company_environment_merchant_reference_and_currency(state: State) -> None:
    of = a_payout()
    assert send(state, of) is not None
    for profile_name in ("shop1", "twin", "renamed"):
        assert send(state, of, OWNER._replace(profile=profile_name)) is None, "the profile is an attribute"
    others: list[tuple[Payout, Owner]] = [
        (of, OWNER._replace(client_id=3000025)),
        (of, OWNER._replace(environment="playground")),
        (a_payout(merchant_id="N100199"), OWNER),
        (a_payout("XISA93DK"), OWNER),
        (a_payout("xisa93dj"), OWNER),
    ]
    for other, owner in others:
        assert status(state, other, owner) is None
        assert send(state, other, owner) is not None


def test_no_second_row_can_be_written_past_it(folder: Path, state: State) -> None:
    send(state, a_payout())
    columns = "client_id, environment, merchant_id, payment_reference, currency, payout_date, status, totals"
    into, values = f"{columns}, profile, created_at, changed_at", f"{columns}, 'twin', 0, 0"
    copy = f"INSERT INTO payout ({into}) SELECT {values} FROM payout"
    with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
        sql(folder / FILE, copy)


# Events


def test_every_change_is_logged_with_who_and_what(state: State) -> None:
    of = a_payout()
    state.listed(OWNER, [(of, DAY)], "scope")
    state.block(OWNER, of, DAY, PROBLEM)
    row_id = send(state, of)
    assert row_id is not None
    state.answered(OWNER, row_id, "drafted", "Ok")
    assert log(state) == [("XISA93DJ", what) for what in ("seen", "blocked", "sending", "drafted")]
    last = state.events("shop1")[-1]
    assert (last.answer, last.profile) == ("Ok", "shop1")
    assert "@" in last.who


@pytest.mark.parametrize("change", ["listed", "hold", "skip", "sending", "answered", "adopt"])
def test_a_change_and_its_event_are_one_transaction(folder: Path, state: State, change: str) -> None:
    """Where the event cannot be written, the change is not."""
    of, sent = a_payout(), a_payout("SENT")
    row_id = send(state, sent)
    assert row_id is not None
    sent_row = state.row(OWNER, sent.key)
    assert sent_row is not None
    sql(
        folder / FILE,
        "CREATE TRIGGER no_events BEFORE INSERT ON event BEGIN SELECT RAISE(ABORT, 'no events today'); END",
    )
    changes: dict[str, Callable[[], object]] = {
        "listed": lambda: state.listed(OWNER, [(of, DAY)], "scope"),
        "hold": lambda: state.block(OWNER, of, DAY, PROBLEM),
        "skip": lambda: state.skip(OWNER, of, DAY),
        "sending": lambda: send(state, of),
        "answered": lambda: state.answered(OWNER, row_id, "drafted", "Ok"),
        "adopt": lambda: state.adopt(OWNER._replace(profile="heir"), sent_row),
    }
    with pytest.raises(StateFault, match="no events today"):
        changes[change]()
    assert status(state, of) is None
    assert state.row(OWNER, sent.key) == sent_row
    assert state.scope("shop1") is None
    sql(folder / FILE, "DROP TRIGGER no_events")
    changes[change]()
    assert len(log(state)) + len(state.events("heir")) == 2, (
        "and after the failure it goes on as if nothing had been"
    )


def test_a_payout_that_is_blocked_each_night_makes_one_event_until_something_is_new(state: State) -> None:
    of = a_payout()
    for _ in range(3):
        state.block(OWNER, of, DAY, PROBLEM)
    assert log(state) == [("XISA93DJ", "blocked")]
    state.block(OWNER, of, DAY, Problem("residual", "by other figures", "look", "XISA93DJ"))
    assert log(state) == [("XISA93DJ", "blocked")] * 2


def test_nights_without_news_leave_the_log_as_it_is(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[simple("GOOD"), simple("BAD", sale_amount=100, settlement_amount=99)])
    assert shop.sync().code == 7
    with closing(State.snapshot(shop.state)) as looked:
        first = looked.events(None)
    assert shop.sync("--now").code == 7
    with closing(State.snapshot(shop.state)) as looked:
        assert looked.events(None) == first


# A snapshot


def test_a_snapshot_of_nothing_is_empty_and_makes_nothing(folder: Path) -> None:
    with closing(State.snapshot(folder)) as looked:
        assert status(looked, a_payout()) is None
        assert looked.checkpoint("shop1") is None
        assert looked.events(None) == []
    assert not folder.exists()


def test_whatever_is_done_to_a_snapshot_not_a_byte_on_disk_changes(folder: Path) -> None:
    of, other = a_payout(), a_payout("OTHER")
    with closing(State.open(folder)) as state:
        send(state, of)
    before, modes = snapshot(folder), folder.stat().st_mtime_ns
    with closing(State.snapshot(folder)) as looked:
        assert status(looked, of) == "sending"
        send(looked, other)
        looked.block(OWNER, a_payout("HELD"), DAY, PROBLEM)
        assert status(looked, other) == "sending"
    assert (snapshot(folder), folder.stat().st_mtime_ns) == (before, modes)
    with closing(State.open(folder)) as state:
        assert status(state, other) is None


def test_a_snapshot_is_taken_while_a_run_writes(folder: Path, state: State) -> None:
    send(state, a_payout())
    with closing(sqlite3.connect(folder / FILE, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("UPDATE payout SET status = 'drafted'")
        with closing(State.snapshot(folder)) as looked:
            assert status(looked, a_payout()) == "sending", "what is not committed has not happened"
        writer.execute("ROLLBACK")


KILLED = """
import os, signal, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA cache_size = 1")
connection.execute("PRAGMA cache_spill = 1")
connection.execute("BEGIN IMMEDIATE")
for number in range(40):
    connection.execute("UPDATE payout SET status = 'drafted', totals = totals || zeroblob(4000)")
    connection.execute("INSERT INTO event (at, who, profile, what) VALUES (?, '', '', '')", ("x" * 4000,))
os.kill(os.getpid(), signal.SIGKILL)
"""


def killed_in_the_midst(folder: Path) -> None:
    """A transaction of which a part is in the file already: its journal lies beside it."""
    with closing(State.open(folder)) as state:
        send(state, a_payout())
    subprocess.run([sys.executable, "-c", KILLED, str(folder / FILE)], check=False, timeout=30)
    assert (folder / f"{FILE}-journal").exists()


def test_a_run_that_was_killed_in_the_midst_of_a_change_has_not_made_it(folder: Path) -> None:
    killed_in_the_midst(folder)
    with closing(State.open(folder)) as state:
        assert status(state, a_payout()) == "sending"
        assert log(state) == [("XISA93DJ", "sending")]
    assert not (folder / f"{FILE}-journal").exists()


def test_a_snapshot_sees_through_what_a_killed_run_left(folder: Path) -> None:
    """status and dry-run work before the next sync has cleaned up, and clean up nothing themselves."""
    killed_in_the_midst(folder)
    before = snapshot(folder)
    with closing(State.snapshot(folder)) as looked:
        assert status(looked, a_payout()) == "sending"
    assert snapshot(folder) == before


def test_a_snapshot_of_an_older_version_is_brought_up_to_date_in_memory(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(State.open(folder)) as state:
        send(state, a_payout())
    before = snapshot(folder)
    monkeypatch.setattr(database, "MIGRATIONS", (*database.MIGRATIONS, "CREATE TABLE novelty (id INTEGER);"))
    with closing(State.snapshot(folder)) as looked:
        assert status(looked, a_payout()) == "sending"
    assert snapshot(folder) == before


# One run at a time

HOLDER = """
import sys, time
from pathlib import Path
from klarna24.lock import only_run
with only_run(Path(sys.argv[1]), "shop1"):
    print("blocked", flush=True)
    time.sleep(60)
"""


@contextmanager
def another_run(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A process of its own that holds shop1's lock."""
    command = [sys.executable, "-c", HOLDER, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def test_a_second_run_says_who_and_since_when_and_exits_5(shop: Shop) -> None:
    with another_run(shop.state) as other:
        result = shop.sync("--json")
        assert result.code == 5
        (problem,) = result.json["profiles"][0]["problems"]
        assert problem["code"] == "locked"
        assert f"pid {other.pid}, since 20" in problem["message"]
        assert not shop.box.requests
        assert shop.dry_run().code == 7, "a dry run needs no lock"
        shop.write(None, shop2={})
        assert shop.run("-q", "sync", "--profile", "shop2").code == 7, "another profile does not wait"


def test_the_lock_dies_with_its_process(shop: Shop) -> None:
    with another_run(shop.state) as other:
        assert shop.sync().code == 5
        os.kill(other.pid, signal.SIGKILL)
        other.wait(10)
        assert shop.sync().code == 7
        assert len(shop.drafts()) > 0


def test_the_lock_is_free_again_after_a_fault(folder: Path) -> None:
    with pytest.raises(ZeroDivisionError), only_run(folder, "shop1"):
        raise ZeroDivisionError
    with only_run(folder, "shop1"), pytest.raises(Locked), only_run(folder, "shop1"):
        pass


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff",
        b"{}",
        b'{"pid": "\x1b[31m", "since": 1}',
        b"[]",
        b'{"pid": null}',
    ],
)
def test_a_note_that_cannot_be_read_costs_the_name_alone(folder: Path, content: bytes) -> None:
    with only_run(folder, "shop1"):
        for note in (folder / "locks").glob("*.json"):
            note.write_bytes(content)
        with pytest.raises(Locked, match=r"^another run is under way"), only_run(folder, "shop1"):
            pass
