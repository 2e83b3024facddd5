"""Remarks reach tables, JSON, mail and the log, and change no exit code; changed settings leave a trace."""

from klarna24.sandbox.klarna.generate import make_payout
from tests.support.mail_server import OpenMail, email, odd, text
from tests.support.shops import NOON, OpenShop, Shop, simple

REVIEW = {"type": "HOLDBACK", "detailed_type": "UNDER_REVIEW", "amount": 4000, "currency_code": "SEK"}
COMMENT = "Loan Amortisation 2026-11-01"


def reviewed(reference: str = "REVIEW1") -> tuple[dict[str, object], list[dict[str, object]]]:
    """A payout of which Klarna holds back 40.00 kronor."""
    return make_payout(reference, NOON, sale_amount=10000, holdback_amount=4000), [dict(REVIEW)]


def commented() -> tuple[dict[str, object], list[dict[str, object]]]:
    return make_payout("NOTE1", NOON, sale_amount=10000, holdback_amount=4000), [
        {**REVIEW, "detailed_type": "ROLLING_RESERVE", "klarna_comment": COMMENT}
    ]


def events(shop: Shop, what: str) -> list[str]:
    return [it["answer"] for it in shop.run("log", "--json").json["events"] if it["what"] == what]


def test_a_remark_stands_in_the_table_the_json_and_the_log_once(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[commented()])
    shop.write({"accounts": {"holdback": 1689}})
    table = shop.dry_run()
    assert (table.code, COMMENT in " ".join(table.out.split())) == (0, True)
    done = shop.sync("--json")
    [payout] = done.json["profiles"][0]["payouts"]
    assert (done.code, payout["status"]) == (0, "drafted")
    assert [COMMENT in remark for remark in payout["remarks"]] == [True]
    shop.sync("--now")
    assert [COMMENT in answer for answer in events(shop, "remark")] == [True]


def test_a_remark_on_a_blocked_payout_is_one_event_however_often_it_is_tried(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[commented()])
    shop.write({"accounts": {"holdback": None}})
    assert [shop.sync("--now").code for _ in range(3)] == [7, 7, 7]
    assert len(events(shop, "remark")) == 1
    [waiting] = shop.run("status", "--json").json["profiles"][0]["waiting"]
    assert [COMMENT in remark for remark in waiting["remarks"]] == [True]
    assert COMMENT in " ".join(shop.run("status").out.split())


def test_what_calls_for_action_is_mailed_once_and_its_end_is_no_news(
    open_shop: OpenShop, open_mail: OpenMail
) -> None:
    shop, mail = open_shop(payouts=[reviewed()]), open_mail()
    shop.write({**email(shop, mail), "accounts": {"holdback": 1689}})
    assert [shop.sync("--now").code for _ in range(3)] == [0, 0, 0]
    assert mail.subjects() == ["klarna24 shop1: new: 1"]
    assert "merchant portal" in text(mail.mails[0])


def test_a_quiet_remark_causes_no_mail_and_stands_in_one_that_leaves_anyway(
    open_shop: OpenShop, open_mail: OpenMail
) -> None:
    shop, mail = open_shop(payouts=[commented()]), open_mail()
    shop.write({**email(shop, mail), "accounts": {"holdback": 1689}})
    assert shop.sync("--now").code == 0
    assert mail.mails == []
    shop.box.klarna.add(make_payout("NOTE2", NOON, sale_amount=10000, holdback_amount=4000), commented()[1])
    shop.box.klarna.add(*odd("ODD1"))
    shop.sync("--now")
    [letter] = mail.mails
    assert "REMARKS" in text(letter)
    assert COMMENT in text(letter)
    assert "NOTE2" in text(letter)


def test_a_changed_setting_is_in_the_log_with_before_and_after(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[simple("A")])
    shop.sync("--now")
    assert events(shop, "settings") == [], "the first run changes nothing"
    shop.write({"accounts": {"fees": 6570, "charges": {"other": 6990}}, "vat": {"mode": "klarna"}})
    shop.sync("--now")
    shop.write({"accounts": {"fees": 6570}, "transfer": "itemised", "references": {"order_id": "comment"}})
    shop.sync("--now")
    shop.sync("--now")
    changes = events(shop, "settings")
    assert "accounts.fees: 6064 → 6570" in changes
    assert "vat.mode: (none) → klarna" in changes
    assert "vat.mode: klarna → (none)" in changes
    assert "transfer: lump → itemised" in changes
    assert "references.order_id: (none) → comment" in changes
    assert len(changes) == len(set(changes)), "each is told once"


def test_a_rejected_voucher_with_a_long_ocr_reference_names_the_cure(open_shop: OpenShop) -> None:
    sale = {
        "type": "SALE",
        "detailed_type": "PURCHASE",
        "amount": 10000,
        "currency_code": "SEK",
        "capture_id": "C1",
    }
    sale |= {"order_id": "b9f51f01-1faa-4ee7-aa38-0a8b5d2e2b7c", "short_order_id": "29b7cd07"}
    shop = open_shop(payouts=[(make_payout("LONG1", NOON, sale_amount=10000), [sale])])
    shop.write({"transfer": "itemised", "references": {"order_id": "ocr"}})
    shop.box.faults.arm("not-saved")
    refused = shop.sync()
    assert refused.code == 6
    assert 'short_order_id = "ocr"' in refused.err
    shop.write({"transfer": "itemised", "references": {"short_order_id": "ocr"}})
    assert shop.sync("--now").code == 0
    assert "29b7cd07" in str(shop.box.office.home.drafts[0].entries)
