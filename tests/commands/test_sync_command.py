"""sync and dry-run: payouts become drafts; status shows them."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from klarna24.sandbox.klarna.generate import big_payout, make_payout
from klarna24.text.reader import SPACE
from tests.support.shops import NOON, OpenShop, Shop, doubtful, english, simple, snapshot


def test_a_dry_run_writes_nothing_and_sends_nothing(shop: Shop) -> None:
    result = shop.dry_run()
    assert result.code == 7
    assert not shop.state.exists()
    assert not shop.drafts()
    shop.sync()
    before = snapshot(shop.state)
    shop.dry_run()
    assert snapshot(shop.state) == before


def test_every_payout_is_drafted_or_blocked_and_the_drafts_are_in_the_pinned_company(shop: Shop) -> None:
    result = shop.sync("--json")
    statuses = [payout["status"] for payout in result.json["profiles"][0]["payouts"]]
    assert len(statuses) == len(shop.box.klarna.payouts)
    assert set(statuses) == {"drafted", "blocked"}
    assert len(shop.drafts()) == statuses.count("drafted")
    assert not shop.box.office.default.drafts, "the user's default company is not the pinned one"
    for draft in shop.box.office.home.drafts:
        assert sum(entry["Amount"] for entry in draft.entries) == 0
        assert draft.bundle_direct
        assert draft.transaction_no == 0


def test_the_sum_of_a_dry_run_says_how_much_of_it_is_blocked(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[simple("GOOD"), simple("WRONG", sale=100000, settlement=1)])
    shown = " ".join(shop.dry_run().out.split())
    assert "paid out 962.51 SEK, fees 30.00 SEK" in shown
    assert "0.01 SEK of what was paid is blocked" in shown


def test_the_json_document_of_a_run(open_shop: OpenShop) -> None:
    """The checkpoint is the newest payout's date, never a clock reading."""
    shop = open_shop(payouts=[simple("XISA93DJ", 30)])
    document = (Path(__file__).parent / "files" / "run.json").read_text("utf-8")
    day = NOON.date() - timedelta(days=30)
    assert shop.sync("--json").json == json.loads(document.replace("DAY", day.isoformat()))


def test_verbose_lists_what_was_drafted_and_quiet_shows_problems_only(shop: Shop, open_shop: OpenShop) -> None:
    quiet = shop.run("-q", "dry-run", "--profile", "shop1")
    assert (quiet.out, len(quiet.lines())) == ("", 2)
    verbose = open_shop(payouts=[simple("XISA93DJ")]).run("-v", "sync", "--profile", "shop1")
    assert verbose.out.replace(SPACE, " ") == f"shop1: drafted Klarna XISA93DJ {english(NOON)}, 962.50 SEK\n"


def test_twenty_five_payouts_over_several_pages_and_then_silence(
    open_shop: OpenShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("klarna24.klarna.listing.PAGE_SIZE", 7)
    shop = open_shop(payouts=[simple(f"REF{number:05}", number) for number in range(25)])
    first = shop.sync()
    assert (first.code, first.out, first.err) == (0, "", ""), "a run that went well is silent without a terminal"
    assert len(set(shop.drafts())) == 25
    assert shop.box.calls()["payouts"] > 4
    before = shop.box.calls()
    second = shop.sync("--now")
    assert (second.code, second.out, second.err) == (0, "", "")
    assert len(shop.drafts()) == 25
    assert before["Login"] == 1
    assert shop.box.calls() - before == {"payouts": 7}, "nothing new: 24SevenOffice is not even asked"


def test_itemised_makes_an_entry_of_each_of_1200_sales_and_of_two_equal_returns(open_shop: OpenShop) -> None:
    payout, rows = big_payout("BIG1", 1200, NOON)
    equal = {**next(row for row in rows if row["type"] == "SALE"), "type": "RETURN", "amount": 5000}
    equal["detailed_type"] = "PURCHASE_RETURN"
    payout["totals"]["return_amount"] += 10000
    payout["totals"]["settlement_amount"] -= 10000
    shop = open_shop(payouts=[(payout, [*rows, equal, dict(equal)])])
    for transfer, fees in (("itemised", 0), ("itemised-fees", 2400)):
        shop.write({"transfer": transfer})
        document = shop.dry_run("--json").json
        entries = document["profiles"][0]["payouts"][0]["voucher"]["entries"]
        kinds = [entry["kind"] for entry in entries]
        assert kinds.count("sale") == 1200
        assert kinds.count("return") == 2
        assert kinds.count("fee") == (fees or 1)
        assert sum(Decimal(entry["amount"]) for entry in entries) == 0
    assert shop.sync().code == 0
    assert len(shop.box.office.home.drafts[0].entries) == 1200 + 2400 + 4


def test_the_day_is_the_shops_own(open_shop: OpenShop) -> None:
    """23:30 UTC on the last of the month is the first in Stockholm: after start_date, and booked on that day."""
    first = (datetime.now(UTC).date().replace(day=1) - timedelta(days=20)).replace(day=1)
    eve = datetime(first.year, first.month, first.day, tzinfo=UTC) - timedelta(minutes=30)
    dates = {"ONTHE1ST": eve, "BEFORE": eve - timedelta(hours=3)}
    shop = open_shop(payouts=[(make_payout(name, at, sale_amount=5000), []) for name, at in dates.items()])
    shop.write({"start_date": first})
    assert shop.sync().code == 0
    assert shop.drafts() == [f"Klarna ONTHE1ST {first}"]


def test_a_preview_reaches_before_start_date_and_never_drafts(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[simple("OLD", 40), simple("NEW", 1)])
    shop.write({"start_date": NOON.date() - timedelta(days=2)})
    since, until = (str(NOON.date() - timedelta(days=days)) for days in (50, 30))
    document = shop.dry_run("--json", "--from", since).json
    assert [payout["payment_reference"] for payout in document["profiles"][0]["payouts"]] == ["OLD", "NEW"]
    result = shop.dry_run("--to", until)
    assert (result.code, "give --from as well" in result.err) == (2, True)
    assert "Klarna OLD" in shop.dry_run("--from", since, "--to", until).out
    assert shop.dry_run("--from", "2026-02-01", "--to", "2026-01-01").code == 2
    assert not shop.drafts()


def test_a_preview_shows_what_is_in_doubt_and_what_has_changed(open_shop: OpenShop) -> None:
    shop = doubtful(open_shop, simple("LOST"), simple("CHANGED"), simple("SAME"), after=1)  # CHANGED, LOST, SAME
    shop.box.klarna.payouts[1]["totals"]["settlement_amount"] += 100
    document = shop.dry_run("--json", "--from", str(NOON.date())).json
    assert document["exit_code"] == 8
    payouts = {payout["payment_reference"]: payout for payout in document["profiles"][0]["payouts"]}
    statuses = {name: payout["status"] for name, payout in payouts.items()}
    assert statuses == {"LOST": "in-doubt", "CHANGED": "drafted", "SAME": "drafted"}
    assert "changed at Klarna after it was drafted" in payouts["CHANGED"]["reason"]
    assert payouts["SAME"]["reason"] is None


def test_status_lists_what_needs_a_person_with_its_command_and_ends_with_0(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[simple("GOOD"), simple("BAD", settlement_amount=1, sale_amount=2)])
    assert shop.run("status").code == 0
    shop.sync()
    result = shop.run("status", "--profile", "shop1")
    assert (result.code, "1 blocked, 1 drafted" in result.out, "BAD" in result.out) == (0, True, True)
    document = shop.run("status", "--json").json["profiles"][0]
    assert document["counts"] == {"blocked": 1, "drafted": 1}
    assert document["completed_at"]
    unknown = shop.run("status", "--profile", "shpo1")
    assert (unknown.code, unknown.out) == (3, "")
    assert "no profile 'shpo1'; did you mean shop1?" in unknown.err
    shop.rename("other")
    names = {one["profile"]: one["in_file"] for one in shop.run("status", "--json").json["profiles"]}
    assert names == {"other": True, "shop1": False}
