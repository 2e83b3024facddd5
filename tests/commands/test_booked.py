"""Drafts that a person books become booked; those that wait are told, and reminded of."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.mail_server import OpenMail, email, text
from tests.support.shops import OpenShop, Shop, doubtful, simple
from tests.support.state import sql


def with_a_draft(open_shop: OpenShop, *payouts: Any) -> Shop:
    """A shop with drafts of these payouts, or of OLD; its first run is over."""
    shop = open_shop(payouts=payouts or [simple("OLD")])
    assert shop.sync().code == 0
    return shop


def something_new(shop: Shop, reference: str = "NEW") -> Any:
    """The outcomes, by reference, of a run that drafts one more payout."""
    shop.box.klarna.add(*simple(reference))
    result = shop.sync("--now", "--json")
    assert (result.code, result.err) == (0, "")
    return {it["payment_reference"]: it for it in result.json["profiles"][0]["payouts"]}


def kept(shop: Shop, reference: str) -> Any:
    """Voucher number, sums as booked, and whether it is known since when."""
    columns = "transaction_no, ledger_sums, booked_at IS NOT NULL"
    [row] = sql(shop.state, f"SELECT {columns} FROM payout WHERE payment_reference = '{reference}'")
    return row


def age(shop: Shop, days: int) -> None:
    """The drafts were saved so long ago, and the ledger was last read on the day before today."""
    since = datetime.now(UTC) - timedelta(days=days, minutes=5)
    sql(
        shop.state,
        f"UPDATE payout SET changed_at = '{since.isoformat()}'",
        "UPDATE profile SET ledger_read_at = '2020-01-01T00:00:00+00:00' WHERE ledger_read_at IS NOT NULL",
    )


def ledger_reads(shop: Shop) -> int:
    return int(shop.box.calls()["GetTransactions"])


def drafts_of_status(shop: Shop) -> Any:
    return shop.run("status", "--json").json["profiles"][0]["drafts"]


def test_a_draft_that_was_booked_becomes_booked_when_the_ledger_is_read_anyway(open_shop: OpenShop) -> None:
    shop = with_a_draft(open_shop)
    [number] = shop.book()
    assert something_new(shop)["OLD"]["status"] == "booked"
    assert shop.stored() == {"OLD": "booked", "NEW": "drafted"}
    assert kept(shop, "OLD") == (number, None, 1)
    assert f"booked: found in the ledger as {number}" in shop.run("log", "--profile", "shop1").out
    assert "OLD" not in something_new(shop, "NEWER"), "it is told once"


def test_what_is_still_a_draft_stays_drafted(open_shop: OpenShop) -> None:
    shop = with_a_draft(open_shop, simple("OLD"), simple("OLDER", 7))
    shop.book(1)
    something_new(shop)
    assert sorted(shop.stored().values()) == ["booked", "drafted", "drafted"]


def test_a_draft_edited_before_it_was_booked_is_told_with_both_sums_and_never_touched(open_shop: OpenShop) -> None:
    shop = with_a_draft(open_shop)
    home = shop.box.office.home
    draft = home.drafts[0]
    sold = next(place for place, entry in enumerate(draft.entries) if entry["AccountNo"] == 1580)
    shop.box.office.edit_draft(draft.id, sold, Amount=draft.entries[sold]["Amount"] + 1)
    [number] = shop.book()
    before = list(home.ledger)
    told = something_new(shop)["OLD"]
    assert told["status"] == "booked"
    why = f"voucher {number} was booked with other sums than drafted: 1580 -1000.00 → -999.00"
    assert (told["remarks"], told["reason"]) == ([why], None)
    assert kept(shop, "OLD")[0] == number
    assert '"1580": "-999' in kept(shop, "OLD")[1]
    assert why in shop.run("log").out
    assert home.ledger == before


def test_a_bank_row_with_the_reference_is_no_draft_of_ours(open_shop: OpenShop) -> None:
    """Its other line stands on the payout account as well, with the opposite sign."""
    shop = with_a_draft(open_shop)
    home = shop.box.office.home
    bank = simple("BANK")
    shop.box.klarna.add(*bank)
    shop.sync("--now")
    copy = next(draft for draft in home.drafts if "BANK" in draft.name)
    lines = [dict(entry, Comment="Klarna OLD") for entry in copy.entries[:2]]
    lines[0].update(AccountNo=1930, Amount=-lines[0]["Amount"])
    lines[1].update(AccountNo=1920, Amount=-lines[0]["Amount"])
    shop.box.office.edit_draft(copy.id, entries=lines)
    shop.box.office.book(copy.id)
    something_new(shop)
    assert shop.stored()["OLD"] == "drafted"


def namesakes(open_shop: OpenShop, *, of_one_profile: bool, **totals: int) -> Shop:
    """The payout SAME of two merchants, both drafted; the second has these totals."""
    one, other = simple("SAME"), simple("SAME", **totals)
    one[0]["merchant_id"], other[0]["merchant_id"] = "M1", "M2"
    shop = open_shop(payouts=[one, other])
    both = {"klarna": {"merchant_ids": ["M1", "M2"]}}
    each = {"klarna": {"merchant_ids": ["M1"]}}, {"klarna": {"merchant_ids": ["M2"]}}
    shop.write(both) if of_one_profile else shop.write(each[0], shop2=each[1])
    assert shop.run("sync", "--all", "--jobs", "1").code == 0
    assert len(shop.drafts()) == 2
    return shop


def after_one_more(shop: Shop, reference: str = "NEW") -> list[str]:
    """The statuses of the two payouts SAME after a run that drafts one more payout of the first merchant."""
    payout, rows = simple(reference)
    shop.box.klarna.add({**payout, "merchant_id": "M1"}, rows)
    assert shop.sync("--now").code == 0
    return [
        it
        for [it] in sql(
            shop.state, "SELECT status FROM payout WHERE payment_reference = 'SAME' ORDER BY merchant_id"
        )
    ]


@pytest.mark.parametrize("of_one_profile", [True, False])
def test_of_two_payouts_with_one_reference_and_equal_sums_nothing_is_guessed(
    open_shop: OpenShop, of_one_profile: bool
) -> None:
    """Their totals differ, or the second would be in doubt; a return lowers the receivable as well."""
    equal = {"sale_amount": 101000, "return_amount": 1000, "fee_amount": 3000, "tax_amount": 750}
    shop = namesakes(open_shop, of_one_profile=of_one_profile, **equal)
    shop.book(0, 1)
    assert after_one_more(shop) == ["drafted", "drafted"]


@pytest.mark.parametrize("of_one_profile", [True, False])
def test_of_two_payouts_with_one_reference_only_an_exact_one_is_booked(
    open_shop: OpenShop, of_one_profile: bool
) -> None:
    """The fees are the same, so that the second's voucher looks like an edited one of the first."""
    shop = namesakes(open_shop, of_one_profile=of_one_profile, sale_amount=90000, fee_amount=3000, tax_amount=750)
    drafts = shop.box.office.home.drafts
    [second] = [it for it in drafts if any(entry["Amount"] == -900 for entry in it.entries)]
    shop.box.office.book(second.id)
    found = "booked" if of_one_profile else "drafted"  # that of another profile is not looked for
    assert after_one_more(shop) == ["drafted", found]
    shop.book(0, 1)
    assert after_one_more(shop, "NEWER") == ["booked", found]


def test_a_look_up_of_what_is_in_doubt_shows_drafts_that_were_booked(open_shop: OpenShop) -> None:
    shop = doubtful(open_shop, simple("LOST", 3), simple("OLD"), times=1)
    shop.sync("--now")
    assert shop.stored() == {"LOST": "in-doubt", "OLD": "drafted"}
    [old] = [draft for draft in shop.box.office.home.drafts if "OLD" in draft.name]
    shop.box.office.book(old.id)
    planned = shop.dry_run("--json").json["profiles"][0]["payouts"]
    assert {it["payment_reference"]: it["status"] for it in planned} == {"LOST": "in-doubt", "OLD": "booked"}
    assert shop.stored()["OLD"] == "drafted", "a dry run writes nothing"
    shop.sync("--now")
    assert shop.stored() == {"LOST": "in-doubt", "OLD": "booked"}


def test_resolve_that_searches_the_ledger_shows_them_too(open_shop: OpenShop) -> None:
    shop = doubtful(open_shop, simple("LOST", 3), simple("OLD"), times=1)
    shop.sync("--now")
    [old] = [draft for draft in shop.box.office.home.drafts if "OLD" in draft.name]
    shop.box.office.book(old.id)
    assert shop.resolve("LOST", "--resend").code == 0
    assert shop.stored() == {"LOST": "ready", "OLD": "booked"}


def test_a_payout_that_changed_at_klarna_keeps_its_problem_when_it_is_booked(open_shop: OpenShop) -> None:
    shop = with_a_draft(open_shop)
    shop.box.klarna.payouts[0]["totals"].update(sale_amount=110000, settlement_amount=106250)
    shop.book()
    shop.box.klarna.add(*simple("NEW"))
    result = shop.sync("--now", "--json")
    [old] = [it for it in result.json["profiles"][0]["payouts"] if it["payment_reference"] == "OLD"]
    assert (result.code, old["status"]) == (7, "booked")
    assert "changed at Klarna" in old["reason"]


def test_a_booked_draft_that_is_ordered_again_is_refused(open_shop: OpenShop) -> None:
    shop = with_a_draft(open_shop)
    shop.book()
    something_new(shop)
    assert shop.resolve("OLD", "--resend").code == 2
    assert shop.stored()["OLD"] == "booked"


# What waits


def test_status_tells_drafts_that_wait_from_what_is_booked(open_shop: OpenShop) -> None:
    shop = with_a_draft(open_shop, simple("A"), simple("B", 7), simple("C", 14))
    shop.book(0, 1)
    something_new(shop)
    age(shop, 9)
    line = "3 drafts wait in 24SevenOffice, the oldest since 9 days: check, number, book"
    assert line in " ".join(shop.run("status").out.split())
    drafts = drafts_of_status(shop)
    assert (drafts["count"], drafts["references"]) == (3, ["B", "A", "NEW"])
    assert (datetime.now(UTC) - datetime.fromisoformat(drafts["oldest_since"])).days == 9
    shop.book()
    something_new(shop, "NEWER")
    shop.book()
    assert "1 draft waits in 24SevenOffice, since today" in " ".join(shop.run("status").out.split())


def test_a_long_line_of_drafts_goes_on_below_its_text(
    open_shop: OpenShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    shop = with_a_draft(open_shop, simple("A"), simple("B", 7))
    lines = shop.run("status").out.splitlines()
    first = next(place for place, it in enumerate(lines) if it.startswith("  drafts"))
    assert lines[first + 1].startswith(" " * 22)


def test_status_says_nothing_of_drafts_where_none_waits(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[])
    shop.sync()
    assert drafts_of_status(shop) == {"count": 0, "oldest_since": None, "references": []}
    assert "drafts" not in shop.run("status").out


def test_a_draft_that_waits_too_long_is_mailed_and_its_end_once_it_is_booked(
    open_shop: OpenShop, open_mail: OpenMail
) -> None:
    shop, mail = with_a_draft(open_shop), open_mail()
    shop.write({**email(shop, mail), "remind_unbooked_after_days": 14})
    age(shop, 13)
    assert (shop.sync("--now").code, ledger_reads(shop), mail.mails) == (0, 1, [])
    age(shop, 14)
    result = shop.sync("--now")
    assert (result.code, result.out, result.err) == (0, "", ""), "cron stays quiet"
    assert ledger_reads(shop) == 2
    assert mail.subjects() == ["klarna24 shop1: new: 1"]
    assert "is not booked after 14 days" in " ".join(text(mail.mails[0]).split())
    shop.sync("--now")
    assert (ledger_reads(shop), len(mail.mails)) == (2, 1), "once a day"
    shop.book()
    age(shop, 15)
    shop.sync("--now")
    assert shop.stored() == {"OLD": "booked"}
    assert mail.subjects()[1:] == ["klarna24 shop1: over: 1"]
    reads = ledger_reads(shop)
    age(shop, 16)
    shop.sync("--now")
    assert ledger_reads(shop) == reads, "nothing waits"


def test_the_reminder_has_one_list_of_drafts_the_oldest_first_with_swedish_numbers(
    open_shop: OpenShop, open_mail: OpenMail
) -> None:
    given = [simple("NEWER"), simple("OLDER", 7, sale=2881114, fee=0), simple("TWICE", 14)]
    shop, mail = with_a_draft(open_shop, *given), open_mail()
    office = shop.box.office
    [twice] = [it for it in office.home.drafts if "TWICE" in it.name]
    numbers = [office.book(office.save_draft(office.home, twice).id), office.book(twice.id)]
    shop.write({**email(shop, mail), "remind_unbooked_after_days": 9, "language": "sv"})
    age(shop, 9)
    assert shop.sync("--now").code == 0
    (sent,) = mail.mails
    said = text(sent).replace("\N{NO-BREAK SPACE}", " ")
    places = [said.index(name) for name in ("TWICE", "OLDER", "NEWER")]
    assert places == sorted(places)
    assert said.count("- ") >= 3
    assert said.count("klarna24 resolve") == 2, "what to do is said once"
    assert "28 811,14 SEK" in said
    assert f"{numbers[0]}, {numbers[1]}" in said
    assert shop.stored()["TWICE"] == "drafted"
    shop.sync("--now")
    assert f"vouchers {numbers[0]}, {numbers[1]}" in str(_problems(shop)), (
        "also where the ledger is not read again"
    )


def test_a_mail_about_a_draft_that_waits_or_was_booked_repeats_no_remark(
    open_shop: OpenShop, open_mail: OpenMail
) -> None:
    review = {"type": "HOLDBACK", "detailed_type": "UNDER_REVIEW", "amount": 4000, "currency_code": "SEK"}
    shop, mail = open_shop(payouts=[(simple("OLD", sale=10000, holdback=4000)[0], [review])]), open_mail()
    settings = {**email(shop, mail), "accounts": {"holdback": 1689}}
    shop.write(settings)
    assert [shop.sync("--now").code for _ in range(2)] == [0, 0]
    shop.write({**settings, "remind_unbooked_after_days": 14})
    age(shop, 14)
    shop.sync("--now")
    shop.book()
    age(shop, 15)
    shop.sync("--now")
    assert ["merchant portal" in text(it) for it in mail.mails] == [True, False, False]


def test_the_reminder_is_a_problem_that_changes_no_exit_code(open_shop: OpenShop) -> None:
    shop = with_a_draft(open_shop)
    shop.write({"remind_unbooked_after_days": 1})
    age(shop, 2)
    result = shop.sync("--now", "--json")
    [problem] = result.json["profiles"][0]["problems"]
    assert (result.code, problem["code"], problem["payment_reference"]) == (0, "unbooked", "OLD")
    assert "--resend" in problem["hint"]
    [line] = shop.run("-v", "sync", "--profile", "shop1", "--now").out.splitlines()
    assert line.startswith("shop1: drafted Klarna OLD ")
    assert line.endswith("is not booked after 2 days")
    assert shop.stored() == {"OLD": "drafted"}


def test_a_ledger_that_cannot_be_read_keeps_nothing_from_being_drafted(open_shop: OpenShop, quick: None) -> None:
    shop = with_a_draft(open_shop)
    shop.write({"remind_unbooked_after_days": 1})
    age(shop, 2)
    shop.box.klarna.add(*simple("NEW"))
    shop.box.faults.arm("html-error", None, 1, "GetTransactions")
    assert shop.sync("--now").code == 5
    assert shop.stored() == {"OLD": "drafted", "NEW": "drafted"}
    shop.box.faults.clear()
    assert [problem["code"] for problem in _problems(shop)] == ["unbooked"]


def _problems(shop: Shop) -> Any:
    return shop.sync("--now", "--json").json["profiles"][0]["problems"]


@pytest.mark.parametrize("by_person", [False, True])
def test_a_draft_that_was_deleted_and_booked_by_hand_is_skipped_and_no_longer_reminded_of(
    open_shop: OpenShop, by_person: bool
) -> None:
    shop = doubtful(open_shop) if by_person else with_a_draft(open_shop, simple("A"))
    if by_person:
        assert shop.resolve("A", "--drafted").code == 0
    shop.write({"remind_unbooked_after_days": 1})
    shop.box.office.delete_draft(shop.box.office.home.drafts[0].id)
    age(shop, 2)
    assert [problem["code"] for problem in _problems(shop)] == ["unbooked"]
    assert shop.resolve("A", "--skip").code == 0
    assert (_problems(shop), shop.stored()) == ([], {"A": "skipped"})


def test_a_draft_that_was_booked_with_another_amount_is_not_sent_again(
    open_shop: OpenShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No run has read the ledger since, so that the state still has it as a draft."""
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("klarna24.cli.resolve.read_line", lambda *args, **kwargs: "A")
    shop = open_shop(payouts=[simple("A")])
    assert shop.sync().code == 0
    draft = shop.box.office.home.drafts[0]
    shop.box.office.edit_draft(draft.id, 0, Amount=draft.entries[0]["Amount"] + 1)
    (number,) = shop.book()
    refused = shop.resolve("A", "--resend")
    assert refused.code == 2
    assert f"in the ledger as voucher {number}: it cannot be sent again" in refused.err
    assert shop.sync("--now").code == 0
    assert shop.drafts() == []
