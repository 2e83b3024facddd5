"""``klarna24 report``: a month from its payouts to its end, through the real command line."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from klarna24.report.month import Month
from tests.support import LONG
from tests.support.mail_server import OpenMail, email, text
from tests.support.months import LAST, SALE, book, book_by_hand, clearing, move, on, received
from tests.support.shops import OpenShop, Result, Shop, english, simple

WRONG: dict[str, Any] = {"sale": 100000, "settlement": 1}


def month(shop: Shop, *options: str) -> Any:
    """The only currency of shop1's report."""
    [currency] = shop.run("report", "--json", *options).json["profiles"][0]["currencies"]
    return currency


def named(result: Result) -> dict[str | None, str]:
    """The message of each difference by its payout."""
    [currency] = result.json["profiles"][0]["currencies"]
    return {it["payment_reference"]: it["message"] for it in currency["differences"]}


@pytest.fixture
def eventful(open_shop: OpenShop) -> Shop:
    """GOOD is booked, WAITS is not, EDITED was changed after it was booked, WRONG is blocked, LOST is in doubt,
    and OWED left a debt that Klarna invoiced before AFTER."""
    shop = open_shop(payouts=[on(12, "LOST")])
    clearing(shop)
    shop.box.faults.arm("cut-after-save")
    assert shop.sync().code == 8
    payouts = [on(2, "GOOD"), on(5, "WAITS"), on(8, "EDITED"), on(10, "WRONG", **WRONG)]
    owed = on(15, "OWED", sale=5000, return_amount=15000, deposit=10000)
    for payout, rows in [*payouts, owed, on(20, "AFTER")]:
        shop.box.klarna.add(payout, rows)
    assert shop.sync("--now").code == 8
    for reference in ("GOOD", "OWED", "AFTER"):
        book(shop, reference)
    move(shop, book(shop, "EDITED"), 6064, 6570)
    return shop


def test_a_month_names_all_that_keeps_it_from_closing_and_closes_when_it_is_put_right(eventful: Shop) -> None:
    shop = eventful
    before = shop.run("report", "--json")
    assert before.code == before.json["exit_code"] == 7
    assert "what to do about each: klarna24 status --profile shop1" in shop.run("report").out
    differences = named(before)
    assert list(differences) == ["WAITS", "EDITED", "WRONG", "LOST", "AFTER"]
    assert differences["WAITS"].startswith("drafted on 20")
    assert "account 6064 30.00 → 0.00, account 6570 0.00 → 30.00 SEK" in differences["EDITED"]
    assert "payout WRONG is blocked" in differences["WRONG"]
    assert "payout LOST is in doubt" in differences["LOST"]
    assert "the opening debt is 0.00 SEK, but the last payout closed with 100.00" in differences["AFTER"]

    book(shop, "WAITS")
    number = next(it["transaction_no"] for it in month(shop)["payouts"] if it["payment_reference"] == "EDITED")
    words = f"Rättelse av {number}, Klarna EDITED"
    book_by_hand(shop, LAST.last, (6064, "30.00", words), (6570, "-30.00", words))
    shop.box.klarna.payouts[4]["totals"]["settlement_amount"] = 100000
    book(shop, "LOST")
    book_by_hand(
        shop, LAST.last, (2899, "100.00", "Klarna faktura 4711"), (1930, "-100.00", "Klarna faktura 4711")
    )
    assert shop.sync("--now").code == 0
    book(shop, "WRONG")
    after = shop.run("report", "--json")
    assert (named(after), after.code) == ({}, 0)
    assert "what to do" not in shop.run("report").out
    [currency] = after.json["profiles"][0]["currencies"]
    assert currency["closes"] is True
    assert {it["status"] for it in currency["payouts"]} == {"booked"}
    assert all(it["transaction_no"] for it in currency["payouts"])
    assert currency["ledger"]["1940"] == currency["klarna"]["settlement"]


def test_the_document_is_as_the_reference_says(eventful: Shop) -> None:
    document = eventful.run("report", "--json").json
    assert list(document) == ["version", "command", "month", "exit_code", "problems", "profiles"]
    assert document["month"] == str(LAST)
    [profile] = document["profiles"]
    assert list(profile) == ["profile", "currencies"]
    [currency] = profile["currencies"]
    assert list(currency) == ["currency", "closes", "payouts", "klarna", "ledger", "differences"]
    payout = [
        "payment_reference",
        "payout_date",
        "settlement_amount",
        "status",
        "transaction_no",
        "totals",
        "remarks",
    ]
    assert list(currency["payouts"][0]) == payout
    sums = sum(float(it["totals"]["sale"]) for it in currency["payouts"])
    assert currency["klarna"]["sale"] == f"{sums:.2f}"


def test_a_csv_file_has_a_line_for_each_payout(eventful: Shop, tmp_path: Path) -> None:
    file = tmp_path / "month.csv"
    assert eventful.run("report", "--csv", str(file)).code == 7
    rows = list(csv.DictReader(io.StringIO(file.read_text("utf-8"))))
    assert [row["payment_reference"] for row in rows] == [
        "GOOD",
        "WAITS",
        "EDITED",
        "WRONG",
        "LOST",
        "OWED",
        "AFTER",
    ]
    assert {row["closes"] for row in rows} == {"yes", "no"}
    assert rows[0]["settlement_amount"] == "962.50"
    refused = eventful.run("report", "--csv", str(tmp_path / "no" / "month.csv"))
    assert refused.code == 2
    assert "its folder does not exist" in refused.err


def test_a_report_keeps_which_drafts_were_booked_and_nothing_else(eventful: Shop) -> None:
    before = eventful.stored()
    assert eventful.run("report").code == 7
    now_booked = dict.fromkeys(("GOOD", "EDITED", "OWED", "AFTER"), "booked")
    assert eventful.stored() == before | now_booked
    assert eventful.box.office.home.drafts, "nothing is sent"


@pytest.mark.parametrize("width", [60, 80, 140])
def test_the_table_fits_and_cuts_no_figure(eventful: Shop, monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    out = eventful.run("report").out
    assert max(map(len, out.splitlines())) <= width
    assert "does not close, 5 differences" in " ".join(out.split())
    assert "962.50" in out


def test_what_klarna_has_and_the_state_does_not_and_the_other_way_round(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[on(2, "GONE"), on(3, "CHANGED"), on(4, "NOW")])
    clearing(shop)
    shop.sync()
    for reference in ("GONE", "CHANGED", "NOW"):
        book(shop, reference)
    assert shop.run("report").code == 0
    shop.box.klarna.payouts[0]["payout_date"] = "2020-01-01T12:00:00Z"
    shop.box.klarna.payouts[1]["totals"] |= {"sale_amount": 100100, "settlement_amount": 96350}
    shop.box.klarna.add(*on(28, "NEW"))
    result = shop.run("report", "--json")
    differences = named(result)
    assert (result.code, set(differences)) == (7, {"CHANGED", "GONE", "NEW"})
    assert "does not list it" in differences["GONE"]
    assert "1000.00 → 1001.00" in differences["CHANGED"]
    assert "does not know it" in differences["NEW"]
    assert [it["status"] for it in month(shop)["payouts"] if it["payment_reference"] == "NEW"] == [None]


def test_what_a_later_start_date_leaves_out_is_still_reported_if_it_was_drafted(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[on(3, "DRAFTED"), on(20, "LATER")])
    clearing(shop)
    shop.sync()
    book(shop, "DRAFTED")
    book(shop, "LATER")
    shop.box.klarna.add(*on(2, "BY-HAND"))
    clearing(shop, start_date=LAST.first + timedelta(days=9))
    assert shop.run("report").code == 0
    assert [it["payment_reference"] for it in month(shop)["payouts"]] == ["DRAFTED", "LATER"]


def test_what_another_profile_has_today_is_reported_there(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[on(3, "A")])
    clearing(shop)
    shop.sync()
    book(shop, "A")
    rest = {"start_date": LAST.first, "accounts": {"payout": 1940}}
    shop.write({**rest, "klarna": {"currencies": ["EUR"]}}, shop2={**rest, "klarna": {"currencies": ["SEK"]}})
    result = shop.run("report", "--all", "--json")
    payouts = {it["profile"]: len(it["currencies"]) for it in result.json["profiles"]}
    assert (result.code, payouts) == (0, {"shop1": 0, "shop2": 1})


def changed_after_booking(open_shop: OpenShop) -> Shop:
    """The shop's payout CHANGED was booked, and a run has seen that Klarna has raised its fee by 10.00 since."""
    shop = open_shop(payouts=[on(3, "CHANGED")])
    clearing(shop)
    shop.sync()
    book(shop, "CHANGED")
    shop.box.klarna.payouts[0]["totals"] |= {"fee_amount": 4000, "settlement_amount": 95250}
    assert shop.sync("--now").code == 7
    return shop


def test_a_changed_payout_whose_voucher_was_corrected_closes(open_shop: OpenShop) -> None:
    shop = changed_after_booking(open_shop)
    book_by_hand(shop, LAST.last, (6064, "10.00", "Klarna CHANGED"), (1940, "-10.00", "Klarna CHANGED"))
    assert shop.run("report").code == 7
    assert shop.resolve("CHANGED", "--drafted").code == 0
    assert shop.run("report").code == 0


def test_a_draft_that_was_booked_twice_does_not_close(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[on(3, "TWICE")])
    clearing(shop)
    shop.sync()
    office = shop.box.office
    [draft] = office.home.drafts
    first = book(shop, "TWICE")
    second = office.book(office.save_draft(office.home, draft).id)
    result = shop.run("report", "--json")
    assert result.code == 7
    assert named(result)["TWICE"] == f"stands 2 times in the ledger: vouchers {first}, {second}"
    assert shop.stored() == {"TWICE": "drafted"}

    [first_lines] = [[it for it in office.home.ledger if it["TransactionNo"] == first]]
    lines = [(it["AccountNo"], str(-it["Amount"]), it["Comment"]) for it in first_lines]
    book_by_hand(shop, LAST.last, *lines)
    assert shop.run("report").code == 0, "one of the two is reversed"
    assert shop.stored() == {"TWICE": "booked"}


def test_a_draft_that_was_split_in_two_does_not_close(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[on(3, "SPLIT")])
    clearing(shop)
    shop.sync()
    office = shop.box.office
    [draft] = office.home.drafts
    office.delete_draft(draft.id)
    words = "Klarna SPLIT payout"
    first = book_by_hand(shop, LAST.first, (1940, "900.00", words), (1580, "-900.00", words))
    rest = (1940, "62.50", words), (6064, "30.00", words), (2641, "7.50", words), (1580, "-100.00", words)
    second = book_by_hand(shop, LAST.first, *rest)
    result = shop.run("report", "--json")
    assert result.code == 7
    assert named(result) == {"SPLIT": f"stands 2 times in the ledger: vouchers {first}, {second}"}
    assert shop.stored() == {"SPLIT": "drafted"}
    assert shop.resolve("SPLIT", "--skip", "--note", "booked as two vouchers").code == 0
    assert shop.run("report").code == 0, "a person says that they are right together"


def test_a_voucher_that_was_edited_is_told_once(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[on(3, "EDITED")])
    clearing(shop)
    shop.sync()
    move(shop, book(shop, "EDITED"), 6064, 6570)
    for _ in range(2):
        assert list(named(shop.run("report", "--json"))) == ["EDITED"]
    assert [it["remarks"] for it in month(shop)["payouts"]] == [[]]
    assert shop.run("report").out.count("account 6570") == 1


def test_a_changed_payout_whose_voucher_was_not_corrected_does_not_close(open_shop: OpenShop) -> None:
    """Although a person says that it was."""
    shop = changed_after_booking(open_shop)
    assert shop.resolve("CHANGED", "--drafted").code == 0
    result = shop.run("report", "--json")
    assert result.code == 7
    assert "account 1940 952.50 → 962.50, account 6064 40.00 → 30.00 SEK" in named(result)["CHANGED"]


def test_a_changed_payout_whose_new_sums_are_unknown_says_so(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[on(3, "CHANGED")])
    clearing(shop, accounts={"payout": 1940, "commission": None})
    shop.sync()
    book(shop, "CHANGED")
    shop.box.klarna.payouts[0]["totals"] |= {"commission_amount": 1000, "settlement_amount": 97250}
    assert shop.sync("--now").code == 7
    said = shop.resolve("CHANGED", "--drafted")
    assert (said.code, "The report cannot compare its sums with them." in " ".join(said.out.split())) == (0, True)
    result = shop.run("report", "--json")
    assert (result.code, "still has the sums from before" in named(result)["CHANGED"]) == (7, True)
    book_by_hand(shop, LAST.last, (1940, "10.00", "Klarna CHANGED"), (3590, "-10.00", "Klarna CHANGED"))
    result = shop.run("report", "--json")
    assert (result.code, named(result)) == (0, {})
    assert "was not compared" in month(shop)["payouts"][0]["remarks"][0]
    clearing(shop, accounts={"payout": 1940})
    assert shop.resolve("CHANGED", "--drafted").code == 0, "now they are known"
    assert (shop.run("report").code, month(shop)["payouts"][0]["remarks"]) == (0, [])


@pytest.mark.parametrize("sale", [100000, 50000])
def test_payouts_of_one_reference_have_a_voucher_each(open_shop: OpenShop, sale: int) -> None:
    """A reference may recur for another merchant, also with the same figures."""
    shop = open_shop(payouts=[on(3, "A"), on(9, "A", **SALE | {"sale": sale})])
    shop.box.klarna.payouts[1]["merchant_id"] = "ANOTHER"
    clearing(shop)
    shop.sync()
    for it in month(shop)["payouts"]:
        if it["status"] == "in-doubt":  # the same figures: is it the same payout?
            assert shop.resolve("A", "--merchant", "ANOTHER", "--resend").code == 0
            shop.sync("--now")
    assert len(shop.drafts()) == 2
    first = book(shop, "A")
    assert shop.run("report").code == 7
    second = book(shop, "A")
    assert shop.run("report").code == 0
    assert [it["transaction_no"] for it in month(shop)["payouts"]] == [first, second]


def test_a_voucher_that_is_gone_from_the_ledger_does_not_close(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[on(3, "A")])
    clearing(shop)
    shop.sync()
    number = book(shop, "A")
    assert shop.run("report").code == 0
    shop.box.office.home.ledger.clear()
    assert named(shop.run("report", "--json")) == {"A": f"voucher {number} does not stand in the ledger any more"}


def test_the_clearing_account_has_open_items_by_age(open_shop: OpenShop) -> None:
    shop = open_shop(
        payouts=[on(2, "A"), on(9, "B", sale=70000), on(16, "C", sale=50000), on(16, "D", sale=50000)]
    )
    clearing(shop)
    shop.sync()
    for reference in "ABCD":
        book(shop, reference)
    received(shop, LAST.last, "962.50", "KLARNA BANK AB A")  # by reference
    received(shop, LAST.last + timedelta(days=2), "700.00", "insättning")  # by amount, too late
    received(shop, LAST.last, "500.00", "insättning")  # for C or for D
    result = shop.run("report")
    shown = " ".join(result.out.split())
    assert result.code == 0, "open items do not keep a month from closing"
    assert "KLARNA BANK AB A" not in shown
    assert f"(matched on {english(LAST.last + timedelta(days=2))})" in shown
    assert "open on account 1940" in shown
    assert "Klarna C payout" in shown
    assert "Klarna D payout" in shown
    assert "1,200.00 SEK" in shown, "what B and one of C and D have left there"


def test_a_bank_account_has_no_open_items(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[on(2, "A")])
    clearing(shop, accounts={"payout": 1930})
    shop.sync()
    book(shop, "A")
    assert "open on account" not in shop.run("report").out


def test_money_that_is_held_back_is_compared_with_its_account(open_shop: OpenShop) -> None:
    shop = open_shop(
        payouts=[on(2, "KEPT", sale=100000, holdback=20000), on(9, "FREED", sale=100000, release=5000)]
    )
    clearing(shop)
    shop.sync()
    book(shop, "KEPT")
    book(shop, "FREED")
    result = shop.run("report")
    assert result.code == 0
    line = "Added 200.00 SEK; Taken 50.00 SEK; Closing 150.00 SEK; account 1689 moved by 150.00 SEK"
    assert line in " ".join(result.out.split())
    book_by_hand(shop, LAST.last, (1689, "-75.00", "Klarna innehållet"), (1930, "75.00", "Klarna innehållet"))
    book_by_hand(shop, LAST.last, (1689, "-10.00", "fordran på någon annan"), (1930, "10.00", "betald"))
    result = shop.run("report", "--json")
    assert (result.code, list(named(result))) == (7, [None])
    assert "-75.00 SEK" in named(result)[None]


def test_a_read_that_fails_has_its_own_exit_code(open_shop: OpenShop, quick: None) -> None:
    shop = open_shop(payouts=[on(2, "A")])
    clearing(shop)
    shop.box.klarna.password = "another"
    result = shop.run("report", "--json")
    assert result.code == result.json["exit_code"] == 4
    assert [it["code"] for it in result.json["problems"]] == ["credentials"]
    assert result.json["profiles"] == [{"profile": "shop1", "currencies": []}]
    assert "refused the credentials" in result.err


def test_of_all_profiles_the_worst_is_on_top(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[on(2, "A"), on(3, "B")])
    for payout, merchant in zip(shop.box.klarna.payouts, ("M1", "M2"), strict=True):
        payout["merchant_id"] = merchant
    tables = [{"klarna": {"merchant_ids": [it]}, "start_date": LAST.first} for it in ("M1", "M2")]
    shop.write(tables[0], shop2=tables[1])
    shop.run("sync", "--all")
    book(shop, "A")
    result = shop.run("report", "--all")
    assert result.code == 7
    assert result.out.index("shop2") < result.out.index("shop1")
    assert "does not close, 1 difference" in result.out


def test_the_last_full_month_is_the_default_and_an_empty_one_closes(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[on(2, "A"), simple("NOW")])
    clearing(shop)
    shop.sync()
    assert shop.run("report", "--json").json["month"] == str(LAST)
    result = shop.run("report", "--month", str(LAST.before))
    assert (result.code, "no payouts" in result.out) == (0, True)
    assert shop.run("list", "--month", str(LAST.before)).out == "no payouts\n"
    assert shop.run("report", "--month", "november").code == 2
    for far in ("0001-01", "9999-12"):
        assert (shop.run("report", "--month", far).code, shop.run("list", "--month", far).code) == (2, 2)


def test_a_month_that_is_not_over_does_not_close_and_one_ahead_is_refused(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[])
    clearing(shop, timezone="UTC")
    shop.sync()
    now = Month.of(datetime.now(UTC).date())
    empty = shop.run("report", "--month", str(now))
    assert (empty.code, "not over, no payouts so far" in empty.out) == (7, True)
    assert "not over" in shop.run("list", "--month", str(now)).out
    shop.box.klarna.add(*on(1, "A", now))
    shop.sync("--now")
    for draft in list(shop.box.office.home.drafts):
        shop.box.office.book(draft.id)
    result = shop.run("report", "--month", str(now), "--json")
    assert (result.code, named(result)) == (7, {None: f"the month is not over: its last day is {now.last}"})
    ahead = Month.of(now.last + timedelta(days=1))
    ahead = Month.of(ahead.last + timedelta(days=1))
    for command in ("report", "list"):
        refused = shop.run(command, "--month", str(ahead))
        assert (refused.code, "lies ahead" in refused.err) == (2, True)


def test_a_report_before_the_first_run_makes_no_state(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[on(2, "A")])
    clearing(shop)
    assert shop.run("report").code == 7
    assert shop.sync().code == 0


def test_two_options_do_not_write_the_same_file(open_shop: OpenShop, tmp_path: Path) -> None:
    shop, file = open_shop(), tmp_path / "month.html"
    clearing(shop)
    result = shop.run("report", "--html", str(file), "--csv", str(tmp_path / "." / "month.html"))
    assert (result.code, "name the same file" in result.err, file.exists()) == (2, True, False)


def test_a_mail_says_whether_it_closes(open_shop: OpenShop, open_mail: OpenMail) -> None:
    shop, mail = open_shop(payouts=[on(2, "A"), on(3, "B")]), open_mail()
    clearing(shop, **email(shop, mail))
    shop.sync()
    book(shop, "A")
    assert shop.run("report", "--mail").code == 7
    book(shop, "B")
    assert shop.run("report", "--mail").code == 0
    figures = f"klarna24 shop1: {LAST.first:%B %Y} closes: 2 payouts, 1,925.00 SEK, fees 3.0 %"
    assert mail.subjects() == [figures.replace(" closes", " does not close"), figures]
    assert "- B: drafted on" in text(mail.mails[0])


def test_a_mail_without_settings_is_a_fault_after_the_report(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[on(2, "A")])
    clearing(shop)
    shop.sync()
    result = shop.run("report", "--mail")
    assert (result.code, "no mail settings" in result.err, "shop1" in result.out) == (3, True, True)


def test_a_year_of_payouts_costs_few_calls(open_shop: OpenShop) -> None:
    """For each month one call to Klarna; of the ledger the chart, the company, three accounts and each voucher."""
    months = [LAST]
    while len(months) < 12:
        months.append(months[-1].before)
    payouts = [on(1 + place, f"M{it}-{place}", it) for it in months for place in range(17 if LONG else 4)]
    shop = open_shop(payouts=payouts)
    clearing(shop, start_date=months[-1].first)
    assert shop.sync().code == 0
    shop.book()
    count = len(shop.box.requests)
    for it in months:
        assert shop.run("report", "--month", str(it)).code == 0, it
    operations = [request.operation for request in shop.box.requests[count:]]
    assert operations.count("payouts") == 12
    assert operations.count("GetTransactions") == 12 * 3 + len(payouts)
    assert len(operations) <= 12 * 8 + len(payouts)
    assert json.loads(shop.run("list", "--json", "--status", "booked").out)["payouts"], "they are booked now"
