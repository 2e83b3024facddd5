"""The archive, killed at every point of writing: no file is ever half there, and the next run repairs the rest."""

import random
from collections.abc import Iterator

import pytest

from tests.support import LONG
from tests.support.archive import assert_complete, assert_whole
from tests.support.fork_server import Ended, ForkServer
from tests.support.shops import OpenShop, Shop, simple

EVERY = 7 if LONG else 40  # of the points, another share in each run


@pytest.fixture(scope="module")
def fork_server() -> Iterator[ForkServer]:
    server = ForkServer()
    yield server
    server.close()


def archiving(open_shop: OpenShop) -> Shop:
    shop = open_shop(payouts=[simple("A1"), simple("B2", days_ago=7)])
    shop.top["archive"] = str(shop.folder / "archive")
    shop.write()
    return shop


def run(server: ForkServer, shop: Shop, *arguments: str, kill_at: int | None = None) -> Ended:
    return server.run(["--config", str(shop.config), *arguments], shop.box.environment(), kill_at)


def search(fork_server: ForkServer, open_shop: OpenShop, prepare: str) -> None:
    """Kills ``klarna24 archive`` at each of its points, after the preparation."""

    def prepared() -> Shop:
        shop = archiving(open_shop)
        if prepare == "reports":  # all is there, but for the PDF reports
            shop.box.faults.arm("klarna-status", status=404, times=None, operation="report")
            assert shop.sync().code == 0
            shop.box.faults.clear()
        else:  # nothing is there, and the vouchers wait
            (shop.folder / "archive").write_text("no folder")
            assert shop.sync().code == 0
            (shop.folder / "archive").unlink()
        return shop

    whole = prepared()
    code, points = run(fork_server, whole, "archive")
    assert code == 0
    assert_complete(whole, 2, "without a kill")
    assert points > 40
    for point in range(random.randrange(EVERY), points, EVERY):
        shop = prepared()
        if run(fork_server, shop, "archive", kill_at=point).code != -9:
            assert point >= points - 5, "the number of reads differs a little from run to run"
            break
        assert_whole(shop.folder / "archive", f"killed at point {point}")
        assert run(fork_server, shop, "sync", "--profile", "shop1", "--now").code == 0
        assert_whole(shop.folder / "archive", f"after {point}")
        assert_complete(shop, 2, f"killed at point {point}")
        shop.box.stop()


@pytest.mark.parametrize("prepare", ["nothing", "reports"])
def test_an_archive_killed_at_every_point_is_whole_and_repaired_by_the_next_run(
    fork_server: ForkServer, open_shop: OpenShop, prepare: str
) -> None:
    search(fork_server, open_shop, prepare)
