"""The archive, killed at every point of writing: no file is ever half there, and the next run repairs the rest."""

import json
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from klarna24.archive.names import SUMS, UNFINISHED
from tests.support import LONG
from tests.support.fork_server import Ended, ForkServer
from tests.support.shops import OpenShop, Shop, simple

# Of the points, another share in each run; all of them take seven minutes.
EVERY, EVERY_OF_A_SYNC = (4, 5) if LONG else (23, 61)


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


def finished(shop: Shop) -> list[Path]:
    """The folders of payouts that a person sees."""
    return [path for path in (shop.folder / "archive").glob("*/*/*") if not path.name.startswith(UNFINISHED)]


def judge_killed(shop: Shop, where: str) -> None:
    """What is there is whole, and no line of SHA256SUMS is wrong."""
    for folder in finished(shop):
        for path in folder.glob("*.json"):
            if not path.name.startswith(UNFINISHED):
                json.loads(path.read_bytes())
        command = ["sha256sum", "--check", "--strict", "--quiet", SUMS]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{where}: {done.stdout}{done.stderr}"


def judge_repaired(shop: Shop, where: str) -> None:
    files = sorted(path.name for folder in finished(shop) for path in folder.iterdir())
    whole = [SUMS, "payout.json", "report.csv", "report.pdf", "rows.json", "voucher.json"]
    assert files == sorted(whole * 2), where
    verified = shop.run("archive", "--verify")
    assert (verified.code, verified.out) == (0, "shop1: 2 payouts, 10 files: all as archived\n"), (
        f"{where}: {verified}"
    )
    left = list((shop.folder / "archive").rglob(f"{UNFINISHED}*"))
    assert left == [], where


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
    judge_repaired(whole, "without a kill")
    assert points > 40
    for point in range(random.randrange(min(EVERY, 10)), points, EVERY):
        shop = prepared()
        if run(fork_server, shop, "archive", kill_at=point).code != -9:
            assert point >= points - 5, "the number of reads differs a little from run to run"
            break
        judge_killed(shop, f"killed at point {point}")
        assert run(fork_server, shop, "sync", "--profile", "shop1", "--now").code == 0
        judge_killed(shop, f"after {point}")
        judge_repaired(shop, f"killed at point {point}")
        shop.box.stop()


def test_a_sync_killed_at_every_point_archives_each_payout_and_its_voucher(
    fork_server: ForkServer, open_shop: OpenShop
) -> None:
    """Also the vouchers of payouts that are in doubt since then, and none twice."""
    code, points = run(fork_server, archiving(open_shop), "sync", "--all")
    assert code == 0
    for point in range(random.randrange(min(EVERY_OF_A_SYNC, 10)), points, EVERY_OF_A_SYNC):
        shop = archiving(open_shop)
        if run(fork_server, shop, "sync", "--all", kill_at=point).code != -9:
            assert point >= points - 5
            break
        judge_killed(shop, f"killed at point {point}")
        codes = [run(fork_server, shop, "sync", "--all", "--now").code for _ in range(2)]
        assert codes in ([0, 0], [8, 8]), f"killed at point {point}: {codes}"
        judge_repaired(shop, f"killed at point {point}")
        names = [name.split()[1] for name in shop.drafts()]
        assert len(names) == len(set(names))
        shop.box.stop()


@pytest.mark.parametrize("prepare", ["nothing", "reports"])
def test_an_archive_killed_at_every_point_is_whole_and_repaired_by_the_next_run(
    fork_server: ForkServer, open_shop: OpenShop, prepare: str
) -> None:
    search(fork_server, open_shop, prepare)
