"""Klarna's report under a run that is killed at any of its points: mailed at most once, attached or not, and never
more than one draft."""

import ssl
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support import LONG
from tests.support.fork_server import Ended, ForkServer
from tests.support.mail_server import email
from tests.support.shops import OpenShop, Shop, simple
from tests.support.smtp_server import MailServer

EVERY = 3 if LONG else 60
INBOX = "belege@shop1.se"
UNKNOWN = "whether Klarna's report reached the voucher inbox is unknown: look there"


@pytest.fixture(scope="module")
def fork_server() -> Iterator[ForkServer]:
    server = ForkServer()
    yield server
    server.close()


@pytest.fixture
def mail() -> Iterator[MailServer]:
    with MailServer(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), starttls=False, auth="") as server:
        yield server


def run(server: ForkServer, shop: Shop, kill_at: int | None = None) -> Ended:
    arguments = ["--config", str(shop.config), "sync", "--profile", "shop1", "--now"]
    return server.run(arguments, shop.box.environment(), kill_at)


def opened(open_shop: OpenShop, mail: MailServer, evidence: str) -> Shop:
    """A shop with one payout, whose mails have all been forgotten."""
    shop = open_shop(payouts=[simple("A")])
    settings = email(shop, mail, security="none", username=None, password=None)
    shop.write({"evidence": evidence, "24sevenoffice": {"voucher_inbox": INBOX}, **settings})
    mail.mails.clear()
    return shop


def remarks(shop: Shop) -> list[str]:
    events = shop.run("log", "--json").json["events"]
    return [it["answer"] for it in events if it["what"] == "remark"]


def reports(mail: MailServer) -> list[Any]:
    return [it for it in mail.mails if it["To"] == INBOX]


@pytest.mark.parametrize("evidence", ["mail", "attach"])
def test_killed_at_any_point(
    open_shop: OpenShop, fork_server: ForkServer, mail: MailServer, evidence: str
) -> None:
    if evidence == "attach":
        pytest.importorskip("pypdfium2")
    whole = opened(open_shop, mail, evidence)
    code, points = run(fork_server, whole)
    assert (code, len(whole.drafts())) == (0, 1)
    for point in range(0, points, EVERY):
        shop = opened(open_shop, mail, evidence)
        where = f"killed at point {point} of {points}"
        if run(fork_server, shop, kill_at=point).code != -9:
            assert point >= points - 9, "the number of reads differs a little from run to run"
            break
        codes = [run(fork_server, shop).code for _ in range(2)]
        assert codes[0] == codes[1], where
        assert len(shop.drafts()) <= 1, where
        assert shop.stored() == {"A": "drafted" if codes[1] == 0 else "in-doubt"}, where
        assert len(reports(mail)) <= 1, where
        if evidence == "mail" and codes[1] == 0:
            assert len(reports(mail)) == 1 or remarks(shop) == [UNKNOWN], where
        for draft in shop.box.office.home.drafts if evidence == "attach" else ():
            assert shop.box.office.home.pages_of(draft) == 2 or remarks(shop), where
        shop.box.stop()


def test_killed_between_the_record_and_the_mail(
    open_shop: OpenShop, fork_server: ForkServer, mail: MailServer
) -> None:
    """Every point from the first byte to the mail server on: once, or unknown; never twice."""
    whole = opened(open_shop, mail, "mail")
    _, points = run(fork_server, whole)
    seen = set()
    for point in range(points - 45, points, 1 if LONG else 4):
        shop = opened(open_shop, mail, "mail")
        run(fork_server, shop, kill_at=point)
        assert run(fork_server, shop).code == 0
        sent = len(reports(mail))
        assert sent + (remarks(shop) == [UNKNOWN]) >= 1, f"killed at point {point} of {points}"
        assert sent <= 1
        seen.add((sent, len(remarks(shop))))
        shop.box.stop()
    assert {(1, 0), (0, 1), (1, 1)} >= seen
    assert len(seen) > 1
