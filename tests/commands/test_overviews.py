"""status, check and report of many shops: a line a shop, the worst first, then what needs a person."""

import pytest

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
