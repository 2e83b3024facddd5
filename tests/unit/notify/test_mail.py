"""Mail, against a real mail server: one for what is new, one after a week, one when it is over; else none."""

import sqlite3
import time
from contextlib import closing
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.support.mail_server import OpenMail, email, email_table, odd, text
from tests.support.shops import NOON, OpenShop, Result, Shop, simple
from tests.support.smtp_server import USER, MailServer


@pytest.fixture
def mailed(open_shop: OpenShop, open_mail: OpenMail) -> tuple[Shop, MailServer]:
    """A shop with one payout that is well and one that does not add up, and its mail server."""
    shop, mail = open_shop(payouts=[simple("GOOD"), odd("ODD1")]), open_mail()
    shop.write(email(shop, mail))
    return shop, mail


def payout(shop: Shop, reference: str) -> dict[str, Any]:
    """As Klarna has it, to be changed."""
    return next(it for it in shop.box.klarna.payouts if it["payment_reference"] == reference)


def mend(shop: Shop, reference: str) -> None:
    """Klarna corrects the figures."""
    payout(shop, reference)["totals"] = simple(reference)[0]["totals"]


def later(shop: Shop, **time_passed: float) -> None:
    """As if what is written down had been written so long ago."""
    with closing(sqlite3.connect(shop.state / "klarna24.sqlite")) as state:
        for column in ("first_at", "mailed_at"):
            for row_id, at in state.execute(f"SELECT id, {column} FROM trouble WHERE {column} NOTNULL").fetchall():
                before = datetime.fromisoformat(at) - timedelta(**time_passed)
                state.execute(f"UPDATE trouble SET {column} = ? WHERE id = ?", (before.isoformat(), row_id))
        state.commit()


def again(shop: Shop) -> Result:
    return shop.sync("--now")


def test_trouble_in_three_runs_is_one_mail_and_recovery_one_more(mailed: tuple[Shop, MailServer]) -> None:
    shop, mail = mailed
    assert [again(shop).code for _ in range(3)] == [7, 7, 7]
    assert mail.subjects() == ["klarna24 shop1: new: 1"]
    mend(shop, "ODD1")
    assert [again(shop).code for _ in range(3)] == [0, 0, 0]
    assert mail.subjects() == ["klarna24 shop1: new: 1", "klarna24 shop1: over: 1"]
    assert "it is over: payout ODD1 is blocked" in text(mail.mails[1])


def test_a_mail_says_which_payout_with_its_figures_why_and_what_to_do(mailed: tuple[Shop, MailServer]) -> None:
    shop, mail = mailed
    again(shop)
    (sent,) = mail.mails
    assert (sent["From"], sent["To"]) == ("klarna24@shop1.se", "accounts@shop1.se")
    assert (sent.get_content_type(), sent.get_content_charset()) == ("text/plain", "utf-8")
    assert sent["Auto-Submitted"] == "auto-generated"
    assert sent["Date"]
    assert sent["Message-ID"]
    assert mail.logins == [USER]
    for words in (
        "shop1: payout ODD1 is blocked",
        "the totals add up to 962.50 SEK, but the settlement is 960.00 SEK: -2.50 SEK is unexplained",
        f"{NOON.date()}, 960.00 SEK",
        "→ compare with Klarna's settlement report, ask Klarna",
        "klarna24 status --profile shop1",
    ):
        assert words in text(sent)
    assert all(len(line) <= 78 for line in sent.get_content().splitlines() if not line.startswith("  →"))


def test_two_troubles_of_a_run_are_one_mail_and_a_later_one_another(mailed: tuple[Shop, MailServer]) -> None:
    shop, mail = mailed
    shop.box.klarna.add(*odd("ODD2"))
    again(shop)
    assert mail.subjects() == ["klarna24 shop1: new: 2"]
    shop.box.klarna.add(*odd("ODD3"))
    again(shop)
    assert mail.subjects()[1:] == ["klarna24 shop1: new: 1"]
    assert "ODD3" in text(mail.mails[1])
    assert "ODD2" not in text(mail.mails[1])


def test_a_reminder_after_a_week_and_not_before(mailed: tuple[Shop, MailServer]) -> None:
    shop, mail = mailed
    again(shop)
    later(shop, days=6)
    again(shop)
    assert len(mail.mails) == 1
    later(shop, days=1)
    again(shop)
    again(shop)
    assert mail.subjects()[1:] == ["klarna24 shop1: still there: 1"]
    assert "since" in text(mail.mails[1])


def test_what_is_unavailable_is_told_only_when_it_has_been_so_for_a_day(
    mailed: tuple[Shop, MailServer], quick: None
) -> None:
    shop, mail = mailed
    mend(shop, "ODD1")
    shop.box.faults.arm("klarna-503", times=None)
    assert again(shop).code == 5
    later(shop, hours=20)
    assert again(shop).code == 5
    assert not mail.mails
    later(shop, hours=4)
    assert again(shop).code == 5
    assert again(shop).code == 5
    assert mail.subjects() == ["klarna24 shop1: new: 1"]
    assert "HTTP 503" in text(mail.mails[0])
    shop.box.faults.clear()
    again(shop)
    assert mail.subjects()[1:] == ["klarna24 shop1: over: 1"]


def test_an_outage_of_an_hour_is_never_told(mailed: tuple[Shop, MailServer], quick: None) -> None:
    shop, mail = mailed
    mend(shop, "ODD1")
    shop.box.faults.arm("klarna-503", times=None)
    assert again(shop).code == 5
    shop.box.faults.clear()
    assert again(shop).code == 0
    later(shop, days=9)
    assert again(shop).code == 0
    assert not mail.mails


def test_a_run_that_could_not_look_says_of_nothing_that_it_is_over(
    mailed: tuple[Shop, MailServer], quick: None
) -> None:
    shop, mail = mailed
    again(shop)
    shop.box.faults.arm("klarna-503", times=None)
    assert again(shop).code == 5
    shop.box.faults.clear()
    again(shop)
    assert len(mail.mails) == 1


def test_another_reason_to_hold_the_same_payout_is_new_and_the_old_one_is_not_called_over(
    mailed: tuple[Shop, MailServer],
) -> None:
    shop, mail = mailed
    again(shop)
    payout(shop, "ODD1")["totals"]["fee_amount"] = -1
    again(shop)
    assert mail.subjects()[1:] == ["klarna24 shop1: new: 1"]
    assert "these are negative" in text(mail.mails[1])


def test_doubt_is_told_with_both_commands(mailed: tuple[Shop, MailServer]) -> None:
    shop, mail = mailed
    mend(shop, "ODD1")
    shop.box.faults.arm("cut-after-save")
    assert again(shop).code == 8
    body = text(mail.mails[0])
    assert "is in doubt" in body
    assert "klarna24 resolve --profile shop1 GOOD --drafted" in body
    assert "klarna24 resolve --profile shop1 GOOD --resend" in body


@pytest.mark.parametrize(
    ("fault", "code", "says"),
    [
        ("klarna-401", 4, "Klarna refused the credentials"),
        ("not-saved", 6, "24SevenOffice said: NotSaved"),
    ],
)
def test_credentials_and_refusals_are_told(
    mailed: tuple[Shop, MailServer], fault: str, code: int, says: str
) -> None:
    shop, mail = mailed
    mend(shop, "ODD1")
    shop.box.faults.arm(fault)
    assert again(shop).code == code
    assert says in text(mail.mails[0])


def test_a_setting_that_the_company_refuses_is_told(mailed: tuple[Shop, MailServer]) -> None:
    shop, mail = mailed
    shop.write({**email(shop, mail), "voucher": {"type": "Nothing of the kind"}})
    assert again(shop).code == 3
    assert "no such voucher type" in text(mail.mails[0])


def test_another_secret_that_is_missing_is_another_trouble(mailed: tuple[Shop, MailServer]) -> None:
    """The same sentence about another place: mending the first must not hide the second for a week."""
    shop, mail = mailed
    shop.write({**email(shop, mail), "klarna": {"password": {"env": "NOT_SET"}}})
    assert [again(shop).code for _ in range(2)] == [4, 4]
    shop.write({**email(shop, mail), "24sevenoffice": {"password": {"env": "NOT_SET"}}})
    assert again(shop).code == 4
    assert [["shop1.klarna" in text(it), "shop1.24sevenoffice" in text(it)] for it in mail.mails] == [
        [True, False],
        [False, True],
    ]


def test_a_payout_that_changed_after_it_was_drafted_is_told(mailed: tuple[Shop, MailServer]) -> None:
    shop, mail = mailed
    mend(shop, "ODD1")
    again(shop)
    for it in shop.box.klarna.payouts:
        it["totals"]["sale_amount"] += 100
        it["totals"]["settlement_amount"] += 100
    assert again(shop).code == 7
    assert mail.subjects() == ["klarna24 shop1: new: 2"]
    assert "sale 1000.00 → 1001.00" in text(mail.mails[0])


def test_a_bug_is_told_once(mailed: tuple[Shop, MailServer], monkeypatch: pytest.MonkeyPatch) -> None:
    shop, mail = mailed
    with monkeypatch.context() as broken:
        broken.setattr("klarna24.klarna.client.KlarnaClient.payouts", lambda *_: 1 / 0)
        assert [again(shop).code for _ in range(2)] == [1, 1]
    assert mail.subjects() == ["klarna24 shop1: new: 1"]
    assert "a bug ended the run: ZeroDivisionError" in text(mail.mails[0])


def test_a_file_with_faults_is_told_as_long_as_it_says_whom(mailed: tuple[Shop, MailServer]) -> None:
    shop, mail = mailed
    mend(shop, "ODD1")
    good = shop.config.read_text() + email_table(shop, mail)
    shop.config.write_text(good.replace("Europe/Stockholm", "Europe/Stokholm"))
    assert [shop.sync().code for _ in range(2)] == [3, 3]
    assert mail.subjects() == ["klarna24: new: 1"]
    assert "unknown time zone 'Europe/Stokholm'" in text(mail.mails[0])
    shop.config.write_text(good)
    assert again(shop).code == 0
    assert mail.subjects()[1:] == ["klarna24: over: 1"]


def test_no_mail_when_all_is_well_or_nothing_is_due_or_somebody_only_looks(
    mailed: tuple[Shop, MailServer],
) -> None:
    shop, mail = mailed
    shop.dry_run()
    shop.run("status")
    shop.run("log")
    mend(shop, "ODD1")
    assert (shop.sync().code, shop.sync().code) == (0, 0)
    assert not mail.said, "not even a connection"


def test_what_was_mailed_stands_in_the_log(mailed: tuple[Shop, MailServer]) -> None:
    shop, _ = mailed
    again(shop)
    events = shop.run("log", "--json").json["events"]
    assert [event["answer"] for event in events if event["what"] == "mailed"] == ["new: 1"]


# The mail server, whatever it does


@pytest.mark.parametrize(("server", "security"), [({"tls": True}, "tls"), ({}, "starttls")])
def test_encrypted_with_a_certificate_that_holds(
    mailed: tuple[Shop, MailServer], open_mail: OpenMail, server: dict[str, Any], security: str
) -> None:
    shop, mail = mailed[0], open_mail(**server)
    shop.write(email(shop, mail, security=security))
    assert again(shop).code == 7
    assert mail.subjects() == ["klarna24 shop1: new: 1"]


def test_without_login_and_encryption(mailed: tuple[Shop, MailServer], open_mail: OpenMail) -> None:
    shop, mail = mailed[0], open_mail(auth="", starttls=False)
    shop.write(email(shop, mail, security="none", username=None, password=None))
    assert again(shop).code == 7
    assert mail.subjects() == ["klarna24 shop1: new: 1"]


BAD: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "login rejected": ({}, {"username": "another@shop1.se"}, "refused the login: 535"),
    "sender rejected": ({"refuses": ("MAIL",)}, {}, "550 5.7.1 not from here"),
    "recipient rejected": ({"refuses": ("RCPT",)}, {}, "takes no mail for accounts@shop1.se: 550"),
    "letter rejected": ({"refuses": ("DATA",)}, {}, "550 5.7.1 not from here"),
    "silent": ({"silent": True}, {}, "did not answer within 1 s"),
    "drips": ({"drips": True}, {}, "mail server localhost"),
    "another name": ({}, {"host": "127.0.0.1"}, "its certificate does not hold"),
    "no STARTTLS": ({"starttls": False}, {}, "offers no STARTTLS"),
    "no password": ({}, {"password": {"env": "NOT_SET"}}, "NOT_SET is not set"),
    "addresses": ({}, {"to": ["bokföring@shop1.se"]}, "takes no address with other letters than ASCII"),
}


@pytest.mark.parametrize("what", BAD)
def test_a_mail_that_does_not_leave_is_said_changes_no_exit_code_and_is_tried_again(
    mailed: tuple[Shop, MailServer], open_mail: OpenMail, impatient: None, what: str
) -> None:
    shop, good = mailed
    server, settings, says = BAD[what]
    bad = open_mail(**server)
    shop.write(email(shop, bad, **settings))
    started = time.monotonic()
    result = again(shop)
    assert time.monotonic() - started < 5
    assert result.code == 7
    assert [says in line for line in result.lines() if "mail about shop1 was not sent" in line] == [True]
    assert not bad.mails
    shop.write(email(shop, good))
    assert again(shop).code == 7
    assert good.subjects() == ["klarna24 shop1: new: 1"]


def test_ten_mail_servers_that_are_silent_cost_as_much_as_one(
    open_shop: OpenShop, open_mail: OpenMail, impatient: None
) -> None:
    shop = open_shop(payouts=[odd("ODD1")])
    shop.write({"klarna": {"currencies": ["NOK"]}})
    others = {}
    for number in range(10):
        silent = open_mail(silent=True)
        others[f"shop{number + 2}"] = {
            **email(shop, silent),
            "klarna": {"merchant_ids": [f"M{number}"]},
            "voucher": {"type": "Nothing of the kind"},
        }
        shop.box.klarna.add(*odd(f"ODD{number + 2}"))
        payout(shop, f"ODD{number + 2}")["merchant_id"] = f"M{number}"
    shop.write({"klarna": {"currencies": ["NOK"]}}, **others)
    started = time.monotonic()
    assert shop.run("sync", "--all", "--jobs", "8").code == 3
    assert time.monotonic() - started < 8


def test_one_mail_for_all_profiles_and_one_more_for_each_that_has_its_own(
    open_shop: OpenShop, open_mail: OpenMail
) -> None:
    shop, common, own = open_shop(payouts=[odd("ODD1"), odd("ODD2"), odd("ODD3")]), open_mail(), open_mail()
    for number, merchant in enumerate(("M1", "M2", "M3"), start=1):
        payout(shop, f"ODD{number}")["merchant_id"] = merchant
    third = {"klarna": {"merchant_ids": ["M3"]}, **email(shop, own)}
    shop.write({"klarna": {"merchant_ids": ["M1"]}}, shop2={"klarna": {"merchant_ids": ["M2"]}}, shop3=third)
    shop.config.write_text(shop.config.read_text() + email_table(shop, common))
    assert shop.run("sync", "--all").code == 7
    assert common.subjects() == ["klarna24 shop1, shop2: new: 2"]
    assert own.subjects() == ["klarna24 shop3: new: 1"]


def test_what_cannot_be_written_down_is_mailed_all_the_same(mailed: tuple[Shop, MailServer]) -> None:
    shop, mail = mailed
    shop.state.mkdir()
    (shop.state / "klarna24.sqlite").write_text("no database of ours, but long enough to be taken for one" * 99)
    assert again(shop).code == 3
    assert "is not klarna24's database" in text(mail.mails[0])


def test_text_from_outside_adds_no_header_and_no_line(mailed: tuple[Shop, MailServer]) -> None:
    shop, mail = mailed
    shop.box.klarna.add(*odd("X\r\nBcc: thief@example.com\r\n\r\nPay here"))
    again(shop)
    (sent,) = mail.mails
    assert sent["Bcc"] is None
    assert not [line for line in sent.get_content().splitlines() if line.startswith(("Bcc", "Pay"))]
    assert [line for line in mail.said if line.startswith("rcpt")] == ["rcpt TO:<accounts@shop1.se>"]


def test_mail_is_in_the_language_of_the_profile(mailed: tuple[Shop, MailServer]) -> None:
    shop, mail = mailed
    shop.write({**email(shop, mail), "language": "sv"})
    again(shop)
    mend(shop, "ODD1")
    again(shop)
    assert mail.subjects() == ["klarna24 shop1: nya: 1", "klarna24 shop1: avklarade: 1"]
    assert "utbetalning ODD1" in text(mail.mails[0])
