"""Once, or in doubt, across hosts that share a state on a server: each is a process with a folder of its own."""

import random
import signal
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from klarna24.state.postgres import connecting
from klarna24.state.postgres.connection import PostgresConnection
from tests.support import LONG
from tests.support.own_network import in_own_network, is_allowed
from tests.support.postgres import Base, Cluster, new_cluster, why_none
from tests.support.processes import Process, end, start, statuses, wait_until
from tests.support.proxy import Proxy, proxy_to
from tests.support.shops import OpenShop, Shop, simple

POINTS = 60 if LONG else 5  # of those at which something ends, another share in each run; there are up to 200


def some(points: int) -> list[int]:
    return sorted(random.sample(range(points), min(POINTS, points)))


def host(shop: Shop, number: int, *arguments: str) -> Process:
    """A run on a host of its own."""
    return start(
        shop, "--state-dir", str(shop.folder / f"host-{number}"), "sync", "--profile", "shop1", *arguments
    )


def judge(shop: Shop, where: str) -> None:
    """At most one draft of each payout, and each drafted, in doubt, or sent by the last run."""
    names = [name.split()[1] for name in shop.drafts()]
    assert len(names) == len(set(names)), f"{where}: {names}"
    stored = shop.stored()
    assert set(stored) == {"FIRST", "SECOND"}, f"{where}: {stored}"
    for reference, status in stored.items():
        assert status in {"drafted", "sending", "in-doubt"}, f"{where}: {stored}"
        assert status != "drafted" or reference in names, f"{where}: {stored}, {names}"
    assert all(it in stored for it in names), where


# Hosts


def test_six_hosts_at_once_make_fifteen_drafts(open_shop: OpenShop, base: Base) -> None:
    """Each in a network of its own where this machine allows it; the state is reached by a socket."""
    shop = open_shop(payouts=[simple(f"REF{number:02}") for number in range(15)])
    shop.use_server(base)
    starts = [partial(host, shop, number) for number in range(6)]
    if is_allowed():
        hosts = [in_own_network(urlsplit(shop.box.url).port or 0, start) for start in starts]
        ends = [end(process) for process, _ in hosts]
        for _, proxy in hosts:
            proxy.close()
        assert any(proxy.messages for _, proxy in hosts)
    else:
        ends = [end(process) for process in [start() for start in starts]]
    assert {code for code, _ in ends} == {0, 5}, ends
    assert len(shop.drafts()) == len(set(shop.drafts())) == 15
    assert set(shop.stored().values()) == {"drafted"}


def test_a_host_is_killed_in_the_save_and_another_says_in_doubt(open_shop: OpenShop, base: Base) -> None:
    shop = open_shop(payouts=[simple("FIRST"), simple("SECOND", 1)])
    shop.use_server(base)
    shop.box.faults.arm("hang-after-save", seconds=60)
    first = host(shop, 1)
    wait_until(shop.drafts)
    code, said = end(host(shop, 2, "--now"))
    assert (code, "another run is under way" in said, f"pid {first.pid}" in said) == (5, True, True), said
    first.send_signal(signal.SIGKILL)
    end(first)
    shop.box.faults.clear()
    code, said = end(host(shop, 2, "--now"))
    assert code == 8, said
    assert len(shop.drafts()) == 2
    assert sorted(shop.stored().values()) == ["drafted", "in-doubt"]
    assert [*statuses(shop).values()] == ["in-doubt"]


# The connection


@pytest.fixture
def through(base: Base) -> Iterator[tuple[Base, Proxy]]:
    """A database that is reached through a proxy."""
    base.sql(f"GRANT CONNECT, CREATE ON DATABASE {base.name} TO trusted")
    with proxy_to(base.cluster.port) as proxy:
        yield base, proxy


@pytest.mark.parametrize("recovers", [True, False], ids=["it is back at once", "it is gone until the next run"])
def test_the_connection_is_cut_at_every_message(
    open_shop: OpenShop, through: tuple[Base, Proxy], recovers: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("klarna24.run.draft.WRITE_SECONDS", 1.0)
    base, proxy = through

    def new() -> Shop:
        base.empty()
        proxy.heal()
        shop = open_shop(payouts=[simple("FIRST", 2), simple("SECOND", 1)])
        shop.use_server(base)
        url = f"postgresql://trusted@127.0.0.1:{proxy.port}/{base.name}?sslmode=disable&gssencmode=disable"
        shop.top["state"] = url
        shop.write()
        return shop

    whole = new()
    assert whole.sync("--now").code == 0
    messages = proxy.messages
    assert messages > 50
    for number in some(messages):
        shop, where = new(), f"cut at message {number} of {messages}"
        proxy.cut_at, proxy.recovers = number, recovers
        first = shop.sync("--now")
        assert first.code in {0, 5, 8}, f"{where}: {first}"
        assert "Traceback" not in first.err, first.err
        proxy.heal()
        codes = [shop.sync("--now", "--wait", "5").code for _ in range(2)]  # until the server has noticed
        assert codes[0] == codes[1] in {0, 8}, f"{where}: {first}, {codes}"
        judge(shop, where)
        shop.box.stop()


# The server


@pytest.fixture(scope="module")
def own_cluster() -> Iterator[Cluster]:
    """A server that may be killed, and what was committed stays."""
    if why := why_none():
        pytest.skip(why)
    cluster = new_cluster(full_page_writes="on")
    cluster.new_database("shops")
    yield cluster
    cluster.leave()


def test_the_server_is_killed_at_every_statement_of_a_run(
    open_shop: OpenShop, own_cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is started again at once, and has all that was committed."""
    monkeypatch.setattr("klarna24.run.draft.WRITE_SECONDS", 2.0)
    base = Base(own_cluster, "shops")
    statements = kill_at = 0

    def counted(action: Callable[..., object]) -> Callable[..., object]:
        def execute(self: PostgresConnection, *given: object) -> object:
            nonlocal statements
            statements += 1
            if statements == kill_at:
                own_cluster.stop("immediate")
                own_cluster.start()
            return action(self, *given)

        return execute

    for name in ("execute", "executemany", "direct"):
        monkeypatch.setattr(PostgresConnection, name, counted(getattr(PostgresConnection, name)))

    def new() -> Shop:
        base.empty()
        shop = open_shop(payouts=[simple("FIRST", 2), simple("SECOND", 1)])
        shop.use_server(base)
        return shop

    assert new().sync("--now").code == 0
    points = statements
    for number in some(points):
        shop, where = new(), f"killed at statement {number} of {points}"
        statements, kill_at = 0, number + 1
        first = shop.sync("--now")
        assert first.code in {0, 5, 8}, f"{where}: {first}"
        kill_at = 0
        codes = [shop.sync("--now").code for _ in range(2)]
        assert codes[0] == codes[1] in {0, 8}, f"{where}: {first}, {codes}"
        judge(shop, where)
        shop.box.stop()


def test_a_server_that_was_restored_from_yesterday_drafts_nothing_twice(open_shop: OpenShop, base: Base) -> None:
    """Ten were drafted since, and four of them booked: the four are found, and six are in doubt."""
    shop = open_shop(payouts=[simple("EARLIER", 20)])
    shop.use_server(base)
    assert shop.sync().code == 0
    restore = base.backup()
    for number in range(10):
        shop.box.klarna.add(*simple(f"REF{number}", 1))
    assert shop.sync("--now").code == 0
    shop.book(1, 5)
    restore()
    before = shop.drafts()
    result = shop.sync("--now")
    assert (result.code, shop.drafts()) == (8, before)
    assert "the state is older than the books" in result.err
    assert [*statuses(shop).values()] == ["in-doubt"] * 6


def test_a_server_that_is_down_is_exit_code_5_in_one_line(open_shop: OpenShop, tmp_path: Path) -> None:
    shop = open_shop(payouts=[simple("FIRST")])
    shop.top["state"] = "postgresql://klarna24@127.0.0.1:1/klarna24"
    shop.write()
    for command in ("sync --all", "dry-run --all", "status", "log", "list", "check --profile shop1 --json"):
        result = shop.run(*command.split())
        assert result.code == 5, (command, result)
        assert "Traceback" not in result.err
    assert not shop.box.calls()["SaveBundleList"]
    assert connecting.CONNECT_SECONDS <= 10
