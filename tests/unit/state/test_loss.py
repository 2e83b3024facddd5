"""A used folder without its database is refused until a person says that it is meant."""

import json
import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from klarna24.config.folders import STATE_FILE
from klarna24.errors import StateFault
from klarna24.state.folder import WITNESS
from klarna24.state.migrations import MIGRATIONS
from klarna24.state.store import State
from tests.support.processes import on_a_terminal
from tests.support.shops import Result, Shop, snapshot
from tests.support.state import sql

FILES = Path(__file__).parent / "files"


def removed(state: Path) -> None:
    (state / STATE_FILE).unlink()


def cut_to_nothing(state: Path) -> None:
    (state / STATE_FILE).write_bytes(b"")


def cut_to_a_byte(state: Path) -> None:
    (state / STATE_FILE).write_bytes(b"S")


def only_locks_are_left(state: Path) -> None:
    for path in (state / STATE_FILE, state / WITNESS):
        path.unlink()
    shutil.rmtree(state / "sessions")


def only_sessions_are_left(state: Path) -> None:
    for path in (state / STATE_FILE, state / WITNESS):
        path.unlink()
    shutil.rmtree(state / "locks")


def only_the_witness_is_left(state: Path) -> None:
    removed(state)
    for folder in ("locks", "sessions"):
        shutil.rmtree(state / folder)


LOSSES = [removed, cut_to_nothing, cut_to_a_byte, only_locks_are_left, only_sessions_are_left]
LOSSES += [only_the_witness_is_left]


@pytest.fixture
def used(shop: Shop) -> Shop:
    assert shop.sync("--now").code == 7
    assert shop.drafts()
    return shop


def state_new(shop: Shop, *arguments: str) -> Result:
    return shop.run("state", "new", *arguments)


@pytest.mark.parametrize("lose", LOSSES)
def test_a_lost_database_is_not_made_anew_in_silence(used: Shop, lose: Callable[[Path], None]) -> None:
    drafts = used.drafts()
    lose(used.state)
    before = snapshot(used.state)
    for arguments in (["sync", "--all", "--now"], ["dry-run", "--all"], ["status"], ["log"]):
        result = used.run(*arguments)
        assert (result.code, len(result.lines())) == (3, 1), result.err
        assert "is lost" in result.err
        assert "klarna24 state new" in result.err
    assert {path: it for path, it in snapshot(used.state).items() if "locks" not in path} == {
        path: it for path, it in before.items() if "locks" not in path
    }
    assert used.drafts() == drafts


@pytest.mark.parametrize("lose", LOSSES)
def test_a_person_begins_again(used: Shop, lose: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch) -> None:
    drafts = len(used.drafts())
    lose(used.state)
    asked = state_new(used)
    assert asked.code == 2, "nobody can be asked without a terminal"
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("klarna24.cli.state.read_line", lambda *args, **kwargs: "yes")
    assert state_new(used).out == "nothing was changed\n"
    assert used.sync("--now").code == 3
    monkeypatch.setattr("klarna24.cli.state.read_line", lambda *args, **kwargs: "new")
    assert state_new(used).code == 0
    assert used.sync("--now").code == 7
    assert len(used.drafts()) == 2 * drafts, "as the person was told"
    events = used.run("log", "--json").json["events"]
    assert events[0]["what"] == "state new"
    assert state_new(used, "--yes").code == 2, "this one is not lost"


def test_the_question_says_what_will_happen(used: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    removed(used.state)
    questions: list[str] = []

    def read_line(text: str, **kwargs: bool) -> str:
        questions.append(text)
        return ""

    on_a_terminal(monkeypatch, "")
    monkeypatch.setattr("klarna24.cli.state.read_line", read_line)
    said = state_new(used).err
    assert questions == ["Type new to go on: "]
    for part in ("is lost", "start_date", "never sent", "booked", "drafted again"):
        assert part in said


def test_another_state_is_refused_and_accepted_by_a_person(used: Shop, tmp_path: Path) -> None:
    State.open(tmp_path / "other").close()
    shutil.copy(tmp_path / "other" / STATE_FILE, used.state / STATE_FILE)
    for arguments in (["sync", "--all", "--now"], ["dry-run", "--all"], ["status"]):
        result = used.run(*arguments)
        assert (result.code, len(result.lines())) == (3, 1), result.err
        assert "is another state" in result.err
    copied = sql(used.state, "SELECT value FROM meta")
    assert state_new(used, "--yes").code == 0
    assert sql(used.state, "SELECT value FROM meta") == copied, "it was accepted as it is"
    assert used.run("status").code == 0


@pytest.mark.parametrize("how", ["noise", "a value", "a foreign file"])
def test_a_damaged_state_is_kept_beside_the_new_one(used: Shop, how: str) -> None:
    path = used.state / STATE_FILE
    if how == "noise":
        path.write_bytes(path.read_bytes()[:9000] + b"noise" * 5000)
    elif how == "a value":
        sql(used.state, "UPDATE payout SET totals = 'noise'")
    else:
        path.write_bytes(b"these are not the rows you are looking for" * 50)
    damaged = path.read_bytes()
    result = used.sync("--now")
    assert (result.code, len(result.lines())) == (3, 1), result.err
    assert "is damaged" in result.err
    result = state_new(used, "--yes")
    assert result.code == 0
    kept = Path(result.out.splitlines()[0].removeprefix("kept: "))
    assert kept.read_bytes() == damaged
    assert kept.parent == used.state
    assert used.run("status").code == 0


def test_a_state_that_was_never_lost_needs_no_command(shop: Shop) -> None:
    result = state_new(shop, "--yes")
    assert result.code == 2
    assert not shop.state.exists()


def test_yesterdays_copy_of_the_same_state_is_no_other_state(used: Shop) -> None:
    yesterday = (used.state / STATE_FILE).read_bytes()
    used.sync("--now")
    (used.state / STATE_FILE).write_bytes(yesterday)
    assert used.sync("--now").code == 7


@pytest.mark.parametrize("version", [1, 2, 3])
def test_a_state_of_an_earlier_version_gets_a_witness_and_so_does_its_backup(folder: Path, version: int) -> None:
    folder.mkdir(mode=0o700)
    for _ in range(2):
        shutil.copy(FILES / f"version-{version}.sqlite", folder / STATE_FILE)
        State.for_reading(folder).close()
        State.open(folder).close()
        ((state_id,),) = sql(folder, "SELECT value FROM meta")
        assert json.loads((folder / WITNESS).read_text())["state"] == state_id


@pytest.mark.parametrize("content", [b"", b"\xff", b"[]", b"{}", b'{"state": '])
def test_a_witness_that_cannot_be_read_is_written_again(folder: Path, content: bytes) -> None:
    State.open(folder).close()
    (folder / WITNESS).write_bytes(content)
    State.for_reading(folder).close()
    State.open(folder).close()
    ((state_id,),) = sql(folder, "SELECT value FROM meta")
    assert json.loads((folder / WITNESS).read_text())["state"] == state_id


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE payout SET totals = '{'",
        """UPDATE payout SET totals = '{"sale": "1,00"}'""",
        """UPDATE payout SET totals = '{"sale": "1.00", "tah": "1.00"}'""",
        "UPDATE payout SET payout_date = '2026-13-01'",
        "UPDATE payout SET changed_at = '2026-11-19T03:00:00'",
        "UPDATE payout SET code = 'a new code'",
        "UPDATE payout SET sums = '[]'",
        "UPDATE payout SET wording = '[['",
        "UPDATE payout SET anchor_amount = 'x'",
        "UPDATE payout SET environment = x'ff'",
        "UPDATE payout SET profile = CAST(x'ff' AS TEXT)",
        "UPDATE event SET at = 'yesterday'",
        "UPDATE profile SET completed_at = 5",
        "PRAGMA user_version = 0",
        "DROP INDEX payout_by_profile",
        "DROP TABLE event",
        "ALTER TABLE payout RENAME COLUMN resend TO resent",
        "DELETE FROM meta",
    ],
)
def test_what_cannot_be_read_is_damage_in_one_line(used: Shop, change: str) -> None:
    drafts = used.drafts()
    sql(used.state, change)
    codes = set()
    for arguments in (["status"], ["log"], ["dry-run", "--all"], ["sync", "--all", "--now"]):
        result = used.run(*arguments)
        codes.add(result.code)
        assert result.code in {0, 3, 7}, f"{arguments}: {result}"
        assert "Traceback" not in result.err
        if result.code == 3:
            assert "damaged" in result.err
            assert len(result.lines()) == 1, result.err
    assert 3 in codes
    assert used.drafts() == drafts


def test_the_status_must_be_known(folder: Path) -> None:
    """The table itself keeps an unknown one out, and so would the check before a run."""
    State.open(folder).close()
    sql(folder, "INSERT INTO profile (name) VALUES ('shop1')")
    with closing(State.for_reading(folder)) as state:
        assert state.profiles() == ["shop1"]
        with pytest.raises(StateFault, match="status"):
            state._query("SELECT 'unknown' AS status")


def test_every_version_has_a_file() -> None:
    assert len(list(FILES.glob("version-*.sqlite"))) == len(MIGRATIONS) - 1
