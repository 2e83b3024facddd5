"""Exactly once, or in doubt: killed, or cut off, at every point of a run."""

import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from klarna24.sandbox.klarna.generate import make_payout
from klarna24.sandbox.server import Sandbox
from klarna24.state.store import State
from tests.support import ROOT
from tests.support.shops import OpenShop

YESTERDAY = datetime.now(UTC).replace(hour=9, minute=0, second=0, microsecond=0) - timedelta(days=1)
WORKERS = 2
SETTLED = 3  # runs after which nothing may change any more


def three_payouts() -> list[tuple[dict[str, Any], list[dict[str, Any]]]]:
    return [
        (make_payout("FIRST", YESTERDAY, sale_amount=100000, fee_amount=3000, tax_amount=750), []),
        (make_payout("ZERO", YESTERDAY, sale_amount=5000, return_amount=8000, deposit_amount=3000), []),
        (make_payout("LAST", YESTERDAY, sale_amount=20000), []),
    ]


class Zygote:
    """A process that forks a child for each run; see tests/zygote.py."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.zygote"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, box: Sandbox, folder: Path, kill_at: int | None = None) -> tuple[int, int]:
        """The exit code (−9 where it was killed) and the number of points it passed."""
        assert self._process.stdin
        assert self._process.stdout
        request = {
            "arguments": ["--config", str(folder / "profiles.toml"), "sync", "--profile", "shop1", "--now"],
            "env": box.environment(),
            "kill_at": kill_at,
        }
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        return answer["code"], answer["points"]

    def close(self) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()


@pytest.fixture(scope="module")
def zygotes() -> Iterator[list[Zygote]]:
    them = [Zygote() for _ in range(WORKERS)]
    yield them
    for zygote in them:
        zygote.close()


def prepare(box: Sandbox, folder: Path) -> None:
    folder.mkdir()
    table = {"state_dir": str(folder / "state"), "profiles": {"shop1": box.profile()}}
    (folder / "profiles.toml").write_text(tomli_w.dumps(table))
    (folder / "profiles.toml").chmod(0o600)


def statuses(folder: Path) -> dict[str, str]:
    with closing(State.for_reading(folder / "state")) as state:
        waiting = {row.key.payment_reference: row.status for row in state.waiting("shop1")}
        drafted = {
            event.payment_reference or "": "drafted" for event in state.events("shop1") if event.what == "drafted"
        }
    return {**drafted, **waiting}


def judge(box: Sandbox, folder: Path, code: int, where: str) -> None:
    """At most one draft a payout, and each payout drafted or in doubt."""
    names = [draft.name.split()[1] for draft in box.office.home.drafts]
    assert len(names) == len(set(names)), f"{where}: drafts {names}"
    ends = statuses(folder)
    assert set(ends) == {"FIRST", "ZERO", "LAST"}, f"{where}: forgotten: {ends}"
    assert set(ends.values()) <= {"drafted", "in-doubt"}, f"{where}: {ends}"
    assert all(name in names for name, end in ends.items() if end == "drafted"), f"{where}: {ends}, {names}"
    assert code == (8 if "in-doubt" in ends.values() else 0), f"{where}: exit code {code}, {ends}"


def killed_at(point: int, zygote: Zygote, folder: Path) -> bool:
    """Whether the run got as far as the point. Runs again until it settles, and judges."""
    with Sandbox(payouts=three_payouts()) as box:
        prepare(box, folder)
        code, _ = zygote.run(box, folder, kill_at=point)
        if code != -9:
            return False
        codes = [zygote.run(box, folder)[0] for _ in range(SETTLED)]
        assert codes[-1] == codes[-2]
        judge(box, folder, codes[-1], f"killed at point {point}")
        return True


def test_killed_at_every_point_between_two_io_actions(
    zygotes: list[Zygote], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Sandbox(payouts=three_payouts()) as box:
        prepare(box, tmp_path / "whole")
        code, points = zygotes[0].run(box, tmp_path / "whole")
        assert (code, len(box.office.home.drafts)) == (0, 3)

    def share(worker: int) -> int:
        mine = range(worker, points, WORKERS)
        return sum(killed_at(point, zygotes[worker], tmp_path / f"kill-{point}") for point in mine)

    with ThreadPoolExecutor(WORKERS) as pool:
        killed = sum(pool.map(share, range(WORKERS)))
    with capsys.disabled():
        print(f"\n  crash matrix: {points} points, killed at {killed}", file=sys.stderr)  # noqa: T201 - asked for
    assert points > 100
    assert killed >= points - 5, "the number of reads may differ a little from run to run"


def test_cut_off_at_every_request(open_shop: OpenShop, capsys: pytest.CaptureFixture[str]) -> None:
    """Before the request is acted on, and after: every request of a run, one at a time."""
    whole = open_shop(payouts=three_payouts())
    assert whole.sync().code == 0
    requests = len(whole.box.requests)
    for processed in (False, True):
        for number in range(requests):
            shop = open_shop(payouts=three_payouts())
            shop.box.faults.arm("cut", after=number, saved=processed)
            first = shop.sync("--now").code
            codes = [shop.sync("--now").code for _ in range(2)]
            where = f"cut at request {number}, {'after' if processed else 'before'} it was acted on"
            judge(shop.box, shop.folder, codes[-1], where)
            assert first in {0, 5, 8}, where
            shop.box.stop()
    with capsys.disabled():
        print(f"\n  cut matrix: {requests} requests, before and after", file=sys.stderr)  # noqa: T201 - asked for
