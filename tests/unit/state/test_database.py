"""The database file: private, refused where it is not ours, and never the reason why something is sent twice."""

import os
import resource
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from klarna24.config.folders import STATE_FILE
from klarna24.errors import StateFault
from klarna24.state import database
from klarna24.state.migrations import MIGRATIONS
from klarna24.state.store import State
from tests.support.shops import OpenShop, Shop, simple
from tests.support.state import DAY, OWNER, a_payout, send, sql, status

# The folder


def test_folder_and_files_are_for_their_owner_alone(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[simple("XISA93DJ")])
    old = os.umask(0)  # the most careless setting
    try:
        assert shop.sync().code == 0
    finally:
        os.umask(old)
    paths = [shop.state, *shop.state.rglob("*")]
    assert {path.name for path in paths} >= {STATE_FILE, "sessions", "locks", "shop1.lock"}
    modes = {str(path.relative_to(shop.folder)): path.stat().st_mode & 0o777 for path in paths}
    assert modes == {name: 0o700 if (shop.folder / name).is_dir() else 0o600 for name in modes}


def test_a_folder_that_others_can_read_is_closed(folder: Path) -> None:
    folder.mkdir(mode=0o755)
    State.open(folder).close()
    assert folder.stat().st_mode & 0o777 == 0o700


def test_several_runs_may_open_a_new_state_at_once(folder: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: State.open(folder).close(), range(16)))
    assert sql(folder, "PRAGMA integrity_check") == [("ok",)]


def test_a_change_is_on_disk_when_it_ends(folder: Path) -> None:
    """Only a power failure shows the difference, and no test can make one: so this checks the settings. EXTRA (3)
    waits for the disk, also after the journal has been deleted; a journal in memory would not survive a kill."""
    with closing(database.open_for_writing(folder)) as connection:
        settings = {
            name: connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("synchronous", "journal_mode")
        }
    assert settings == {"synchronous": 3, "journal_mode": "delete"}


# Foreign, newer and broken files


def no_sqlite(folder: Path) -> None:
    (folder / STATE_FILE).write_bytes(b"these are not the rows you are looking for" * 50)


def foreign_sqlite(folder: Path) -> None:
    sql(folder, "CREATE TABLE payout (id INTEGER)", "INSERT INTO payout VALUES (1)")


def foreign_version(folder: Path) -> None:
    sql(folder, "PRAGMA user_version = 1")


def newer(folder: Path) -> None:
    State.open(folder).close()
    (version,) = sql(folder, "PRAGMA user_version")[0]
    sql(folder, f"PRAGMA user_version = {version + 1}")


def cut_in_half(folder: Path) -> None:
    State.open(folder).close()
    (folder / STATE_FILE).write_bytes((folder / STATE_FILE).read_bytes()[:6000])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (no_sqlite, "not klarna24's database"),
        (foreign_sqlite, "not klarna24's database"),
        (foreign_version, "not klarna24's database"),
        (newer, "newer klarna24"),
        (cut_in_half, "is damaged|cannot be used"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_and_left_alone(
    shop: Shop, make: Callable[[Path], None], message: str
) -> None:
    shop.state.mkdir(mode=0o700)
    make(shop.state)
    before = (shop.state / STATE_FILE).read_bytes()
    with pytest.raises(StateFault, match=message):
        State.open(shop.state)
    with pytest.raises(StateFault):
        State.for_reading(shop.state)
    for result in (shop.sync(), shop.dry_run()):
        assert result.code == 3
        assert str(shop.state) in result.err
        assert "Traceback" not in result.err
    assert (shop.state / STATE_FILE).read_bytes() == before
    assert not shop.box.calls()["SaveBundleList"]


# A state that cannot be used: exit code 3, and nothing was sent


def in_place_of_the_folder(state: Path) -> None:
    state.write_text("")


def in_place_of_the_database(state: Path) -> None:
    (state / STATE_FILE).mkdir(parents=True)


def in_place_of_the_locks(state: Path) -> None:
    state.mkdir()
    (state / "locks").write_text("")


@pytest.mark.parametrize("make", [in_place_of_the_folder, in_place_of_the_database, in_place_of_the_locks])
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


def test_a_full_disk_never_sends_what_is_not_written_down(
    open_shop: OpenShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whenever the disk gets full: a clear message, and after there is space again each payout is saved once."""
    monkeypatch.setattr("klarna24.run.draft.WRITE_SECONDS", 0.5)  # for which an answer that was Ok waits for space
    full = set()
    for pages in count():
        shop = open_shop(payouts=[simple(f"REF{number:02}") for number in range(24)])
        State.open(shop.state).close()
        sql(shop.state, "VACUUM")  # no free space inside the file
        with no_file_larger_than((shop.state / STATE_FILE).stat().st_size + pages * 4096):
            result = shop.sync("--json")
        saved = len(shop.drafts())
        assert result.code in {0, 3, 8}, "8 where the answer could not be written down"
        if result.code:
            full.add("before" if saved == 0 else "between" if saved < 24 else "after")
            found = [problem["code"] for problem in result.json["profiles"][0]["problems"]]
            assert found == (["state"] if result.code == 3 else ["in-doubt", "state"])
            assert "Traceback" not in result.err
        assert shop.sync().code in {0, 8}, "8 where the answer could not be written down"
        assert sorted(shop.drafts()) == sorted(set(shop.drafts())), "none twice"
        assert len(shop.drafts()) == shop.box.calls()["SaveBundleList"] == 24, "and none is lost"
        if result.code == 0:
            break
    assert full >= {"before", "between"}, "otherwise this test shows nothing"


def test_a_database_that_is_full_is_reported_as_full(
    in_file: State, folder: Path, monkeypatch: pytest.MonkeyPatch
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
    assert in_file.unfinished(OWNER) == [], "all or nothing"
    assert sql(folder, "PRAGMA integrity_check") == [("ok",)]


# Migrations that fail


def test_a_migration_that_fails_leaves_the_old_state_whole(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All missing migrations are one transaction."""
    with closing(State.open(folder)) as first:
        send(first, a_payout())
    before = (folder / STATE_FILE).read_bytes()
    good, bad = "CREATE TABLE novelty (id INTEGER);", "CREATE TABLE payout (id INTEGER);"
    with monkeypatch.context() as patch:
        patch.setattr(database, "MIGRATIONS", (*MIGRATIONS, good, bad))
        for way in (State.open, State.for_reading):
            with pytest.raises(StateFault):
                way(folder)
    assert (folder / STATE_FILE).read_bytes() == before
    with monkeypatch.context() as patch:
        patch.setattr(database, "MIGRATIONS", (*MIGRATIONS, good))
        for _ in range(2):
            with closing(State.open(folder)) as migrated:
                assert status(migrated, a_payout()) == "sending"
    with pytest.raises(StateFault, match="newer"):
        State.open(folder)


def test_a_new_state_that_could_not_be_made_is_no_state(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(database, "MIGRATIONS", (*MIGRATIONS, "nonsense;"))
        with pytest.raises(StateFault):
            State.open(folder)
    State.open(folder).close()
