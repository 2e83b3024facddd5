"""The state is copied between a folder and a server: all of it, or nothing, and the source stays as it is."""

from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from klarna24.config.address import Server
from klarna24.config.folders import STATE_FILE
from klarna24.errors import Locked, StateFault
from klarna24.state import copying
from klarna24.state.connection import Place
from klarna24.state.copying import TABLES, copy
from klarna24.state.folder import WITNESS
from klarna24.state.lock import only_run
from klarna24.state.store import State
from tests.support.shops import OpenShop, Shop, snapshot
from tests.support.state import a_payout, send, sql


@pytest.fixture
def used(open_shop: OpenShop) -> Shop:
    """Many payouts of all kinds, twice, and a report of evidence."""
    shop = open_shop()
    shop.top["archive"] = str(shop.folder / "archive")
    shop.write()
    assert shop.sync().code == 7
    shop.book(0, 2)
    assert shop.sync("--now").code == 7
    return shop


def everything(place: Place) -> dict[str, list[Any]]:
    columns = {table: [row[0] for row in sql(place, *_columns(place, table))] for table in TABLES}
    return {
        table: sql(place, f"SELECT {', '.join(sorted(names))} FROM {table} ORDER BY {', '.join(TABLES[table])}")
        for table, names in columns.items()
    }


def _columns(place: Place, table: str) -> list[str]:
    if isinstance(place, Path):
        return [f"SELECT name FROM pragma_table_info('{table}')"]
    where = f"table_schema = 'klarna24' AND table_name = '{table}'"
    return [f"SELECT column_name FROM information_schema.columns WHERE {where}"]


def test_there_and_back_all_is_equal(
    used: Shop, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "ROWS", 7)
    before, rows = snapshot(used.state), everything(used.state)
    assert all(rows[table] for table in ("meta", "profile", "payout", "event", "evidence"))
    counts = copy(used.state, server, ["shop1"])
    assert counts == {table: len(found) for table, found in rows.items()}
    assert everything(server) == rows
    assert {name: it for name, it in snapshot(used.state).items() if "locks" not in name} == {
        name: it for name, it in before.items() if "locks" not in name
    }
    back = tmp_path / "back"
    copy(server, back, ["shop1"])
    assert everything(back) == rows
    assert {path.name for path in back.iterdir()} == {STATE_FILE, WITNESS}
    with closing(State.open(back)) as state:
        assert send(state, a_payout("NEW")) is not None


def test_rows_of_the_copy_are_numbered_after_those_of_the_source(folder: Path, server: Server) -> None:
    with closing(State.open(folder)) as state:
        numbers = [send(state, a_payout(f"REF{number}")) for number in range(3)]
    copy(folder, server, [])
    with closing(State.open(server)) as state:
        assert send(state, a_payout("NEW")) == max(filter(None, numbers)) + 1


def test_a_host_that_used_the_source_uses_the_copy_and_another_one_too(folder: Path, server: Server) -> None:
    State.open(folder).close()
    copy(folder, server, [])
    for it in (server, replace(server, folder=folder / "other")):
        State.open(it).close()


def test_a_target_that_has_a_state_is_refused(folder: Path, server: Server, tmp_path: Path) -> None:
    elsewhere = replace(server, folder=tmp_path / "elsewhere")
    State.open(folder).close()
    State.open(elsewhere).close()
    for source, target in ((folder, server), (server, folder), (folder, folder), (server, server)):
        with pytest.raises(StateFault, match="there is a state already"):
            copy(source, target, [])


def test_a_source_that_has_no_state_is_refused(folder: Path, server: Server) -> None:
    for source, target in ((folder, server), (server, folder)):
        with pytest.raises(StateFault, match="there is no state to copy"):
            copy(source, target, [])
    assert not folder.exists()


@pytest.mark.parametrize("way", ["there", "back"])
def test_while_a_run_is_under_way_nothing_is_copied(folder: Path, base: Any, tmp_path: Path, way: str) -> None:
    server = Server(base.url, tmp_path / "of the server")
    source, target = (folder, server) if way == "there" else (server, folder)
    State.open(source).close()
    with only_run(source, "shop1"), pytest.raises(Locked):
        copy(source, target, ["shop1"])
    copy(source, target, ["shop1"])


@pytest.mark.parametrize("way", ["there", "back"])
def test_a_copy_that_fails_leaves_nothing_behind(
    folder: Path, base: Any, tmp_path: Path, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = Server(base.url, tmp_path / "of the server")
    source, target = (folder, server) if way == "there" else (server, folder)
    with closing(State.open(source)) as state:
        send(state, a_payout())
    with monkeypatch.context() as patch:
        patch.setattr(copying, "_named", lambda row, seen=[]: seen.append(row) or len(seen))
        with pytest.raises(StateFault, match="differs in the table meta"):
            copy(source, target, [])
    if isinstance(target, Path):
        assert not [*target.iterdir()]
    copy(source, target, [])
    assert everything(target) == everything(source)
