"""What ``dry-run --from`` says of payouts that are not new: what became of them, by whom and when."""

import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from tests.support.shops import NOON, OpenShop, Shop, english, simple


def preview(shop: Shop) -> str:
    """Of all days, on one line."""
    shown = shop.dry_run("--from", f"{NOON - timedelta(days=90):%Y-%m-%d}").out
    return " ".join(shown.split())


def test_a_skipped_payout_is_not_called_empty(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[simple("SKIPPED")])
    shop.write({"accounts": {"fees": None}})
    shop.sync()
    assert shop.resolve("SKIPPED", "--skip", "--note", "booked by hand").code == 0
    shown = preview(shop)
    assert "skipped by " in shown
    assert ": booked by hand" in shown
    assert "every total is zero" not in shown
    empty = open_shop(payouts=[simple("EMPTY", sale_amount=0)])
    assert "nothing to book: every total is zero" in preview(empty)


def test_a_draft_is_compared_with_what_todays_settings_give(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[simple("XISA93DJ")])
    shop.sync()
    today = datetime.now(ZoneInfo("Europe/Stockholm")).date()
    assert re.search(rf"drafted {english(today)} \d\d:\d\d, with these sums per account:", preview(shop))
    shop.write({"accounts": {"fees": 6570}})
    shown = preview(shop)
    assert "with other sums than what today's settings give, below: 6064 30.00 → 0.00, 6570 0.00 → 30.00" in shown
