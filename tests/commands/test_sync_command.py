"""sync and dry-run: payouts become drafts."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from klarna24.sandbox.klarna.generate import big_payout, make_payout
from tests.support.shops import NOON, OpenShop, Shop, simple, snapshot


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


def test_the_json_document_of_a_run(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[simple("XISA93DJ")])
    document = shop.sync("--json").json
    day = NOON.date().isoformat()
    zero = (
        *("return", "reversal", "fee_correction", "fee_refund", "tax_refund", "commission", "commission_reversal"),
        *("charge", "credit", "holdback", "release", "repay", "deposit", "opening_debt", "closing_debt"),
    )
    figures = {"settlement": "962.50", "sale": "1000.00", "fee": "30.00", "tax": "7.50"}
    totals = dict.fromkeys(zero, "0.00") | figures

    def entry(account_no: int, amount: str, kind: str, word: str) -> dict[str, Any]:
        empty = dict.fromkeys(("invoice_no", "ocr", "customer_id", "department_id", "project_id"))
        return {
            "account_no": account_no,
            "amount": amount,
            "kind": kind,
            "comment": f"Klarna XISA93DJ {word}",
            **empty,
        }

    assert document == {
        "version": 1,
        "command": "sync",
        "exit_code": 0,
        "problems": [],
        "profiles": [
            {
                "profile": "shop1",
                "due": True,
                "checkpoint": day,
                "problems": [],
                "payouts": [
                    {
                        "payment_reference": "XISA93DJ",
                        "payout_date": day,
                        "currency": "SEK",
                        "settlement_amount": "962.50",
                        "totals": totals,
                        "status": "drafted",
                        "reason": None,
                        "voucher": {
                            "date": day,
                            "type": "Diverse",
                            "name": f"Klarna XISA93DJ {day}",
                            "entries": [
                                entry(1930, "962.50", "settlement", "payout"),
                                entry(1580, "-1000.00", "sale", "sales"),
                                entry(6064, "30.00", "fee", "fees"),
                                entry(2641, "7.50", "tax", "VAT on fees"),
                            ],
                        },
                    }
                ],
            }
        ],
    }


def test_twenty_five_payouts_over_several_pages_and_then_silence(
    open_shop: OpenShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("klarna24.klarna.listing.PAGE_SIZE", 7)
    shop = open_shop(payouts=[simple(f"REF{number:05}", number) for number in range(25)])
    first = shop.sync()
    assert (first.code, first.out, first.err) == (0, "", ""), "a run that went well is silent without a terminal"
    assert len(set(shop.drafts())) == 25
    assert shop.box.calls()["payouts"] > 4
    logins = shop.box.calls()["Login"]
    before = shop.box.calls()
    second = shop.sync("--now")
    assert (second.code, second.out, second.err) == (0, "", "")
    assert len(shop.drafts()) == 25
    assert shop.box.calls()["Login"] == logins == 1
    soap = shop.box.calls() - before
    assert soap == {"payouts": 7}, "nothing new: 24SevenOffice is not even asked"


def test_verbose_lists_what_was_drafted(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[simple("XISA93DJ")])
    result = shop.run("-v", "sync", "--profile", "shop1")
    assert result.out == f"shop1: drafted Klarna XISA93DJ {NOON.date()}, 962.50 SEK\n"


def test_quiet_shows_problems_only(shop: Shop) -> None:
    result = shop.run("-q", "dry-run", "--profile", "shop1")
    assert result.out == ""
    assert len(result.lines()) == 2


def test_itemised_makes_an_entry_of_each_of_1200_sales_and_of_two_equal_returns(open_shop: OpenShop) -> None:
    payout, rows = big_payout("BIG1", 1200, NOON)
    equal = {**next(row for row in rows if row["type"] == "SALE"), "type": "RETURN", "amount": 5000}
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
    earlier = eve - timedelta(hours=3)
    shop = open_shop(
        payouts=[
            (make_payout("ONTHE1ST", eve, sale_amount=5000), []),
            (make_payout("BEFORE", earlier, sale_amount=5000), []),
        ]
    )
    shop.write({"start_date": first})
    assert shop.sync().code == 0
    assert shop.drafts() == [f"Klarna ONTHE1ST {first}"]


def test_a_preview_reaches_before_start_date_and_never_drafts(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[simple("OLD", 40), simple("NEW", 1)])
    shop.write({"start_date": NOON.date() - timedelta(days=2)})
    document = shop.dry_run("--json", "--from", str(NOON.date() - timedelta(days=50))).json
    assert [payout["payment_reference"] for payout in document["profiles"][0]["payouts"]] == ["OLD", "NEW"]
    assert shop.dry_run("--from", "2026-02-01", "--to", "2026-01-01").code == 2
    assert not shop.drafts()


def test_a_payout_found_sending_is_in_doubt_and_never_sent_again(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[simple("LOST"), simple("NEXT")])
    shop.box.faults.arm("cut-after-save")
    first = shop.sync()
    assert first.code == 8
    assert "LOST is in doubt" in first.err
    assert len(shop.drafts()) == 2, "the other payout goes on"
    again = shop.sync("--now")
    assert again.code == 8
    assert len(shop.drafts()) == 2


def test_a_blocked_payout_does_not_block_others_and_is_drafted_once_corrected(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[simple("GOOD"), simple("BAD", sale_amount=100, settlement_amount=99)])
    assert shop.sync().code == 7
    assert len(shop.drafts()) == 1
    shop.box.klarna.payouts[1]["totals"]["settlement_amount"] = 100
    assert shop.sync("--now").code == 0
    assert len(shop.drafts()) == 2


def test_a_payout_of_zeros_is_skipped_for_good(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[simple("ZERO", sale_amount=0)])
    assert shop.dry_run("--json").json["profiles"][0]["payouts"][0]["status"] == "skipped"
    assert shop.sync().code == 0
    assert shop.sync("--now", "--json").json["profiles"][0]["payouts"] == []
    assert not shop.drafts()


def test_a_change_at_klarna_after_drafting_is_reported_and_never_drafted(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[simple("XISA93DJ")])
    assert shop.sync().code == 0
    shop.box.klarna.payouts[0]["totals"]["fee_amount"] = 2900
    shop.box.klarna.payouts[0]["totals"]["settlement_amount"] += 100
    result = shop.sync("--now")
    assert result.code == 7
    assert "settlement 962.50 → 963.50, fee 30.00 → 29.00 SEK" in result.err
    assert len(shop.drafts()) == 1


def test_a_twin_or_renamed_profile_drafts_nothing_twice(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[simple("XISA93DJ")])
    assert shop.sync().code == 0
    shop.write(None, twin={})
    twin = shop.run("sync", "--profile", "twin")
    assert twin.code == 3
    assert "shop1" in twin.err
    assert "twin" in twin.err
    shop.write()
    shop.config.write_text(shop.config.read_text().replace("profiles.shop1", "profiles.renamed"))
    assert shop.run("sync", "--profile", "renamed").code == 0
    assert len(shop.drafts()) == 1


def test_an_earlier_start_date_drafts_the_payouts_since_then(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[simple("OLD", 200), simple("NEW", 1)])
    shop.write({"start_date": NOON.date() - timedelta(days=5)})
    assert shop.sync().code == 0
    shop.write({"start_date": NOON.date() - timedelta(days=300)})
    assert shop.sync("--now").code == 0
    assert len(shop.drafts()) == 2


def test_the_checkpoint_is_the_date_of_the_newest_payout(open_shop: OpenShop) -> None:
    """The checkpoint is the newest payout's date, never a clock reading."""
    shop = open_shop(payouts=[simple("OLD", 30)])
    document = shop.sync("--json").json
    assert document["profiles"][0]["checkpoint"] == (NOON.date() - timedelta(days=30)).isoformat()
    assert date.fromisoformat(document["profiles"][0]["checkpoint"]) < NOON.date()
