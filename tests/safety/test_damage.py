"""A state that is damaged, cut, or written to a disk that fails: nothing is sent twice, nothing silently."""

import random
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from klarna24.config.folders import STATE_FILE
from klarna24.errors import StateFault
from klarna24.state import damage
from klarna24.state.store import State
from tests.support import LONG
from tests.support.shops import OpenShop, Shop, simple
from tests.support.state import a_payout, row, sent

STATES = 1000 if LONG else 60
PARTS = 8 if LONG else 2  # so that the search runs in parallel
NOT_SENT = {"ready", "blocked", "rejected", "skipped"}


@pytest.fixture
def used(open_shop: OpenShop) -> Shop:
    """A shop whose state has thirty payouts, of every status."""
    wrong = {"sale_amount": 100000, "settlement_amount": 1}
    payouts = [simple(f"REF{number:02}", number) for number in range(24)]
    payouts += [simple(f"REF{number}", number, **wrong) for number in range(24, 27)]
    payouts += [simple(f"REF{number}", number, sale_amount=0) for number in range(27, 30)]
    shop = open_shop(payouts=payouts)
    for fault, after in (("not-saved", 3), ("cut-after-save", 5), ("exception", 0)):
        shop.box.faults.arm(fault, 1, after, "SaveBundleList")
    assert shop.sync("--now").code == 8
    shop.run("resolve", "--profile", "shop1", "REF24", "--skip", "--yes")
    with closing(sqlite3.connect(shop.state / STATE_FILE)) as connection, connection:
        for reference, status in {"REF01": "sending", "REF02": "booked"}.items():
            connection.execute("UPDATE payout SET status = ? WHERE payment_reference = ?", (status, reference))
    return shop


def damaged(whole: bytes, chance: random.Random) -> bytes:
    """The file with one bit changed, or several, or cut, or with a sector that was never written."""
    content = bytearray(whole)
    match chance.choice(["bit", "bit", "bit", "bits", "cut", "sector"]):
        case "cut":
            return bytes(content[: chance.choice([0, 1, chance.randrange(len(content))])])
        case "sector":
            at = 512 * chance.randrange(len(content) // 512)
            content[at : at + 512] = bytes(512)
        case bits:
            for _ in range(1 if bits == "bit" else chance.randint(2, 50)):
                content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    return bytes(content)


@pytest.mark.no_cover  # other tests cover each line, and counting takes a minute
@pytest.mark.parametrize("part", range(PARTS))
def test_a_damaged_state_sends_nothing_twice_and_says_so(used: Shop, part: int, tmp_path: Path) -> None:
    before, drafts = used.stored(), used.box.office.home.drafts
    assert set(before.values()) == {"blocked", "sending", "in-doubt", "rejected", "drafted", "booked", "skipped"}
    was_sent = {reference for reference, status in before.items() if status not in NOT_SENT}
    whole, saved = (used.state / STATE_FILE).read_bytes(), len(drafts)
    shutil.copytree(used.state, tmp_path / "whole")
    chance = random.Random(part)
    refused = 0
    for number in range(STATES // PARTS):
        shutil.rmtree(used.state)
        shutil.copytree(tmp_path / "whole", used.state)
        (used.state / STATE_FILE).write_bytes(damaged(whole, chance))
        where = f"state {number} of part {part}"
        for arguments in (["status", "--json"], ["log"], ["dry-run", "--all"], ["sync", "--all", "--now"]):
            result = used.run(*arguments)
            assert result.code in {0, 3, 6, 7, 8}, f"{where}: {arguments}: {result}"
            assert "Traceback" not in result.err, f"{where}: {arguments}: {result.err}"
        again = {draft.name.split()[1] for draft in drafts[saved:]} & was_sent
        assert not again, f"{where}: sent again: {again}"
        refused += result.code == 3
        if result.code != 3:
            stored = used.stored()
            missing = {it for it in was_sent if stored.get(it, "ready") in NOT_SENT}
            assert not missing, f"{where}: not known as sent: {missing}"
        del drafts[saved:]
    assert refused > STATES // PARTS // 4, "otherwise this test shows nothing"
