"""The mails of runs, as they arrive at a real mail server."""

import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.support.mail_server import OpenMail, email, email_table, odd, text
from tests.support.shops import NOON, OpenShop, Result, Shop, simple
from tests.support.smtp_server import USER, MailServer

Mailed = tuple[Shop, MailServer]


@pytest.fixture
def mailed(open_shop: OpenShop, open_mail: OpenMail) -> Mailed:
    """A shop with one payout that is well and one that does not add up, and its mail server."""
    shop, mail = open_shop(payouts=[simple("GOOD"), odd("ODD1")]), open_mail()
    shop.write(email(shop, mail))
    return shop, mail


@pytest.fixture
def well(mailed: Mailed) -> Mailed:
    """The same, after Klarna has corrected the figures."""
    correct(mailed[0], "ODD1")
    return mailed


def payout(shop: Shop, reference: str) -> dict[str, Any]:
    """Klarna's JSON of it, to be changed."""
    return next(it for it in shop.box.klarna.payouts if it["payment_reference"] == reference)


def correct(shop: Shop, reference: str) -> None:
    payout(shop, reference)["totals"] = simple(reference)[0]["totals"]


def age(shop: Shop, **by: float) -> None:
    """Make all alerts in the state older."""
    with closing(sqlite3.connect(shop.state / "klarna24.sqlite")) as state:
        for column in ("first_at", "mailed_at"):
            for row_id, at in state.execute(f"SELECT id, {column} FROM alert WHERE {column} NOTNULL").fetchall():
                before = datetime.fromisoformat(at) - timedelta(**by)
                state.execute(f"UPDATE alert SET {column} = ? WHERE id = ?", (before.isoformat(), row_id))
        state.commit()


def sync(shop: Shop) -> Result:
    return shop.sync("--now")


# When


def test_a_problem_in_three_runs_is_one_mail_and_its_end_is_another(mailed: Mailed) -> None:
    shop, mail = mailed
    assert [sync(shop).code for _ in range(3)] == [7, 7, 7]
    assert mail.subjects() == ["klarna24 shop1: new: 1"]
    correct(shop, "ODD1")
    assert [sync(shop).code for _ in range(3)] == [0, 0, 0]
    assert mail.subjects() == ["klarna24 shop1: new: 1", "klarna24 shop1: over: 1"]
    assert "it is over: payout ODD1 is blocked" in text(mail.mails[1])
    events = shop.run("log", "--json").json["events"]
    assert [event["answer"] for event in events if event["what"] == "mailed"] == ["new: 1", "over: 1"]


def test_a_reminder_is_mailed_after_a_week_and_not_before(mailed: Mailed) -> None:
    shop, mail = mailed
    sync(shop)
    age(shop, days=6)
    sync(shop)
    assert len(mail.mails) == 1
    age(shop, days=1)
    sync(shop)
    sync(shop)
    assert mail.subjects()[1:] == ["klarna24 shop1: still there: 1"]
    assert "since" in text(mail.mails[1])


def test_an_outage_is_mailed_when_it_has_lasted_a_day(well: Mailed, quick: None) -> None:
    shop, mail = well
    shop.box.faults.arm("klarna-503", times=None)
    assert sync(shop).code == 5
    age(shop, hours=20)
    assert sync(shop).code == 5
    assert not mail.mails
    age(shop, hours=4)
    assert [sync(shop).code for _ in range(2)] == [5, 5]
    assert mail.subjects() == ["klarna24 shop1: new: 1"]
    assert "HTTP 503" in text(mail.mails[0])
    shop.box.faults.clear()
    sync(shop)
    assert mail.subjects()[1:] == ["klarna24 shop1: over: 1"]


def test_a_run_that_an_outage_ended_mails_of_nothing_that_it_is_over(mailed: Mailed, quick: None) -> None:
    shop, mail = mailed
    sync(shop)
    shop.box.faults.arm("klarna-503", times=None)
    assert sync(shop).code == 5
    shop.box.faults.clear()
    sync(shop)
    assert len(mail.mails) == 1


def test_another_reason_to_block_the_same_payout_is_mailed_as_new_alone(mailed: Mailed) -> None:
    shop, mail = mailed
    sync(shop)
    payout(shop, "ODD1")["totals"]["fee_amount"] = -1
    sync(shop)
    assert mail.subjects()[1:] == ["klarna24 shop1: new: 1"]
    assert "negative" in text(mail.mails[1])


def test_another_secret_that_is_missing_is_another_problem(mailed: Mailed) -> None:
    """The sentence is the same, the place is not: correcting the first must not hide the second for a week."""
    shop, mail = mailed
    for table in ("klarna", "24sevenoffice"):
        shop.write({**email(shop, mail), table: {"password": {"env": "NOT_SET"}}})
        assert [sync(shop).code for _ in range(2)] == [4, 4]
    assert [["shop1.klarna" in text(it), "shop1.24sevenoffice" in text(it)] for it in mail.mails] == [
        [True, False],
        [False, True],
    ]


def test_nothing_is_mailed_when_all_is_well_nothing_is_due_or_a_person_only_looks(mailed: Mailed) -> None:
    shop, mail = mailed
    shop.dry_run()
    shop.run("status")
    shop.run("log")
    correct(shop, "ODD1")
    assert (shop.sync().code, shop.sync().code) == (0, 0)
    assert not mail.commands, "not even a connection"


# What


def test_a_mail_names_the_payout_its_figures_the_reason_and_what_to_do(mailed: Mailed) -> None:
    shop, mail = mailed
    sync(shop)
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
        f"{NOON.day} {NOON:%b} {NOON.year}, 960.00 SEK",
        "Klarna's totals in SEK: settlement 960.00, sale 1,000.00, fee 37.50; all others 0",
        "→ compare with Klarna's settlement report, ask Klarna",
        "klarna24 resolve --profile shop1 ODD1 --skip",
        "klarna24 status --profile shop1",
    ):
        assert words in text(sent)
    assert all(len(line) <= 78 for line in sent.get_content().splitlines() if not line.startswith("  →"))


def draft_and_change(shop: Shop) -> None:
    sync(shop)
    for it in shop.box.klarna.payouts:
        it["totals"]["sale_amount"] += 100
        it["totals"]["settlement_amount"] += 100


def another_type(shop: Shop) -> None:
    words = 'type = "Nothing of the kind"'
    shop.config.write_text(re.sub('type = "Diverse"', words, shop.config.read_text()))


PROBLEMS: dict[str, tuple[Callable[[Shop], object], int, tuple[str, ...]]] = {
    "in doubt": (
        lambda shop: shop.box.faults.arm("cut-after-save"),
        8,
        ("is in doubt", *(f"klarna24 resolve --profile shop1 GOOD --{way}" for way in ("drafted", "resend"))),
    ),
    "credentials": (lambda shop: shop.box.faults.arm("klarna-401"), 4, ("Klarna refused the credentials",)),
    "rejected": (lambda shop: shop.box.faults.arm("not-saved"), 6, ("24SevenOffice said: NotSaved",)),
    "changed": (draft_and_change, 7, ("sale 1,000.00 → 1,001.00",)),
    "a setting that the company does not have": (another_type, 3, ("no such voucher type",)),
}


@pytest.mark.parametrize("what", PROBLEMS)
def test_every_problem_of_a_run_is_mailed(well: Mailed, what: str) -> None:
    shop, mail = well
    arrange, code, words = PROBLEMS[what]
    arrange(shop)
    assert sync(shop).code == code
    (sent,) = mail.mails
    assert [it for it in words if it not in text(sent)] == []


def test_a_bug_is_mailed_once(mailed: Mailed, monkeypatch: pytest.MonkeyPatch) -> None:
    shop, mail = mailed
    with monkeypatch.context() as broken:
        broken.setattr("klarna24.klarna.client.KlarnaClient.payouts", lambda *_: 1 / 0)
        assert [sync(shop).code for _ in range(2)] == [1, 1]
    assert mail.subjects() == ["klarna24 shop1: new: 1"]
    assert "a bug ended the run: ZeroDivisionError" in text(mail.mails[0])


@pytest.mark.parametrize(
    ("where", "spoilt", "said"),
    [
        ("", ("rates_url = ", "rates_ulr = "), "did you mean rates_url?"),
        (" shop1", ("Europe/Stockholm", "Europe/Stokholm"), "unknown time zone 'Europe/Stokholm'"),
    ],
    ids=["of the file", "of a profile"],
)
def test_faults_of_settings_are_mailed_as_long_as_the_mail_settings_are_valid(
    well: Mailed, where: str, spoilt: tuple[str, str], said: str
) -> None:
    shop, mail = well
    good = shop.config.read_text() + email_table(shop, mail)
    shop.config.write_text(good.replace(*spoilt))
    assert [shop.sync().code for _ in range(2)] == [3, 3]
    assert mail.subjects() == [f"klarna24{where}: new: 1"]
    assert said in text(mail.mails[0])
    shop.config.write_text(good)
    assert sync(shop).code == 0
    assert mail.subjects()[1:] == [f"klarna24{where}: over: 1"]


def test_an_alert_that_cannot_be_recorded_is_mailed_all_the_same(mailed: Mailed) -> None:
    shop, mail = mailed
    shop.state.mkdir()
    (shop.state / "klarna24.sqlite").write_text("not a database of klarna24, but as long as one" * 99)
    assert sync(shop).code == 3
    assert "is not klarna24's database" in text(mail.mails[0])


def test_text_from_outside_adds_no_header_and_no_line(mailed: Mailed) -> None:
    shop, mail = mailed
    shop.box.klarna.add(*odd("X\r\nBcc: thief@example.com\r\n\r\nPay here"))
    sync(shop)
    (sent,) = mail.mails
    assert sent["Bcc"] is None
    assert not [line for line in sent.get_content().splitlines() if line.startswith(("Bcc", "Pay"))]
    recipients = [line.lower() for line in mail.commands if line.lower().startswith("rcpt")]  # smtplib varies
    assert recipients == ["rcpt to:<accounts@shop1.se>"]


def test_mail_is_in_the_language_of_the_profile(mailed: Mailed) -> None:
    shop, mail = mailed
    shop.write({**email(shop, mail), "language": "sv"})
    sync(shop)
    correct(shop, "ODD1")
    sync(shop)
    assert mail.subjects() == ["klarna24 shop1: nya: 1", "klarna24 shop1: avklarade: 1"]
    assert "utbetalning ODD1" in text(mail.mails[0])


def test_profiles_share_a_mail_unless_they_have_mail_settings_of_their_own(
    open_shop: OpenShop, open_mail: OpenMail
) -> None:
    shop, common, own = open_shop(payouts=[odd("ODD1"), odd("ODD2"), odd("ODD3")]), open_mail(), open_mail()
    for number in (1, 2, 3):
        payout(shop, f"ODD{number}")["merchant_id"] = f"M{number}"
    third = {"klarna": {"merchant_ids": ["M3"]}, **email(shop, own)}
    shop.write({"klarna": {"merchant_ids": ["M1"]}}, shop2={"klarna": {"merchant_ids": ["M2"]}}, shop3=third)
    shop.config.write_text(shop.config.read_text() + email_table(shop, common))
    assert shop.run("sync", "--all").code == 7
    assert common.subjects() == ["klarna24 shop1, shop2: new: 2"]
    assert own.subjects() == ["klarna24 shop3: new: 1"]
