"""A shop in which every check succeeds, and what ``klarna24 check`` finds in it."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import pytest

from klarna24.check.result import Check
from tests.support.secrets import private
from tests.support.shops import OpenShop, Shop, simple
from tests.support.smtp_server import PASSWORD

OFFICE = {"24sevenoffice", "accounts", "voucher.type", "fiscal year", "currency"}


@dataclass(frozen=True)
class Found:
    """The exit code, and the checks by name (the last one of each name)."""

    code: int
    checks: dict[str, Check]

    def __getitem__(self, name: str) -> Check:
        return self.checks[name]

    @property
    def failed(self) -> Check:
        """The only check that failed."""
        (check,) = (check for check in self.checks.values() if check.status == "failed")
        return check

    @property
    def not_tried(self) -> set[str]:
        return {name for name, check in self.checks.items() if check.status == "not-tried"}


def run_check(shop: Shop, *arguments: str) -> Found:
    """``klarna24 check --json`` of profile shop1. Nothing that it prints may contain a password."""
    result = shop.run("check", "--json", *arguments)
    document = result.json
    assert document["exit_code"] == result.code
    assert_no_password(shop, result.out + result.err)
    (profile,) = document["profiles"]
    assert profile["profile"] == "shop1"
    checks = [Check(**check) for check in profile["checks"]]
    assert [check for check in checks if bool(check.next) != (check.status in {"failed", "advice"})] == []
    return Found(result.code, {check.name: check for check in checks})


def only_failure(shop: Shop, code: int, name: str, message: str = "", not_tried: Collection[str] = ()) -> Check:
    """The only check that fails: it has this name, this text in its message, and gives the exit code."""
    found = run_check(shop)
    assert (found.code, found.failed.name, found.not_tried) == (code, name, set(not_tried))
    assert message in found.failed.message
    return found.failed


def advice(shop: Shop, name: str, message: str = "") -> Check:
    """The check of this name: it gives advice, has this text in its message, and no check fails."""
    found = run_check(shop)
    assert (found.code, found[name].status) == (0, "advice")
    assert message in found[name].message
    return found[name]


def assert_no_password(shop: Shop, text: str) -> None:
    for password in (shop.box.klarna.password, shop.box.office.password, PASSWORD):
        assert password not in text


def password_file(shop: Shop, name: str, password: str) -> dict[str, Any]:
    """A password's source: a file that is written with it, instead of the sandbox's variable."""
    return {"env": None, "file": str(private(shop.folder / name, password))}


def write(shop: Shop, over: dict[str, Any] | None = None) -> None:
    """The shop's profiles.toml with the passwords in files, a clearing account, and ``over`` merged in."""
    base: dict[str, Any] = {
        "klarna": {"password": password_file(shop, "k", shop.box.klarna.password)},
        "24sevenoffice": {"password": password_file(shop, "o", shop.box.office.password)},
        "accounts": {"payout": 1940},
    }
    tables = {key: base.get(key, {}) | it if isinstance(it, dict) else it for key, it in (over or {}).items()}
    shop.write(base | tables)


@pytest.fixture
def healthy(open_shop: OpenShop) -> Shop:
    """One payout in the company's own currency, and the passwords in files: no check has anything to say."""
    shop = open_shop(payouts=[simple("XISA93DJ")])
    write(shop)
    return shop
