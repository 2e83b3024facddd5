"""Reading the state: nothing on disk changes, and no run has to wait for a reader."""

import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from klarna24.config.folders import STATE_FILE
from klarna24.errors import Locked, StateFault
from klarna24.state import database, reading
from klarna24.state.connection import Place, Record
from klarna24.state.store import State
from tests.support.processes import end, start, wait_until
from tests.support.shops import OpenShop, simple, snapshot
from tests.support.state import DAY, OWNER, PROBLEM, a_payout, log, send, status

FILES = Path(__file__).parent / "files"

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


def no_file(folder: Path) -> None:
    folder.mkdir()


def one_that_is_sent(folder: Path) -> None:
    with closing(State.open(folder)) as state:
        send(state, a_payout())


def an_unfinished_change(folder: Path) -> None:
    """A part of the transaction is in the file already; its journal lies beside it."""
    one_that_is_sent(folder)
    subprocess.run([sys.executable, "-c", KILLED, str(folder / STATE_FILE)], check=False, timeout=30)
    assert (folder / f"{STATE_FILE}-journal").exists()


def an_older_version(folder: Path) -> None:
    folder.mkdir()
    shutil.copy(FILES / "version-1.sqlite", folder / STATE_FILE)


WRITING: list[Callable[[State], object]] = [
    lambda state: send(state, a_payout()),
    lambda state: state.completed(OWNER),
    State.try_to_write,
]


@pytest.mark.parametrize(
    ("make", "waiting"), [(no_file, 0), (one_that_is_sent, 1), (an_unfinished_change, 1), (an_older_version, 7)]
)
def test_a_reader_changes_not_a_byte_and_can_write_nothing(
    folder: Path, make: Callable[[Path], None], waiting: int
) -> None:
    make(folder)
    before, changed_at = snapshot(folder), folder.stat().st_mtime_ns
    with closing(State.for_reading(folder)) as reader:
        assert len(reader.waiting("shop1")) == waiting
        for write in WRITING:
            with pytest.raises(StateFault):
                write(reader)
    assert (snapshot(folder), folder.stat().st_mtime_ns) == (before, changed_at)


def test_without_a_state_the_answers_are_empty_and_nothing_is_made(folder: Path) -> None:
    with closing(State.for_reading(folder)) as reader:
        assert status(reader, a_payout()) is None
        assert reader.checkpoint("shop1") is None
        assert [*reader.events(None)] == []
    assert not folder.exists()


def test_a_reader_sees_what_is_committed_while_a_run_writes(folder: Path, in_file: State) -> None:
    """At once: it reads the file itself, without copying it."""
    send(in_file, a_payout())
    with closing(sqlite3.connect(folder / STATE_FILE, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("UPDATE payout SET status = 'drafted'")
        with closing(State.for_reading(folder)) as reader:
            assert status(reader, a_payout()) == "sending"
            writer.execute("COMMIT")
            assert status(reader, a_payout()) == "drafted"


def test_a_reader_waits_for_a_commit_but_not_for_ever(
    folder: Path, in_file: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.05)
    with closing(State.for_reading(folder)) as reader:
        with closing(sqlite3.connect(folder / STATE_FILE, isolation_level=None)) as writer:
            writer.execute("BEGIN EXCLUSIVE")
            for read in (lambda: [*reader.events(None)], lambda: State.for_reading(folder)):
                with pytest.raises(Locked):
                    read()
        assert [*reader.events(None)] == []


# Readers keep nobody from writing


@pytest.mark.parametrize("profile", ["shop1", None])
def test_a_log_of_any_length_is_read_by_parts_between_which_a_run_can_write(
    state: State, place: Place, monkeypatch: pytest.MonkeyPatch, profile: str | None
) -> None:
    monkeypatch.setattr(reading, "EVENTS_AT_A_TIME", 3)
    for number in range(7):
        send(state, a_payout(f"REF{number}"))
    asked: list[int] = []
    with closing(State.for_reading(place)) as reader:
        query = reader._query

        def counted(*given: Any) -> list[Record]:
            found = query(*given)
            asked.append(len(found))
            return found

        monkeypatch.setattr(reader, "_query", counted)
        events = reader.events(profile)
        seen = [next(events).payment_reference]
        send(state, a_payout("REF7"))
        seen += [event.payment_reference for event in events]
    assert seen == [f"REF{number}" for number in range(8)]
    assert asked == [3, 3, 2, 0]


QUESTIONS: dict[str, Callable[[State], object]] = {
    "row": lambda state: state.row(OWNER, a_payout("REF1").key),
    "by_reference": lambda state: state.by_reference("shop1", "REF1"),
    "unfinished": lambda state: state.unfinished(OWNER),
    "waiting": lambda state: state.waiting("shop1"),
    "orphans": lambda state: state.orphans(OWNER, ["shop2"]),
    "namesakes": lambda state: state.namesakes(OWNER._replace(environment="playground"), a_payout("REF1").key),
    "anchor_accounts": lambda state: state.anchor_accounts(OWNER),
    "merchants": lambda state: state.merchants(OWNER),
    "check_owner": lambda state: state.check_owner(OWNER),
    "profiles": lambda state: state.profiles(),
    "checkpoint": lambda state: state.checkpoint("shop1"),
    "scope": lambda state: state.scope("shop1"),
    "completed_at": lambda state: state.completed_at("shop1"),
    "last_run": lambda state: state.last_run(OWNER),
    "counts": lambda state: state.counts("shop1"),
    "events": lambda state: [*state.events(None)],
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_run_can_write_while_a_reader_pauses_after_any_question(
    folder: Path, in_file: State, question: str
) -> None:
    """A statement that has not been read to its end would hold a lock, and no commit gets past that."""
    for number in range(3):
        send(in_file, a_payout(f"REF{number}"))
    in_file.listed(OWNER, [(a_payout("NEW"), DAY)], "scope")
    in_file.completed(OWNER)
    with closing(State.for_reading(folder)) as reader:
        assert QUESTIONS[question](reader) or question == "check_owner"
        with closing(sqlite3.connect(folder / STATE_FILE, timeout=0)) as writer, writer:
            writer.execute("DELETE FROM event")


def test_a_dry_run_that_pauses_does_not_keep_a_sync_from_writing(open_shop: OpenShop) -> None:
    """The process is stopped while Klarna answers it, and ends as usual after the sync."""
    shop = open_shop(payouts=[simple("OLD", 20), simple("NEW")])
    assert shop.sync().code == 0
    shop.box.klarna.add(*simple("NEWER"))
    shop.box.faults.arm("klarna-slow", seconds=0.5)
    asked = shop.box.calls()["payouts"]
    dry_run = start(shop, "dry-run", "--profile", "shop1", "--json")
    wait_until(lambda: shop.box.calls()["payouts"] > asked)
    dry_run.send_signal(signal.SIGSTOP)
    try:
        assert shop.sync("--now").code == 0
    finally:
        dry_run.send_signal(signal.SIGCONT)
    assert len(shop.drafts()) == 3
    assert end(dry_run) == (0, "")


# What a killed run left


def test_a_run_that_was_killed_in_the_middle_of_a_change_has_not_made_it(folder: Path) -> None:
    an_unfinished_change(folder)
    with closing(State.for_reading(folder)) as reader:
        assert (status(reader, a_payout()), log(reader)) == ("sending", [("XISA93DJ", "sending")])
    with closing(State.open(folder)) as state:
        assert (status(state, a_payout()), log(state)) == ("sending", [("XISA93DJ", "sending")])
    assert not (folder / f"{STATE_FILE}-journal").exists()


@pytest.mark.parametrize("copied_before", [0, 1])
def test_a_reader_whose_copy_does_not_fit_together_reads_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch, copied_before: int
) -> None:
    """A run undoes the unfinished change and goes on, before or between the reader's copies of the two files."""
    an_unfinished_change(folder)
    copies: list[Path] = []
    copy = shutil.copy

    def overtaken(file: Path, to: str) -> None:
        if len(copies) == copied_before:
            with closing(State.open(folder)) as state:
                state.block(OWNER, a_payout("LATER"), DAY, PROBLEM)
        copies.append(file)
        copy(file, to)

    monkeypatch.setattr(shutil, "copy", overtaken)
    with closing(State.for_reading(folder)) as reader:
        assert (status(reader, a_payout()), status(reader, a_payout("LATER"))) == ("sending", "blocked")
    assert len(copies) == copied_before + 1, "each copy was tried"
