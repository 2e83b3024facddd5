"""A state of years costs a run no more than one of days: counted, not timed."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from benchmarks.years import grow
from klarna24.config.folders import STATE_FILE
from klarna24.state import damage, sqlite
from klarna24.state.base import Database
from klarna24.state.connection import Record, Values
from tests.support.shops import NOON, OpenShop, Shop, shops, simple

TABLES = ("payout", "event", "evidence")
PARTIAL = {"payout_unfinished", "payout_changed", "payout_drafted", "evidence_undelivered"}  # what waits only
BOOKS = ("GetAccountList", "GetTypeList", "GetFiscalYears", "GetClientInformation")


@pytest.mark.parametrize("payouts", [0, 1])
def test_the_log_as_json_is_one_document_of_the_usual_form(open_shop: OpenShop, payouts: int) -> None:
    """It is written piece by piece, since a log of years would not fit into memory."""
    shop = open_shop(payouts=[simple("Größe", sale_amount=100, fee_amount=100)] * payouts)
    if payouts:
        shop.sync()
        shop.resolve("Größe", "--skip", "--note", 'a "note"')
    shown = shop.run("log", "--json")
    assert shown.out == json.dumps(shown.json, ensure_ascii=False, indent=2) + "\n"
    assert (shown.json["version"], shown.json["command"]) == (1, "log")
    assert [event["what"] for event in shown.json["events"]] == ["seen", "sending", "drafted", "skipped"][
        : 4 * payouts
    ]


class Asked(NamedTuple):
    """What a command asked the state: how many statements, how many rows came, and what was read whole for it."""

    statements: int
    rows: int
    whole: set[str]


@contextmanager
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[int, list[str]]]]:
    """The rows and the plan of each statement."""
    asked: list[tuple[int, list[str]]] = []
    query = Database._query

    def counting(self: Database, statement: str, values: Values = ()) -> list[Record]:
        plan = [row[3] for row in self._db.execute(f"EXPLAIN QUERY PLAN {statement}", values).fetchall()]
        found = query(self, statement, values)
        asked.append((len(found), [f"{step}: {statement}" for step in plan if is_whole(step)]))
        return found

    with monkeypatch.context() as patched:
        patched.setattr(Database, "_query", counting)
        yield asked


def is_whole(step: str) -> bool:
    """Whether the step of a plan reads all rows of a table, of an index, or of a profile or a company; an index
    that has all the columns which are needed may be read to count payouts."""
    words = step.split()
    if words[1] not in TABLES or "COVERING" in words or PARTIAL & {*words}:
        return False
    return words[0] == "SCAN" or step.endswith(("(profile=?)", "(client_id=?)", "(profile=? AND client_id=?)"))


def asked(shop: Shop, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Asked:
    with counted(monkeypatch) as them:
        assert shop.run(*arguments).code == 0
    return Asked(len(them), sum(rows for rows, _ in them), {step for _, steps in them for step in steps})


@pytest.fixture
def shop(open_shop: OpenShop) -> Shop:
    """It has one payout, of which years are made."""
    shop = open_shop(payouts=[simple(f"D{NOON.date()}")])
    assert shop.sync().code == 0
    return shop


@pytest.mark.parametrize(
    "command",
    [
        *("sync --all", "sync --all --now", "dry-run --all", "status", "status --json", "log -n 5"),
        f"list --month {NOON:%Y-%m}",
    ],
)
def test_a_command_asks_a_state_of_years_no_more_than_one_of_months(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    restore = shop.backup()
    assert grow(shop.state, 120) == 120
    months = asked(shop, monkeypatch, *command.split())
    restore()
    assert grow(shop.state, 1200) == 1200
    years = asked(shop, monkeypatch, *command.split())
    assert (years.statements, years.rows, years.whole) == (months.statements, months.rows, set())


def test_an_archive_of_years_is_not_read_by_each_run(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.top["archive"] = str(shop.folder / "archive")
    shop.write()
    assert shop.sync("--now").code == 0
    restore = shop.backup()
    grow(shop.state, 120)
    months = asked(shop, monkeypatch, "sync", "--all", "--now")
    restore()
    grow(shop.state, 1200)
    assert asked(shop, monkeypatch, "sync", "--all", "--now")[:2] == months[:2]


def test_a_company_is_asked_for_its_books_once_for_all_of_its_shops(open_shop: OpenShop) -> None:
    shop = shops(open_shop, 6)
    assert shop.run("sync", "--all", "--jobs", "3").code == 0
    calls = shop.box.calls()
    assert {name: calls[name] for name in BOOKS} == dict.fromkeys(BOOKS, 1)
    assert len(shop.drafts()) == 6
    shop.run("report", "--all", "--month", f"{NOON:%Y-%m}")
    calls = shop.box.calls()
    assert (calls["GetAccountList"], calls["GetClientInformation"]) == (2, 2)


def test_a_shop_with_a_wrong_voucher_type_stops_none_of_its_company(open_shop: OpenShop) -> None:
    shop = shops(open_shop, 3, shop1={"voucher": {"type": "Nonsense"}})
    result = shop.run("sync", "--all")
    assert result.code == 3
    assert "shop1" in result.err
    assert "shop2" not in result.err
    assert len(shop.drafts()) == 2
    assert shop.box.calls()["GetTypeList"] == 1


# The file is proved sound before anything is sent, and not where nothing is


@contextmanager
def checks(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The path at each check of the whole file."""
    done: list[str] = []
    check = damage.check_integrity

    def noting(connection: sqlite3.Connection, path: Path) -> None:
        done.append(path.name)
        check(connection, path)

    with monkeypatch.context() as patched:
        patched.setattr(sqlite, "check_integrity", noting)
        yield done


def test_only_a_run_that_has_something_to_send_reads_the_whole_file_and_once(
    open_shop: OpenShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = shops(open_shop, 3)
    with checks(monkeypatch) as done:
        assert shop.run("sync", "--all").code == 0
        assert done == [STATE_FILE]
        for command in ("sync --all", "sync --all --now", "status", "dry-run --all", "log", "list"):
            assert shop.run(*command.split()).code == 0
        assert done == [STATE_FILE]
        assert shop.run("check", "--profile", "shop1", "--history", "0").code == 0
        assert done == [STATE_FILE] * 2


def test_a_run_that_meets_damage_changes_nothing_before_it_says_so(shop: Shop) -> None:
    """A damaged index hides the payout, which would be a new one."""
    path, reference = shop.state / STATE_FILE, f"D{NOON.date()}".encode()
    whole = path.read_bytes()
    places = [at for at in range(len(whole)) if whole.startswith(reference, at)]
    refused = 0
    for at in places:
        path.write_bytes(whole[:at] + b"X" + whole[at + 1 :])
        before = path.read_bytes()
        result = shop.sync("--now")
        if result.code == 3:
            assert "is damaged" in result.err
            assert path.read_bytes() == before
            refused += 1
        assert len(shop.drafts()) == 1
    assert refused, "otherwise this test shows nothing"
