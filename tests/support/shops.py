"""A shop for tests: a sandbox, a profiles.toml for it, and the command line on it."""

import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from klarna24.cli import main as cli
from klarna24.sandbox.klarna.generate import make_payout
from klarna24.sandbox.server import Sandbox
from klarna24.state import damage
from tests.support.bookkeeping import merged
from tests.support.postgres import Base

Given = tuple[dict[str, Any], list[dict[str, Any]]]
"""A payout and its rows, as the sandbox takes them."""

AT_ECB_RATES: dict[str, dict[str, Any]] = {
    "voucher": {"foreign_currency": "ecb"},
    "accounts": {"currency_gain": 3960, "currency_loss": 7960},
}
"""What a profile has if payouts in other currencies are to be converted."""

NOON = datetime.combine(datetime.now(UTC).date(), datetime.min.time(), UTC) - timedelta(hours=12)


def simple(reference: str, days_ago: int = 0, **totals: Any) -> Given:
    """A payout with these totals, in öre (without any: of 962.50 SEK), and no rows."""
    figures = totals or {"sale_amount": 100000, "fee_amount": 3000, "tax_amount": 750}
    return make_payout(reference, NOON - timedelta(days=days_ago), **figures), []


def english(day: date) -> str:
    """The day as an English reader sees it, with ordinary blanks."""
    return f"{day.day} {day:%b} {day.year}"


def snapshot(folder: Path) -> dict[str, bytes]:
    """The contents of each file in the folder."""
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@dataclass(frozen=True)
class Result:
    """A command's exit code and what it printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    def lines(self) -> list[str]:
        return self.err.splitlines()


def plain_profile(box: Sandbox) -> dict[str, Any]:
    """Return the sandbox's profile with a number for each account where that will do, and with no other party."""
    accounts = {
        "payout": 1930,
        "receivable": 1580,
        "fees": 6064,
        "fees_vat": 2641,
        "commission": 3590,
        "holdback": 1689,
        "debt": 2899,
        "charges": {"CASH_ADVANCE_AMORTISATION": 2390, "other": 6990},
        "credits": {"CASH_ADVANCE_PAYOUT": 2390, "other": 3990},
    }
    return {**box.profile(), "voucher": {"type": "Diverse"}, "accounts": accounts}


class Shop:
    """A profiles.toml for a sandbox, and the command line on it, in this process."""

    def __init__(self, box: Sandbox, folder: Path, capture: pytest.CaptureFixture[str]) -> None:
        self.box = box
        self.folder = folder
        self.config = folder / "profiles.toml"
        self.state = folder / "state"
        self.top: dict[str, Any] = {"state_dir": str(self.state), "rates_url": box.url}
        self.base: Base | None = None
        self._capture = capture
        self.write()

    def write(self, over: dict[str, Any] | None = None, **others: dict[str, Any]) -> None:
        """Writes shop1 with ``over`` merged in (None removes a key), and the ``others``, merged likewise."""
        base = plain_profile(self.box)
        profiles = {"shop1": merged(base, over or {}), **{name: merged(base, it) for name, it in others.items()}}
        self.config.write_text(tomli_w.dumps({**self.top, "profiles": profiles}))
        self.config.chmod(0o600)

    def run(self, *arguments: str) -> Result:
        self._capture.readouterr()
        damage.forget_checks()  # each command is a process of its own
        code = cli.run(["--config", str(self.config), *arguments])
        return Result(code, *self._capture.readouterr())

    def sync(self, *arguments: str) -> Result:
        return self.run("sync", "--profile", "shop1", *arguments)

    def dry_run(self, *arguments: str) -> Result:
        return self.run("dry-run", "--profile", "shop1", *arguments)

    def resolve(self, reference: str, *decision: str) -> Result:
        """``klarna24 resolve`` of shop1's payout, without a question where --yes suffices."""
        return self.run("resolve", "--profile", "shop1", reference, *decision, "--yes")

    def rename(self, name: str) -> None:
        """Gives the profile shop1 another name."""
        self.config.write_text(self.config.read_text().replace("profiles.shop1", f"profiles.{name}"))

    def backup(self) -> Callable[[], object]:
        """Copies the state; and a function that restores the copy."""
        copy = shutil.copytree(self.state, self.folder / "backup")

        def restore() -> None:
            shutil.rmtree(self.state)
            shutil.copytree(copy, self.state)

        return restore

    def book(self, first: int = 0, last: int | None = None) -> list[int]:
        """A person books the drafts, oldest first, or those from ``first`` to ``last``; their numbers."""
        drafts = list(self.box.office.home.drafts)[first:last]
        return [self.box.office.book(draft.id) for draft in drafts]

    def edit_and_book(self) -> int:
        """A person chooses another account in the oldest draft, and books it; its number."""
        self.box.office.edit_draft(self.box.office.home.drafts[0].id, 2, AccountNo=6570)
        return self.book(0, 1)[0]

    def drafts(self) -> list[str]:
        """The names of the drafts in 24SevenOffice, oldest first."""
        return [draft.name for draft in self.box.office.home.drafts]

    def use_server(self, base: Base) -> None:
        """From now on the state is in this database, and only the sessions are in the folder."""
        self.base = base
        self.top["state"] = base.url
        self.write()

    def stored(self) -> dict[str, str]:
        """The status of each payout in the state, by its reference."""
        if self.base:
            if not self.base.has_state():
                return {}
            return dict(self.base.sql("SELECT payment_reference, status FROM payout"))
        if not (file := self.state / "klarna24.sqlite").exists():
            return {}
        with closing(sqlite3.connect(file)) as database:
            return dict(database.execute("SELECT payment_reference, status FROM payout"))


OpenShop = Callable[..., Shop]


@pytest.fixture
def open_shop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[OpenShop]:
    """Starts a sandbox with these arguments, and returns its shop; at the end, all are stopped."""
    boxes: list[Sandbox] = []

    def open_it(**arguments: Any) -> Shop:
        box = Sandbox(**arguments).start()
        boxes.append(box)
        for name, value in box.environment().items():
            monkeypatch.setenv(name, value)
        folder = tmp_path / f"shop-{len(boxes)}"
        folder.mkdir()
        return Shop(box, folder, capsys)

    yield open_it
    for box in boxes:
        box.stop()
        assert not box.errors, box.errors


def doubtful(open_shop: OpenShop, *payouts: Any, fault: str = "cut-after-save", **armed: Any) -> Shop:
    """A shop whose first run left a payout in doubt: A, or the first of these."""
    shop = open_shop(payouts=payouts or [simple("A")])
    shop.box.faults.arm(fault, **armed)
    assert shop.sync().code == 8
    return shop


def shops(open_shop: OpenShop, count: int, **over: dict[str, Any]) -> Shop:
    """Profiles shop1, shop2 … of one company, each with a merchant and a payout of its own.

    ``over`` is merged into the profile of that name; ``all`` into every profile."""
    shop = open_shop(payouts=[simple(f"REF{number}") for number in range(1, count + 1)])
    tables: dict[str, dict[str, Any]] = {}
    for number, payout in enumerate(shop.box.klarna.payouts, start=1):
        payout["merchant_id"] = f"M{number}"
        table = merged(over.get("all", {}), over.get(f"shop{number}", {}))
        tables[f"shop{number}"] = merged(table, {"klarna": {"merchant_ids": [f"M{number}"]}})
    first = tables.pop("shop1")
    shop.write(first, **tables)
    return shop
