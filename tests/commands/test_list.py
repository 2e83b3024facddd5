"""``klarna24 list``: the payouts that the state knows, as a table, CSV or JSON."""

import csv
import io
from datetime import timedelta

import pytest

from klarna24.state.store import State
from tests.support.shops import NOON, OpenShop, Shop, shops, simple

LONG = "8e1f0d3c-7a52-4a4b-9a63-0f0b6d2c1e55"


def rows(shop: Shop, *options: str) -> list[dict[str, str]]:
    result = shop.run("list", "--csv", *options)
    assert (result.code, result.err) == (0, "")
    return list(csv.DictReader(io.StringIO(result.out)))


def references(shop: Shop, *options: str) -> list[str]:
    return [row["payment_reference"] for row in rows(shop, *options)]


def test_a_payout_has_its_date_amount_status_number_and_fees(open_shop: OpenShop) -> None:
    refunded = simple("A", sale_amount=100000, fee_amount=3000, fee_refund=500, fee_correction=100, tax_amount=750)
    shop = open_shop(payouts=[refunded])
    shop.sync()
    assert rows(shop) == [
        {
            "payout_date": f"{NOON:%Y-%m-%d}",
            "payment_reference": "A",
            "settlement_amount": "968.50",
            "currency": "SEK",
            "status": "drafted",
            "transaction_no": "",
            "fees": "24.00",
            "vat": "7.50",
            "profile": "shop1",
        }
    ]
    [payout] = shop.run("list", "--json").json["payouts"]
    assert (payout["fees"], payout["settlement_amount"], payout["totals"]["fee"]) == ("24.00", "968.50", "30.00")


def test_month_dates_status_and_profile_choose(open_shop: OpenShop) -> None:
    wrong = simple("WRONG", 1, sale_amount=100000, settlement_amount=1)
    shop = open_shop(payouts=[simple("OLD", 40), wrong, simple("NEW")])
    shop.sync()
    new, old = NOON, NOON - timedelta(days=40)
    assert references(shop) == ["OLD", "WRONG", "NEW"]
    assert references(shop, "--month", f"{old:%Y-%m}") == ["OLD"]
    assert references(shop, "--from", f"{new:%Y-%m-%d}") == ["NEW"]
    assert references(shop, "--to", f"{old:%Y-%m-%d}") == ["OLD"]
    assert references(shop, "--status", "blocked") == ["WRONG"]
    assert references(shop, "--profile", "shop1", "--status", "booked") == []
    assert shop.run("list", "--profile", "shop2").code == 3
    assert shop.run("list", "--month", "2026-13").code == 2
    assert shop.run("list", "--month", "2026-11", "--to", "2026-11-30").code == 2


def test_a_payout_that_is_being_sent_is_listed_as_in_doubt(
    open_shop: OpenShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also while a sync runs, which has the state open for writing."""
    shop = open_shop(payouts=[simple("A")])
    seen: list[str] = []
    answered = State.answered

    def while_it_runs(self: State, *args: object, **kwargs: object) -> None:
        state = State.for_reading(shop.state)
        seen.extend(row.shown_status for row in state.period("shop1"))
        state.close()
        answered(self, *args, **kwargs)  # type: ignore[arg-type]  # whatever it is called with

    monkeypatch.setattr(State, "answered", while_it_runs)
    assert shop.sync().code == 0
    assert seen == ["in-doubt"]


@pytest.mark.parametrize("reference", ["=1+1", "+A", "@SUM(A1)", "-2"])
def test_no_cell_of_the_csv_is_a_formula(open_shop: OpenShop, reference: str) -> None:
    shop = open_shop(payouts=[simple(reference, sale_amount=1000, return_amount=2000, deposit_amount=0)])
    shop.sync()
    [row] = rows(shop)
    assert row["payment_reference"] == f"'{reference}"
    assert row["settlement_amount"] == "-10.00", "a number stays one"


@pytest.mark.parametrize("width", [60, 80, 140])
def test_the_table_fits_and_cuts_nothing(open_shop: OpenShop, monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    shop = open_shop(payouts=[simple(LONG), simple("B", sale_amount=1_234_567_89, fee_amount=3_456_78)])
    shop.sync()
    out = shop.run("list").out
    assert max(map(len, out.splitlines())) <= width
    assert all(text in out for text in ("1,231,111.11", "1,232,073.61", "3,456.78", "3,486.78", "drafted"))
    assert "".join(LONG.split()) in "".join(out.split()) or LONG[:8] in out


def test_all_profiles_are_listed_with_sums_per_currency(open_shop: OpenShop) -> None:
    shop = shops(open_shop, 2)
    shop.run("sync", "--all")
    assert [row["profile"] for row in rows(shop, "--all")] == ["shop1", "shop2"]
    assert "1,925.00 SEK" in " ".join(shop.run("list").out.split())


def test_nothing_to_list_is_said(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[])
    assert shop.run("list").out == "no payouts\n"
    assert shop.run("list", "--json").json == {"version": 1, "command": "list", "payouts": []}
