"""Klarna's report is mailed to the voucher inbox once, and nothing of it keeps a voucher back."""

import ssl
from typing import Any

import pytest

from klarna24.notify import limit
from tests.support.bookkeeping import merged
from tests.support.mail_server import OpenMail, email, odd
from tests.support.shops import OpenShop, Shop, simple
from tests.support.smtp_server import MailServer

INBOX = "belege@shop1.se"
MAILING = {"evidence": "mail", "24sevenoffice": {"voucher_inbox": INBOX}}


def mailing(open_shop: OpenShop, mail: MailServer, *payouts: Any, **over: Any) -> Shop:
    """A shop whose reports are mailed by this server."""
    shop = open_shop(payouts=payouts or [simple("A")])
    shop.write(merged(merged(MAILING, email(shop, mail)), over))
    return shop


def remarks(shop: Shop, reference: str = "A") -> list[str]:
    """The remarks on a payout that the log has."""
    events = shop.run("log", "--json").json["events"]
    return [it["answer"] for it in events if it["what"] == "remark" and it["payment_reference"] == reference]


def well(shop: Shop, *arguments: str) -> None:
    """A run that ends well, and says nothing."""
    result = shop.sync(*arguments)
    assert (result.code, result.err) == (0, "")


def test_the_report_is_mailed_once_as_klarna_sent_it(open_shop: OpenShop, open_mail: OpenMail) -> None:
    mail = open_mail()
    shop = mailing(open_shop, mail, language="sv")
    for _ in range(3):
        well(shop, "--now")
    (sent,) = mail.mails
    day = shop.box.klarna.payouts[0]["payout_date"][:10]
    assert sent["To"] == INBOX
    assert "A" in str(sent["Subject"]).split()
    assert day in sent["Subject"]
    text, pdf = sent.iter_parts()
    assert "962,50 SEK" in " ".join(text.get_content().split())
    assert pdf.get_filename() == f"klarna-{day}-A.pdf"
    assert pdf.get_content_type() == "application/pdf"
    assert pdf.get_content().startswith(b"%PDF-")
    assert b"Settlement report A" in pdf.get_content()
    assert remarks(shop) == []
    assert shop.box.calls()["report"] == 1


def test_no_report_is_mailed_that_may_be_of_another_payout_of_the_reference(
    open_shop: OpenShop, open_mail: OpenMail
) -> None:
    mail = open_mail()
    shop = mailing(open_shop, mail)
    payout, _ = simple("A")
    shop.box.klarna.payouts.append({**payout, "currency_code": "NOK"})
    for _ in range(2):
        shop.sync("--now")
        assert INBOX not in [it["To"] for it in mail.mails]
    (remark,) = remarks(shop)
    assert "another merchant or currency has a payout of the same one" in remark


def test_only_drafted_payouts_are_mailed_and_none_from_before(open_shop: OpenShop, open_mail: OpenMail) -> None:
    mail = open_mail()
    shop = open_shop(payouts=[simple("OLD", 2)])
    well(shop)
    shop.box.klarna.add(*odd("ODD", 1))
    shop.box.klarna.add(*simple("NEW"))
    shop.write(merged(MAILING, email(shop, mail)))
    assert shop.sync("--now").code == 7
    reports = [it for it in mail.mails if it["To"] == INBOX]
    assert [it.get_content_type() for it in reports] == ["multipart/mixed"]
    assert "NEW" in reports[0]["Subject"]


def test_the_default_inbox_is_that_of_the_company(open_shop: OpenShop, open_mail: OpenMail) -> None:
    mail = open_mail()
    shop = mailing(open_shop, mail, **{"24sevenoffice": {"voucher_inbox": None}})
    well(shop)
    assert mail.mails[0]["To"] == f"{shop.box.office.home.client_id}@voucher.24sevenoffice.com"


@pytest.mark.parametrize("reference", ["../../etc/passwd", "a\\b:c", "å" * 20, "x" * 35])
def test_the_name_of_the_file_is_safe(open_shop: OpenShop, open_mail: OpenMail, reference: str) -> None:
    mail = open_mail()
    shop = mailing(open_shop, mail, simple(reference))
    shop.sync()
    for sent in mail.mails:
        *_, pdf = sent.iter_parts()
        name = pdf.get_filename() or ""
        assert name.isascii()
        assert len(name) < 90
        assert not set(name) & set("/\\: ")
        assert ".." not in name


@pytest.mark.parametrize("refused", ["MAIL", "RCPT", "DATA", "AUTH"])
def test_what_the_server_refuses_is_a_remark_and_is_tried_again(
    open_shop: OpenShop, open_mail: OpenMail, refused: str
) -> None:
    mail = open_mail(refuses=(refused,))
    shop = mailing(open_shop, mail)
    well(shop)
    assert shop.stored() == {"A": "drafted"}
    (remark,) = remarks(shop)
    assert remark.startswith("Klarna's report was not mailed to the voucher inbox, the next run tries again: ")
    mail.refuses = ()
    well(shop, "--now")
    assert len(mail.mails) == 1
    well(shop, "--now")
    assert len(mail.mails) == 1


def test_a_server_that_is_not_there_is_asked_once_a_run(open_shop: OpenShop, certificate: ssl.SSLContext) -> None:
    with MailServer(certificate) as mail:
        shop = mailing(open_shop, mail, simple("A"), simple("B", 1))
    well(shop)
    assert len(remarks(shop)) == len(remarks(shop, "B")) == 1
    assert len(shop.drafts()) == 2
    assert shop.box.calls()["report"] == 1


def test_a_report_that_cannot_be_had_is_mailed_later(open_shop: OpenShop, open_mail: OpenMail) -> None:
    mail = open_mail()
    shop = mailing(open_shop, mail, simple("A"), simple("B", 1))
    shop.box.faults.arm("klarna-status", operation="report")
    well(shop)
    assert len(mail.mails) == 1, "the other one is mailed all the same"
    well(shop, "--now")
    assert len(mail.mails) == 2
    well(shop, "--now")
    assert len(mail.mails) == 2


def test_a_server_that_does_not_reply_to_the_message_leaves_it_unknown(
    open_shop: OpenShop, open_mail: OpenMail, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limit, "SECONDS", 2.0)
    mail = open_mail(mute_after_data=True)
    shop = mailing(open_shop, mail)
    well(shop)
    assert len(mail.mails) == 1, "it has arrived, and the program cannot know"
    assert remarks(shop) == ["whether Klarna's report reached the voucher inbox is unknown: look there"]
    mail.mute_after_data = False
    well(shop, "--now")
    assert len(mail.mails) == 1


def test_a_run_that_ends_between_record_and_reply_leaves_it_unknown(
    open_shop: OpenShop, open_mail: OpenMail, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        """As by a kill: nothing of the program runs after it."""

    def killed(*_: Any) -> None:
        raise Killed

    mail = open_mail()
    shop = mailing(open_shop, mail)
    with monkeypatch.context() as patch:
        patch.setattr("klarna24.notify.report_mail.send", killed)
        with pytest.raises(Killed):
            shop.sync()
    assert shop.stored() == {"A": "drafted"}
    well(shop, "--now")
    assert mail.mails == []
    assert remarks(shop) == ["whether Klarna's report reached the voucher inbox is unknown: look there"]
    well(shop, "--now")
    assert mail.mails == []


def test_a_payout_in_doubt_is_mailed_once_it_is_drafted(open_shop: OpenShop, open_mail: OpenMail) -> None:
    mail = open_mail()
    shop = mailing(open_shop, mail)
    shop.box.faults.arm("cut-after-save")
    assert shop.sync().code == 8
    assert INBOX not in [it["To"] for it in mail.mails]
    shop.resolve("A", "--drafted")
    well(shop, "--now")
    assert [it["To"] for it in mail.mails].count(INBOX) == 1


def test_mail_as_evidence_needs_mail_settings(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[simple("A")])
    shop.write(MAILING)
    result = shop.sync()
    assert result.code == 3
    assert 'profiles.shop1.evidence: "mail" needs a mail server: add [notify.email]' in result.err
    assert not shop.drafts()
