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
from tests.support.power import Disk, record
from tests.support.shops import OpenShop, Shop, simple
from tests.support.state import OWNER

STATES = 1000 if LONG else 30
PARTS = 8 if LONG else 1  # so that the search runs in parallel
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
        is_refused = result.code == 3 or "is damaged" in result.err  # beside a doubt, whose code 8 outranks 3
        refused += is_refused
        if not is_refused:
            stored = used.stored()
            missing = {it for it in was_sent if stored.get(it, "ready") in NOT_SENT}
            assert not missing, f"{where}: not known as sent: {missing}"
        del drafts[saved:]
    assert refused > STATES // PARTS // 4, "otherwise this test shows nothing"


def test_every_changed_bit_of_a_sent_payouts_reference_is_found(used: Shop) -> None:
    """The index of the unique key among them, in which such a bit hides the payout."""
    whole, reference = (used.state / STATE_FILE).read_bytes(), b"REF03"
    places = [at for at in range(len(whole)) if whole.startswith(reference, at)]
    hidden = 0
    for at in places:
        for bit in range(8 * len(reference)):
            changed = bytearray(whole)
            changed[at + bit // 8] ^= 1 << bit % 8
            (used.state / STATE_FILE).write_bytes(changed)
            damage.forget_checks()
            try:
                with closing(State.open(used.state)) as state:
                    state.check_integrity()
                    (known,) = state.by_reference("shop1", reference.decode())
                    assert state.row(OWNER, known.key) == known
            except StateFault as fault:
                hidden += "index" in fault.message
    assert hidden, "otherwise this test shows nothing"


# A disk that fails


def connection_that_fails(at: int, lasting: bool) -> tuple[type[sqlite3.Connection], Iterator[int]]:
    """Of whose statements one fails with EIO, or all from that one on; and the counter."""
    numbers = count()

    class Connection(sqlite3.Connection):
        def execute(self, *args: Any) -> sqlite3.Cursor:
            number = next(numbers)
            if number == at or (lasting and number > at):
                error = sqlite3.OperationalError("disk I/O error")
                error.sqlite_errorcode = sqlite3.SQLITE_IOERR
                raise error
            return super().execute(*args)

    return Connection, numbers


@pytest.mark.no_cover
@pytest.mark.parametrize("lasting", [False, True], ids=["once", "from then on"])
def test_a_disk_that_fails_at_any_statement_sends_nothing_twice(
    open_shop: OpenShop, monkeypatch: pytest.MonkeyPatch, lasting: bool
) -> None:
    connect = sqlite3.connect
    monkeypatch.setattr("klarna24.run.draft.WRITE_SECONDS", 0.5)
    for at in count(0, 1 if LONG else 14):
        shop = open_shop(payouts=[simple("FIRST"), simple("SECOND")])
        failing, numbers = connection_that_fails(at, lasting)
        with monkeypatch.context() as patch:
            patch.setattr(sqlite3, "connect", lambda *args, **kw: connect(*args, factory=failing, **kw))  # noqa: B023
            result = shop.sync("--now")
        assert result.code in {0, 3, 8}, f"statement {at}: {result}"
        assert "Traceback" not in result.err, f"statement {at}: {result.err}"
        for _ in range(2):
            assert shop.sync("--now").code in {0, 8}, f"statement {at}"
        names = [name.split()[1] for name in shop.drafts()]
        assert len(names) == len(set(names)), f"statement {at}: {names}"
        assert {"FIRST", "SECOND"} == set(shop.stored()), f"statement {at}"
        shop.box.stop()
        if next(numbers) <= at:
            break
    assert at > 50, "otherwise this test shows nothing"


# A power loss


@pytest.mark.no_cover
@pytest.mark.skipif(not shutil.which("strace"), reason="needs strace")
@pytest.mark.parametrize("part", range(PARTS))
def test_after_a_power_loss_at_any_write_the_state_knows_what_was_sent(
    open_shop: OpenShop, part: int, tmp_path: Path
) -> None:
    """Whatever was not synced is missing, in part or in full. SQLite's own guarantees make the state usable."""
    shop = open_shop(payouts=[simple("FIRST"), simple("SECOND"), simple("THIRD")])
    calls = record(shop)
    assert len(shop.drafts()) == 3
    disk, chance, folder, disks = Disk(), random.Random(part), tmp_path / "disk", 0
    was_sent: set[str] = set()
    for number, call in enumerate(calls):
        if call.name == "sendto":
            was_sent |= {name for name in ("FIRST", "SECOND", "THIRD") if f"Klarna {name} ".encode() in call.data}
            continue
        disk.do(call)
        if number % (PARTS if LONG else 12) != part:
            continue
        for kept in (0, 1, *([0.1, 0.3, 0.5, 0.7, 0.9] * (4 if LONG else 1))):
            disk.after_power_loss(folder, chance, kept)
            where = f"call {number} ({call.name} {call.path}), kept {kept}"
            damage.forget_checks()
            State.for_reading(folder).close()
            with closing(State.open(folder)) as state:
                known = {name: state.by_reference("shop1", name) for name in was_sent}
            lost = {name for name, rows in known.items() if not rows or rows[0].may_be_sent}
            assert not lost, f"{where}: not known as sent: {lost}"
            disks += 1
    assert was_sent == {"FIRST", "SECOND", "THIRD"}
    assert disks > 50, "otherwise this test shows nothing"
