"""A payout in euro, in a company with books in kronor: booked at the European Central Bank's rate, or blocked."""

from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from klarna24.sandbox.klarna.generate import make_payout
from tests.support.shops import AT_ECB_RATES, Given, OpenShop, Shop, english, snapshot

RECENT, WHOLE = "eurofxref-hist-90d", "eurofxref-hist"
TODAY = datetime.now(ZoneInfo("Europe/Stockholm")).date()  # the shop's
FRIDAY = TODAY - timedelta(days=(TODAY.weekday() - 4) % 7 or 7)
SUNDAY = FRIDAY - timedelta(days=5)
TOTALS = {"sale_amount": 100033, "fee_amount": 3011, "tax_amount": 753}


def euro(reference: str, day: date, **totals: Any) -> Given:
    """A payout of that day at noon in UTC, with these totals in cents."""
    when = datetime.combine(day, datetime.min.time(), UTC) + timedelta(hours=12)
    return make_payout(reference, when, currency="EUR", **(totals or TOTALS)), []


@pytest.fixture
def once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bank is not asked again after a failure."""
    monkeypatch.setattr("klarna24.ecb.client.RETRY_SECONDS", 0.0)


def in_euro(open_shop: OpenShop, *payouts: Given) -> Shop:
    shop = open_shop(payouts=payouts)
    shop.write(
        {**AT_ECB_RATES, "start_date": min(date.fromisoformat(it["payout_date"][:10]) for it, _ in payouts)}
    )
    return shop


def amounts(shop: Shop, number: int = 0) -> dict[int, Decimal]:
    """The amount on each account of a draft."""
    return {entry["AccountNo"]: Decimal(entry["Amount"]) for entry in shop.box.office.home.drafts[number].entries}


def blocked(shop: Shop, why: str) -> None:
    """Syncing blocks the payout with this reason and sends nothing."""
    result = shop.sync("--now")
    assert (result.code, shop.drafts()) == (7, []), result.err
    assert why in " ".join(result.err.split())
    assert "it is tried again at each run" in " ".join(result.err.split())
    assert set(shop.stored().values()) == {"blocked"}
    problems = shop.dry_run("--json").json["profiles"][0]["problems"]
    assert {problem["code"] for problem in problems} == {"currency"}


def test_a_payout_in_euro_becomes_a_balanced_voucher_in_kronor_with_its_rate(open_shop: OpenShop) -> None:
    shop = in_euro(open_shop, euro("EURO", FRIDAY))
    assert shop.sync().code == 0
    [draft] = shop.box.office.home.drafts
    rate = Decimal(shop.box.ecb.rate(FRIDAY, "SEK"))

    def kronor(cents: int) -> Decimal:
        return (Decimal(cents) / 100 * rate).quantize(Decimal("0.01"), ROUND_HALF_UP)

    found = amounts(shop)
    difference = found.pop(3960, Decimal(0)) + found.pop(7960, Decimal(0))
    assert found == {1930: kronor(96269), 1580: -kronor(100033), 6064: kronor(3011), 2641: kronor(753)}
    assert sum(found.values()) + difference == 0
    assert abs(difference) <= Decimal("0.02")
    assert {entry["CurrencyId"] for entry in draft.entries} == {"SEK"}
    comments = " ".join(entry["Comment"] for entry in draft.entries)
    assert f"{rate.normalize()}" in comments
    assert str(FRIDAY) in comments
    assert "EUR" in comments
    assert shop.box.calls()[RECENT] == 1


def test_a_payout_of_a_sunday_has_fridays_rate(open_shop: OpenShop) -> None:
    shop = in_euro(open_shop, euro("SUNDAY", SUNDAY))
    assert shop.sync().code == 0
    friday = SUNDAY - timedelta(days=2)
    expected = Decimal("962.69") * Decimal(shop.box.ecb.rate(friday, "SEK"))
    assert amounts(shop)[1930] == expected.quantize(Decimal("0.01"), ROUND_HALF_UP)
    assert str(friday) in " ".join(entry["Comment"] for entry in shop.box.office.home.drafts[0].entries)


@pytest.mark.parametrize("fault", ["ecb-status", "ecb-cut", "ecb-html", "ecb-odd"])
def test_a_bank_that_cannot_be_asked_blocks_the_payout_until_it_can(
    open_shop: OpenShop, once: None, fault: str
) -> None:
    shop = in_euro(open_shop, euro("EURO", FRIDAY), euro("OTHER", FRIDAY))
    shop.box.faults.arm(fault, times=None)
    blocked(shop, f"no rates from the European Central Bank: {shop.box.url}/stats/eurofxref/{RECENT}.xml: ")
    assert shop.box.calls()[RECENT] == 2, "asked once a run, also in vain: the sync, and a dry run"
    shop.box.faults.clear()
    assert shop.sync("--now").code == 0
    assert len(shop.drafts()) == 2


def test_a_rate_that_is_not_published_yet_blocks_the_payout_until_it_is(open_shop: OpenShop) -> None:
    shop = in_euro(open_shop, euro("EURO", FRIDAY))
    days = dict(shop.box.ecb.days)
    shop.box.ecb.days = {day: rates for day, rates in days.items() if day < FRIDAY}
    blocked(shop, f"the European Central Bank has not published the rate of {english(FRIDAY)} yet")
    shop.box.ecb.days = days
    assert shop.sync("--now").code == 0


def test_a_currency_that_the_bank_does_not_quote_blocks_the_payout(open_shop: OpenShop) -> None:
    shop = in_euro(open_shop, euro("EURO", FRIDAY))
    shop.box.faults.arm("ecb-no-currency", times=None, value="SEK")
    blocked(shop, f"the European Central Bank published no rate of SEK on {english(FRIDAY)}")


def test_the_rates_are_fetched_once_a_run_for_all_payouts_and_profiles(open_shop: OpenShop) -> None:
    days = [FRIDAY - timedelta(days=back) for back in (0, 1, 2)]
    shop = in_euro(open_shop, *(euro(f"E{number}", day) for number, day in enumerate(days)), euro("OTHER", FRIDAY))
    shop.box.klarna.payouts[-1]["merchant_id"] = "M2"
    one = {**AT_ECB_RATES, "start_date": days[-1], "klarna": {"merchant_ids": ["N100198"]}}
    shop.write(one, shop2={**one, "klarna": {"merchant_ids": ["M2"]}})
    assert shop.run("sync", "--all", "--jobs", "2").code == 0
    assert len(shop.drafts()) == 4
    assert (shop.box.calls()[RECENT], shop.box.calls()[WHOLE]) == (1, 0)


def test_a_payout_that_is_older_than_90_days_takes_the_whole_history(open_shop: OpenShop) -> None:
    shop = in_euro(open_shop, euro("OLD", FRIDAY - timedelta(days=98)))
    assert shop.sync().code == 0
    assert (shop.box.calls()[RECENT], shop.box.calls()[WHOLE]) == (1, 1)


def test_a_rate_that_the_state_has_is_neither_fetched_nor_replaced(open_shop: OpenShop) -> None:
    """The payout was rejected after its rate was stored: what is sent again is the same voucher."""
    shop = in_euro(open_shop, euro("EURO", FRIDAY))
    rate = Decimal(shop.box.ecb.rate(FRIDAY, "SEK"))
    shop.box.faults.arm("not-saved")
    assert shop.sync().code == 6
    shop.box.ecb.days[FRIDAY]["SEK"] = "99.0000"
    assert shop.sync("--now").code == 0
    assert shop.box.calls()[RECENT] == 1
    assert amounts(shop)[1930] == (Decimal("962.69") * rate).quantize(Decimal("0.01"), ROUND_HALF_UP)
    assert f"1 EUR = {rate.normalize():f} SEK on {FRIDAY}" in shop.run("log", "--profile", "shop1").out


def test_a_dry_run_asks_the_bank_and_changes_no_byte_of_the_state(open_shop: OpenShop) -> None:
    shop = in_euro(open_shop, euro("FIRST", FRIDAY - timedelta(days=1)))
    assert shop.sync().code == 0
    shop.box.klarna.add(*euro("SECOND", FRIDAY))
    before = snapshot(shop.state)
    result = shop.dry_run("--json")
    assert result.code == 0
    assert [payout["status"] for payout in result.json["profiles"][0]["payouts"]] == ["ready"]
    assert snapshot(shop.state) == before
    assert shop.box.calls()[RECENT] == 2


def test_without_the_setting_the_bank_is_not_asked(open_shop: OpenShop) -> None:
    shop = in_euro(open_shop, euro("EURO", FRIDAY))
    shop.write({"start_date": FRIDAY})
    assert shop.sync().code == 7
    assert shop.box.calls()[RECENT] == 0


def test_a_payout_of_zero_or_in_kronor_needs_no_rate(open_shop: OpenShop, once: None) -> None:
    shop = in_euro(
        open_shop, euro("ZERO", FRIDAY, sale_amount=0), ({**euro("KRONOR", FRIDAY)[0], "currency_code": "SEK"}, [])
    )
    shop.box.faults.arm("ecb-status", times=None)
    assert shop.sync().code == 0
    assert shop.stored() == {"ZERO": "skipped", "KRONOR": "drafted"}
    assert shop.box.calls()[RECENT] == 0
