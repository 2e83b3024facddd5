"""The month's report, as it arrives at a real mail server: when asked to, and by itself once a month."""

import sqlite3
from contextlib import closing as closed
from dataclasses import replace
from datetime import UTC, date, datetime
from email.message import EmailMessage
from email.policy import SMTP
from zoneinfo import ZoneInfo

import pytest

from klarna24.config.contacts import Email
from klarna24.config.loading import load
from klarna24.notify import limit
from klarna24.notify.report_letter import compose
from klarna24.notify.smtp import send
from klarna24.report.due import month_due
from klarna24.report.month import ProfileMonth
from klarna24.state.lock import only_run
from tests.support.loading import loaded_by
from tests.support.mail_server import OpenMail, email, email_table
from tests.support.months import LAST, on
from tests.support.reports import closing, failing, unread
from tests.support.shops import OpenShop, Shop, shops
from tests.support.smtp_server import MailServer

Mailed = tuple[Shop, MailServer]
SETTINGS = Email.model_validate({"host": "localhost", "from": "klarna24@shop1.se", "to": ["a@shop1.se"]})


@pytest.fixture
def mailed(open_shop: OpenShop, open_mail: OpenMail) -> Mailed:
    """A shop with a payout of last month, whose report goes out on the first of the month."""
    shop, mail = open_shop(payouts=[on(15, "XISA93DJ")]), open_mail()
    shop.top["report"] = {"day": 1}
    shop.write({"start_date": LAST.first, **email(shop, mail)})
    return shop, mail


def arrived(mail: EmailMessage) -> tuple[str, str, str]:
    """The text, and the name and content of the attachment, of a mail as it was sent."""
    body = mail.get_body(("plain",))
    assert body
    (attachment,) = mail.iter_attachments()
    assert attachment.get_content_type() == "text/html"
    return body.get_content(), str(attachment.get_filename()), attachment.get_content()


def letter(*months: ProfileMonth) -> tuple[str, str]:
    """The subject and the text of the mail, as a reader of it finds them."""
    made = compose(SETTINGS, months, datetime(2026, 12, 5, tzinfo=UTC))
    assert max(map(len, made.as_bytes(policy=SMTP).splitlines())) <= 998  # RFC 5322
    text = arrived(made)[0].partition("\n\nThe attached page")[0]
    return str(made["Subject"]), text.replace("\u00a0", " ")


# The text


def test_a_month_that_closes_is_one_line() -> None:
    line = "November 2026 closes: 4 payouts, 162,314.48 SEK, fees 2.2 %"
    assert letter(closing()) == (f"klarna24 shop1: {line}", line)


def test_day_and_hour_are_those_where_the_shop_is() -> None:
    there = replace(closing(), zone=ZoneInfo("Pacific/Auckland"))
    made = compose(SETTINGS, [there], datetime(2026, 12, 5, 20, tzinfo=UTC))
    text, _, page = arrived(made)
    assert "6 Dec 2026 09:00" in text.replace("\N{NO-BREAK SPACE}", " ")
    assert "Made by klarna24 on 6\N{NO-BREAK SPACE}Dec\N{NO-BREAK SPACE}2026" in page


def test_what_does_not_close_stands_in_a_line_each() -> None:
    subject, text = letter(failing())
    assert subject == f"klarna24 shop1: {text.splitlines()[0]}"
    assert text.splitlines() == [
        "November 2026 does not close: 3 payouts, 121,735.86 SEK, fees 2.2 %",
        "- XBENMNZV: drafted on 12 Nov 2026, not booked yet",
        "- 0a1b2c3d-4e5f-6789-abcd-0123456789ab: its totals differ by 12.50",
    ]


def test_of_several_shops_each_has_its_lines_and_the_worst_comes_first() -> None:
    subject, text = letter(closing("a"), failing("b"), unread("c"))
    assert subject == "klarna24: November 2026: 1 of 3 shops close"
    assert [line.partition(":")[0] for line in text.splitlines() if line[:1] not in {"-", ""}] == ["c", "b", "a"]
    assert "c: November 2026 could not be read: Klarna: no answer → wait for it to end" in text


def test_a_month_without_payouts_closes_with_none() -> None:
    assert letter(replace(closing(), currencies=()))[1] == "November 2026 closes: no payouts"


# When


@pytest.mark.parametrize(
    ("day", "now", "due"),
    [
        (5, "2026-12-04T22:59", None),  # 23:59 in Stockholm
        (5, "2026-12-04T23:00", "2026-11"),
        (5, "2026-12-31T12:00", "2026-11"),  # nothing ran before
        (31, "2027-02-27T12:00", None),
        (31, "2027-02-28T12:00", "2027-01"),
        (5, "2026-01-05T12:00", None),  # before the profile's start
        (None, "2026-12-31T12:00", None),
    ],
)
def test_a_report_is_due_on_its_day_where_the_shop_is_or_later(
    mailed: Mailed, day: int | None, now: str, due: str | None
) -> None:
    config = replace(load(mailed[0].config), report_day=day)
    changed = {"start_date": date(2026, 11, 30), "timezone": ZoneInfo("Europe/Stockholm")}
    profile = config.profile("shop1").model_copy(update=changed)
    month = month_due(config, profile, datetime.fromisoformat(f"{now}+00:00"))
    assert (str(month) if month else None) == due


def test_last_month_s_report_is_mailed_by_sync_once(mailed: Mailed) -> None:
    shop, mail = mailed
    first = shop.sync()
    assert (first.code, first.out, first.err) == (0, "", "")
    (report,) = mail.mails
    text, name, page = arrived(report)
    assert name == f"shop1-{LAST}.html"
    assert "does not close: 1\u00a0payout" in text.replace(" payout", "\u00a0payout")
    assert "XISA93DJ" in text
    assert "XISA93DJ" in page
    assert page.startswith("<!DOCTYPE html>")
    for _ in range(2):
        assert shop.sync("--now").code == 0
    assert shop.sync().code == 0
    assert len(mail.mails) == 1
    events = shop.run("log", "--profile", "shop1", "--json").json["events"]
    assert [event["answer"] for event in events if event["what"] == "reported"] == [str(LAST)]


def test_a_run_that_is_not_due_mails_it_as_well(mailed: Mailed) -> None:
    shop, mail = mailed
    shop.top.pop("report")
    shop.write({"start_date": LAST.first, "frequency": "monthly", **email(shop, mail)})
    assert shop.sync().code == 0
    assert mail.mails == []
    shop.top["report"] = {"day": 1}
    shop.write({"start_date": LAST.first, "frequency": "monthly", **email(shop, mail)})
    assert shop.sync().code == 0
    assert len(mail.mails) == 1


def test_a_run_with_nothing_to_mail_loads_neither_templates_nor_mail(mailed: Mailed) -> None:
    shop, _ = mailed
    shop.sync()
    assert loaded_by(["--config", str(shop.config), "sync", "--all"], {"jinja2", "smtplib", "zeep"}) == (0, [])


def test_shops_that_share_an_address_share_the_mail(open_shop: OpenShop, open_mail: OpenMail) -> None:
    shop, mail = shops(open_shop, 2, all={"start_date": LAST.first}), open_mail()
    shop.config.write_text(f"{shop.config.read_text()}\n[report]\nday = 1\n{email_table(shop, mail)}")
    assert shop.run("sync", "--all").code == 0
    (report,) = mail.mails
    assert "klarna24: " in str(report["Subject"])
    assert "2 of 2 shops close" in str(report["Subject"]).replace("\u00a0", " ")
    assert shop.run("sync", "--all", "--now").code == 0
    assert len(mail.mails) == 1


# What goes wrong


def test_a_mail_server_that_refuses_changes_no_exit_code_and_the_next_run_mails(
    mailed: Mailed, open_mail: OpenMail
) -> None:
    shop, mail = mailed
    refusing = open_mail(refuses=("DATA",))
    shop.write({"start_date": LAST.first, **email(shop, refusing)})
    result = shop.sync()
    assert result.code == 0
    assert "XISA93DJ" in shop.drafts()[0]
    shop.write({"start_date": LAST.first, **email(shop, mail)})
    assert shop.sync().code == 0
    assert len(mail.mails) == 1


def test_a_shop_that_cannot_be_read_is_mailed_by_a_later_run(
    mailed: Mailed,
) -> None:
    shop, mail = mailed
    shop.box.faults.arm("klarna-401", times=None)
    assert shop.sync().code == 4
    assert not [it for it in mail.mails if it.is_multipart()]  # but an alert
    shop.box.faults.clear()
    assert shop.sync().code == 0
    assert len([it for it in mail.mails if it.is_multipart()]) == 1


def test_a_report_that_may_have_arrived_is_not_mailed_again_and_a_person_is_told(
    mailed: Mailed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limit, "SECONDS", 2.0)
    shop, mail = mailed
    mail.mute_after_data = True
    first = shop.sync()
    assert (first.code, len(mail.mails)) == (0, 1)
    assert f"whether the report of {LAST} of shop1 was mailed is unknown" in first.err
    mail.mute_after_data = False
    again = shop.sync("--now")
    assert (again.code, again.err, len(mail.mails)) == (0, "", 1)


def test_a_run_that_ends_while_it_mails_a_report_leaves_it_unknown(
    mailed: Mailed, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        """As by a kill: nothing of the program runs after it."""

    def killed(email: Email, password: str | None, made: EmailMessage) -> None:
        send(email, password, made)
        raise Killed

    shop, mail = mailed
    with monkeypatch.context() as patch:
        patch.setattr("klarna24.notify.monthly.send", killed)
        with pytest.raises(Killed):
            shop.sync()
    told = shop.sync()
    assert (told.code, len(mail.mails)) == (0, 1)
    assert "a run ended while it was mailed" in told.err
    assert f"klarna24 report --month {LAST} --mail --profile shop1" in told.err
    assert (shop.sync().err, len(mail.mails)) == ("", 1)


def test_two_runs_at_the_same_time_mail_it_once(mailed: Mailed) -> None:
    shop, mail = mailed
    with only_run(shop.state, ".report"):
        assert shop.sync().code == 0
    assert mail.mails == []
    assert shop.sync().code == 0
    assert len(mail.mails) == 1


def test_a_damaged_record_of_what_was_mailed_keeps_no_payout_back(mailed: Mailed) -> None:
    shop, _ = mailed
    shop.sync()
    with closed(sqlite3.connect(shop.state / "klarna24.sqlite")) as state:
        state.execute("UPDATE event SET profile = x'00' WHERE what = 'reported'")
        state.commit()
    assert shop.sync().code == 0
