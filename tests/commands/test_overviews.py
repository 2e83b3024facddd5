"""status, check and report of many shops: a line a shop, the worst first, then what needs a person."""

from datetime import timedelta

import pytest

from tests.support.months import LAST, book
from tests.support.shops import OpenShop, shops

WRONG = {"klarna": {"password": {"env": "WRONG"}}}


def test_the_overview_of_many_shops_has_the_worst_first(
    open_shop: OpenShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    shop = shops(open_shop, 4)
    shop.box.klarna.payouts[1]["totals"]["settlement_amount"] += 1
    assert shop.run("-q", "sync", "--all").code == 7
    lines = shop.run("status", "--all").out.splitlines()
    assert [line[:10] for line in lines[:4]] == ["  ✗ shop2 ", "  ✓ shop1 ", "  ✓ shop3 ", "  ✓ shop4 "]
    assert lines[0].startswith("  ✗ shop2  1 blocked; last run ")
    text = "\n".join(lines[4:])
    assert "REF2" in text
    assert "shop1" not in text, "nothing waits there"
    assert max(map(len, lines[:4])) <= 80


def test_the_check_of_many_shops_shows_only_what_failed(
    open_shop: OpenShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WRONG", "not the password")
    shop = shops(open_shop, 3, shop2=WRONG)
    result = shop.run("check", "--all")
    assert result.code == 4
    lines = result.out.splitlines()
    assert lines[0].startswith("  ✗ shop2  1 failed")
    assert [line.split()[:2] for line in lines[1:3]] == [["✓", "shop1"], ["✓", "shop3"]]
    assert "advice: " in lines[1]
    assert lines[3] == "  klarna24 check --profile NAME shows the advice"
    assert sum(line.startswith("  ✗ ") for line in lines[3:]) == 1


def test_the_report_of_many_shops_shows_only_what_keeps_months_open(open_shop: OpenShop) -> None:
    shop = shops(open_shop, 3, all={"start_date": LAST.first})
    for payout in shop.box.klarna.payouts:
        payout["payout_date"] = f"{LAST.first + timedelta(days=9)}T12:00:00Z"
    shop.run("-q", "sync", "--all")
    for number in (1, 3):
        book(shop, f"REF{number}")
    result = shop.run("report", "--all")
    assert result.code == 7
    overview = [line.split()[:2] for line in result.out.splitlines()[:3]]
    assert overview == [["✗", "shop2"], ["✓", "shop1"], ["✓", "shop3"]]
    assert ("drafted on" in result.out, "Klarna states" in result.out) == (True, False)
    assert "Klarna states" in shop.run("report", "--profile", "shop2").out, "in full where it is named"
