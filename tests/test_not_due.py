"""The note that nothing is due: it saves a run that has nothing to do, and never keeps one that has."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from klarna24 import config, folders, not_due
from tests.conftest import OpenShop, Shop
from tests.loading import loaded_by
from tests.test_heartbeat import monitor
from tests.test_mail import odd
from tests.test_run import simple

HEAVY = {"requests", "urllib3", "zeep", "lxml", "rich", "keyring", "tenacity", "smtplib", "filelock"}


@pytest.fixture
def rested(open_shop: OpenShop) -> Shop:
    """A shop whose run of today is done."""
    shop = open_shop(payouts=[simple("GOOD")])
    assert shop.sync().code == 0
    return shop


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One for each time that profiles.toml was read."""
    times: list[int] = []
    load = config.load

    def counted(*arguments: Any) -> Any:
        times.append(1)
        return load(*arguments)

    monkeypatch.setattr(config, "load", counted)
    return times


def notes(home: Path) -> list[Path]:
    return list((home / ".cache" / "klarna24").glob("not-due-*"))


def test_after_a_run_the_next_that_is_not_due_reads_nothing(rested: Shop, loads: list[int], home: Path) -> None:
    (note,) = notes(home)
    assert note.stat().st_mode & 0o777 == 0o600
    assert rested.sync().code == 0
    assert not loads


def test_a_person_who_asks_is_answered(rested: Shop, loads: list[int]) -> None:
    rested.run("-v", "sync", "--profile", "shop1")
    rested.sync("--json")
    rested.sync("--now")
    assert len(loads) == 3


def test_what_has_changed_is_looked_at(rested: Shop, loads: list[int]) -> None:
    rested.config.write_text(rested.config.read_text() + "\n# a word\n")
    rested.sync()
    assert len(loads) == 1
    rested.sync()
    assert len(loads) == 1, "and noted anew"
    rested.box.klarna.add(*simple("NEW"))
    rested.sync("--now")
    loads.clear()
    rested.sync()
    assert len(loads) == 1, "the state is another"


def test_a_file_that_has_become_wrong_is_a_fault_at_once(rested: Shop) -> None:
    rested.config.write_text(rested.config.read_text().replace("Europe/Stockholm", "Nowhere"))
    assert rested.sync().code == 3


@pytest.mark.parametrize("days", [-1, 1, 400])
def test_only_between_the_run_and_the_next_day(
    rested: Shop, loads: list[int], monkeypatch: pytest.MonkeyPatch, days: int
) -> None:
    """A clock that goes back is as good a reason to look as a new day."""

    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return datetime.now(tz or UTC) + timedelta(days=days)

    monkeypatch.setattr(not_due, "datetime", Clock)
    rested.sync()
    assert loads


def test_no_note_while_a_payout_waits(open_shop: OpenShop, home: Path) -> None:
    shop = open_shop(payouts=[odd("ODD1")])
    assert shop.sync().code == 7
    assert not notes(home)


def test_no_note_where_a_monitor_wants_to_hear(open_shop: OpenShop, home: Path) -> None:
    shop = open_shop(payouts=[simple("GOOD")])
    with monitor() as it:
        shop.write(it.table)
        assert (shop.sync().code, shop.sync().code) == (0, 0)
        assert it.pings == ["/start", "", "/start", ""]
    assert not notes(home)


def test_the_note_of_one_profile_is_not_that_of_all(open_shop: OpenShop, loads: list[int]) -> None:
    shop = open_shop(payouts=[simple("GOOD")])
    other = {"klarna": {"merchant_ids": ["M2"]}}
    shop.write({"klarna": {"merchant_ids": ["N100198"]}}, shop2=other)
    shop.sync()
    shop.box.klarna.add(*simple("OTHER"))
    shop.box.klarna.payouts[-1]["merchant_id"] = "M2"
    assert shop.run("sync", "--all").code == 0
    assert len(shop.drafts()) == 2


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"until": 5}', "\x00", '{"noted_at": "soon", "until": "late"}'])
def test_a_note_that_cannot_be_read_is_none(rested: Shop, loads: list[int], home: Path, text: str) -> None:
    (note,) = notes(home)
    note.write_text(text)
    assert rested.sync().code == 0
    assert loads


def test_a_state_that_is_gone_or_half_written_is_looked_at(rested: Shop, loads: list[int]) -> None:
    journal = rested.state / f"{folders.STATE_FILE}-journal"
    journal.touch()
    rested.sync()
    assert len(loads) == 1
    journal.unlink(missing_ok=True)
    (rested.state / folders.STATE_FILE).unlink()
    rested.sync()
    assert len(loads) == 2


def test_a_cache_that_cannot_be_written_changes_nothing(open_shop: OpenShop, home: Path, loads: list[int]) -> None:
    (home / ".cache").touch()
    shop = open_shop(payouts=[simple("GOOD")])
    assert [shop.sync().code for _ in range(3)] == [0, 0, 0]
    assert len(loads) == 3


@pytest.mark.parametrize("noted", [True, False])
def test_a_run_that_is_not_due_loads_nothing_that_is_slow(rested: Shop, home: Path, noted: bool) -> None:
    if not noted:
        (home / ".cache").rename(home / "away")
    arguments = ["--config", str(rested.config), "sync", "--profile", "shop1"]
    assert loaded_by(arguments, {*HEAVY, "pydantic"}) == (0, [] if noted else ["pydantic"])
