"""States that earlier versions wrote (files/README.md) open, in the words of today."""

import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from klarna24.config.folders import STATE_FILE
from klarna24.errors import StateFault
from klarna24.state.store import State
from klarna24.text.sentences import from_stored
from tests.support import data
from tests.support.shops import snapshot
from tests.support.state import sql

FILES = Path(__file__).parent / "files"
VERSIONS = [path.stem for path in sorted(FILES.glob("version-*.sqlite"))]
WORDS = data(__file__, "words.toml")
STATUSES, MESSAGES = WORDS["statuses"], WORDS["messages"]
NEW_WORDS = {"status", "reason", "hint", "wording", "what", "answer", "code"}  # the columns that may change,
NEW_WORDS |= {"fingerprint"}  # or go,
NEW_WORDS |= {"remarks", "voucher_currency", "settings"}  # or come,
NEW_WORDS |= {"booked_at", "ledger_sums", "ledger_read_at"}
RENAMED = {"until_changed": "awaits_order"}


@pytest.fixture(params=VERSIONS)
def old(request: pytest.FixtureRequest, folder: Path) -> Path:
    """The folder of a state that an earlier version has written."""
    folder.mkdir(mode=0o700)
    shutil.copy(FILES / f"{request.param}.sqlite", folder / STATE_FILE)
    return folder


def rows(folder: Path, table: str) -> list[dict[str, Any]]:
    with closing(sqlite3.connect(folder / STATE_FILE)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(f"SELECT * FROM {table} ORDER BY 1")]


def unchanged(row: dict[str, Any]) -> dict[str, Any]:
    """The columns that no migration may change, but for their names."""
    return {RENAMED.get(name, name): value for name, value in row.items() if name not in NEW_WORDS}


def schema(folder: Path) -> dict[str, str]:
    """Without comments."""
    found = sql(folder, "SELECT name, coalesce(sql, '') FROM sqlite_master ORDER BY name")
    return {name: re.sub(r"--.*|\s", "", text) for name, text in found}


def test_statuses_and_their_problems_have_the_words_of_today(old: Path) -> None:
    with closing(State.open(old)) as state:
        found = [row for name in ("shop1", "shop2") for ref in STATUSES for row in state.by_reference(name, ref)]
    assert {row.key.payment_reference: row.status for row in found} == STATUSES
    problems = {row.key.payment_reference: row.problem for row in found if row.problem}
    assert {name: problems[name].message for name in MESSAGES} == MESSAGES
    assert problems.keys() == {*MESSAGES, "IN-DOUBT"}
    assert not [problem.hint for problem in problems.values() if "posted" in problem.hint]
    assert "klarna24 resolve --profile shop1 IN-DOUBT --drafted;" in problems["IN-DOUBT"].hint
    for row in rows(old, "payout"):
        if row["wording"]:
            assert from_stored(row["wording"]) == (row["reason"], row["hint"]), "both say the same"


def test_the_log_has_the_words_of_today(old: Path) -> None:
    before = rows(old, "event")
    with closing(State.open(old)) as state:
        events = [*state.events(None)]
    assert not {event.what for event in events} & {"posted", "held"}
    answers = {(event.payment_reference or "", event.what): event.answer for event in events}
    expected = {(name, what): answer for name, of in WORDS["answers"].items() for what, answer in of.items()}
    assert {key: answers[key] for key in expected} == expected
    renamed = {(row["what"], row["answer"]) for row in before} - {(event.what, event.answer) for event in events}
    old_words = {"posted", "held", "in-doubt"} if any(row["what"] == "posted" for row in before) else set()
    assert {what for what, _ in renamed} == old_words, "all others are as they were"


def test_mailed_problems_have_the_words_of_today(folder: Path) -> None:
    folder.mkdir()
    shutil.copy(FILES / "version-2.sqlite", folder / STATE_FILE)
    before = rows(folder, "trouble")
    State.open(folder).close()
    after = rows(folder, "alert")
    assert [unchanged(row) for row in after] == [unchanged(row) for row in before]
    codes = [row["code"].replace("changed-after-posting", "changed") for row in before]
    assert [row["code"] for row in after] == codes
    assert "changed" in codes
    hints = dict(from_stored(row["wording"]) for row in after)
    assert hints.keys() > set(MESSAGES.values())
    assert not [hint for hint in hints.values() if "posted" in hint]
    (changed,) = (hint for message, hint in hints.items() if "at Klarna after it was drafted: sett" in message)
    assert changed.endswith("then klarna24 resolve --profile shop1 DRAFTED --drafted; it is never drafted again")


def test_nothing_else_changes(old: Path, tmp_path: Path) -> None:
    before = {table: rows(old, table) for table in ("payout", "event", "profile")}
    State.open(old).close()
    for table, were in before.items():
        assert [unchanged(row) for row in rows(old, table)] == [unchanged(row) for row in were]
    assert [row["code"] for row in rows(old, "payout")] == [row["code"] for row in before["payout"]]
    assert sql(old, "PRAGMA foreign_key_check") == []
    assert sql(old, "PRAGMA integrity_check") == [("ok",)]
    State.open(tmp_path / "new").close()
    assert schema(old) == schema(tmp_path / "new"), "as in a new state"


def test_a_reader_sees_the_same_and_leaves_the_file_as_it_is(old: Path) -> None:
    before = snapshot(old)
    with closing(State.for_reading(old)) as reader:
        read = [(reader.waiting(name), reader.counts(name), [*reader.events(name)]) for name in reader.profiles()]
    assert snapshot(old) == before
    with closing(State.open(old)) as state:
        assert read == [
            (state.waiting(name), state.counts(name), [*state.events(name)]) for name in state.profiles()
        ]


def test_a_state_with_a_missing_payout_is_refused_and_left_alone(old: Path) -> None:
    sql(old, "DELETE FROM payout WHERE payment_reference = 'BOOKED'")
    before = (old / STATE_FILE).read_bytes()
    with pytest.raises(StateFault, match="is damaged"):
        State.open(old)
    assert (old / STATE_FILE).read_bytes() == before
