"""Once, or in doubt: a run that is killed, or cut off, at every one of its points."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from klarna24.sandbox.klarna.generate import make_payout
from tests.support import LONG
from tests.support.fork_server import Ended, ForkServer
from tests.support.processes import statuses
from tests.support.shops import OpenShop, Shop

YESTERDAY = datetime.now(UTC).replace(hour=9, minute=0, second=0, microsecond=0) - timedelta(days=1)
PARTS = 8 if LONG else 2  # so that the search runs in parallel
EVERY = PARTS if LONG else 40


@pytest.fixture(scope="module")
def fork_server() -> Iterator[ForkServer]:
    server = ForkServer()
    yield server
    server.close()


def three(open_shop: OpenShop) -> Shop:
    """With three payouts, one of them without a settlement."""
    payouts = [
        make_payout("FIRST", YESTERDAY, sale_amount=100000, fee_amount=3000, tax_amount=750),
        make_payout("ZERO", YESTERDAY, sale_amount=5000, return_amount=8000, deposit_amount=3000),
        make_payout("LAST", YESTERDAY, sale_amount=20000),
    ]
    return open_shop(payouts=[(payout, []) for payout in payouts])


def run(server: ForkServer, shop: Shop, kill_at: int | None = None) -> Ended:
    arguments = ["--config", str(shop.config), "sync", "--profile", "shop1", "--now"]
    return server.run(arguments, shop.box.environment(), kill_at)


def judge(shop: Shop, code: int, where: str) -> None:
    """At most one draft for each payout, and each payout drafted or in doubt."""
    names = [name.split()[1] for name in shop.drafts()]
    assert len(names) == len(set(names)), f"{where}: drafts {names}"
    events = shop.run("log", "--json").json["events"]
    drafted = {event["payment_reference"]: "drafted" for event in events if event["what"] == "drafted"}
    ends = {**drafted, **statuses(shop)}
    assert set(ends) == {"FIRST", "ZERO", "LAST"}, f"{where}: forgotten: {ends}"
    assert set(ends.values()) <= {"drafted", "in-doubt"}, f"{where}: {ends}"
    assert all(name in names for name, end in ends.items() if end == "drafted"), f"{where}: {ends}, {names}"
    assert code == (8 if "in-doubt" in ends.values() else 0), f"{where}: exit code {code}, {ends}"


@pytest.mark.parametrize("part", range(PARTS))
def test_killed_at_every_point_between_two_io_actions(
    open_shop: OpenShop, fork_server: ForkServer, part: int
) -> None:
    whole = three(open_shop)
    code, points = run(fork_server, whole)
    assert (code, len(whole.drafts())) == (0, 3)
    assert points > 100
    for point in range(part, points, EVERY):
        shop = three(open_shop)
        if run(fork_server, shop, kill_at=point).code != -9:
            assert point >= points - 5, "the number of reads differs a little from run to run"
            break
        codes = [run(fork_server, shop).code for _ in range(3)]
        assert codes[1] == codes[2], f"killed at point {point}: {codes}"
        judge(shop, codes[-1], f"killed at point {point}")
        shop.box.stop()


@pytest.mark.parametrize("processed", [False, True], ids=["before it is acted on", "after it was acted on"])
def test_cut_off_at_every_request(open_shop: OpenShop, processed: bool) -> None:
    whole = three(open_shop)
    assert whole.sync().code == 0
    for number in range(len(whole.box.requests)):
        shop = three(open_shop)
        shop.box.faults.arm("cut", after=number, saved=processed)
        first = shop.sync("--now").code
        codes = [shop.sync("--now").code for _ in range(2)]
        judge(shop, codes[-1], f"cut off at request {number}")
        assert first in {0, 5, 8}, f"cut off at request {number}"
        shop.box.stop()
