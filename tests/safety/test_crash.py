"""Once, or in doubt: a run that is killed, or cut off, at every one of its points, whatever evidence it keeps.

A report is mailed at most once, and at least once unless a remark says that nobody knows; the archive is whole at
any moment, and in the end complete.
"""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from klarna24.sandbox.klarna.generate import make_payout
from tests.support import LONG
from tests.support.archive import assert_complete, assert_whole
from tests.support.fork_server import Ended, ForkServer
from tests.support.mail_server import plain_email
from tests.support.postgres import Base
from tests.support.processes import statuses
from tests.support.shops import OpenShop, Shop
from tests.support.smtp_server import MailServer

YESTERDAY = datetime.now(UTC).replace(hour=9, minute=0, second=0, microsecond=0) - timedelta(days=1)
EVIDENCE = ("none", "mail", "attach")  # with mail and attach, the archive too
# Of the points, another share in each run. Those of one share are EVERY points apart.
EVERY = {"none": 5, "mail": 17, "attach": 17} if LONG else {"none": 80, "mail": 150, "attach": 150}
EVERY_REQUEST = {"none": 1, "mail": 2, "attach": 2} if LONG else {"none": 4, "mail": 16, "attach": 16}
INBOX = "belege@shop1.se"
UNKNOWN = "whether Klarna's report reached the voucher inbox is unknown: look there"


@pytest.fixture(scope="module")
def fork_server() -> Iterator[ForkServer]:
    server = ForkServer()
    yield server
    server.close()


def three(open_shop: OpenShop, mail: MailServer, evidence: str) -> Shop:
    """With three payouts, one of them without a settlement. All mails are forgotten."""
    payouts = [
        make_payout("FIRST", YESTERDAY, sale_amount=100000, fee_amount=3000, tax_amount=750),
        make_payout("ZERO", YESTERDAY, sale_amount=5000, return_amount=8000, deposit_amount=3000),
        make_payout("LAST", YESTERDAY, sale_amount=20000),
    ]
    shop = open_shop(payouts=[(payout, []) for payout in payouts])
    if evidence != "none":
        shop.top["archive"] = str(shop.folder / "archive")
        inbox = {"24sevenoffice": {"voucher_inbox": INBOX}}
        shop.write({"evidence": evidence, **inbox, **plain_email(shop, mail)})
    mail.mails.clear()
    return shop


def run(server: ForkServer, shop: Shop, kill_at: int | None = None) -> Ended:
    arguments = ["--config", str(shop.config), "sync", "--profile", "shop1", "--now"]
    return server.run(arguments, shop.box.environment(), kill_at)


def judge(shop: Shop, code: int, where: str) -> None:
    """At most one draft for each payout, and each payout drafted or in doubt."""
    names = [name.split()[1] for name in shop.drafts()]
    assert len(names) == len(set(names)), f"{where}: drafts {names}"
    events = shop.run("log", "--json").json["events"]
    drafted = {event["payment_reference"]: "drafted" for event in events if event["what"] == "drafted"}
    ends = {**drafted, **statuses(shop)}
    assert set(ends) == {"FIRST", "ZERO", "LAST"}, f"{where}: forgotten: {ends}"
    assert set(ends.values()) <= {"drafted", "in-doubt"}, f"{where}: {ends}"
    assert all(name in names for name, end in ends.items() if end == "drafted"), f"{where}: {ends}, {names}"
    assert code == (8 if "in-doubt" in ends.values() else 0), f"{where}: exit code {code}, {ends}"


def judge_evidence(shop: Shop, mail: MailServer, evidence: str, where: str) -> None:
    """The reports of all payouts were mailed, or attached, or there is a remark; the archive is complete."""
    drafted = [reference for reference, status in shop.stored().items() if status == "drafted"]
    events = shop.run("log", "--json").json["events"]
    remarks = [(it["payment_reference"], it["answer"]) for it in events if it["what"] == "remark"]
    mailed = [str(it["Subject"]).split()[2] for it in mail.mails if it["To"] == INBOX]
    assert len(mailed) == len(set(mailed)), f"{where}: {mailed}"
    if evidence == "mail":
        assert {it for it in drafted if it not in mailed} <= {it for it, said in remarks if said == UNKNOWN}, where
    home = shop.box.office.home
    for draft in home.drafts if evidence == "attach" else ():
        assert home.pages_of(draft) == 2 or draft.name.split()[1] in dict(remarks), where
    if evidence != "none":
        assert_whole(shop.folder / "archive", where)
        assert_complete(shop, 3, where)


@pytest.mark.parametrize("evidence", EVIDENCE)
def test_killed_at_every_point_between_two_io_actions(
    open_shop: OpenShop, fork_server: ForkServer, plain_mail: MailServer, evidence: str
) -> None:
    if evidence == "attach":
        pytest.importorskip("pypdfium2")
    whole = three(open_shop, plain_mail, evidence)
    code, points = run(fork_server, whole)
    assert (code, len(whole.drafts())) == (0, 3)
    assert points > 100
    every = EVERY[evidence]
    for point in range(random.randrange(every), points, every):
        shop, where = three(open_shop, plain_mail, evidence), f"killed at point {point} of {points}"
        if run(fork_server, shop, kill_at=point).code != -9:
            assert point >= points - 9, "the number of reads differs a little from run to run"
            break
        assert_whole(shop.folder / "archive", where)
        codes = [run(fork_server, shop).code for _ in range(3)]
        assert codes[1] == codes[2], f"{where}: {codes}"
        judge(shop, codes[-1], where)
        judge_evidence(shop, plain_mail, evidence, where)
        shop.box.stop()


def test_killed_at_every_point_with_the_state_on_a_server(
    open_shop: OpenShop, fork_server: ForkServer, plain_mail: MailServer, base: Base
) -> None:
    def served() -> Shop:
        base.empty()
        shop = three(open_shop, plain_mail, "none")
        shop.use_server(base)
        return shop

    whole = served()
    code, points = run(fork_server, whole)
    assert (code, len(whole.drafts())) == (0, 3)
    assert points > 100
    every = EVERY["none"]
    for point in range(random.randrange(every), points, every):
        shop, where = served(), f"killed at point {point} of {points}"
        if run(fork_server, shop, kill_at=point).code != -9:
            assert point >= points - 9, "the number of reads differs a little from run to run"
            break
        codes = [run(fork_server, shop).code for _ in range(3)]
        assert codes[1] == codes[2], f"{where}: {codes}"
        judge(shop, codes[-1], where)
        shop.box.stop()


@pytest.mark.parametrize("evidence", EVIDENCE)
@pytest.mark.parametrize("processed", [False, True], ids=["before it is acted on", "after it was acted on"])
def test_cut_off_at_every_request(
    open_shop: OpenShop, plain_mail: MailServer, processed: bool, evidence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("klarna24.run.evidence.rendered", lambda *_: [b"\x89PNG\r\n\x1a\n"] * 2)
    whole = three(open_shop, plain_mail, evidence)
    assert whole.sync().code == 0
    every = EVERY_REQUEST[evidence]
    for number in range(random.randrange(every), len(whole.box.requests), every):
        shop, where = three(open_shop, plain_mail, evidence), f"cut off at request {number}"
        shop.box.faults.arm("cut", after=number, saved=processed)
        first = shop.sync("--now").code
        codes = [shop.sync("--now").code for _ in range(2)]
        judge(shop, codes[-1], where)
        judge_evidence(shop, plain_mail, evidence, where)
        assert first in {0, 5, 8}, where
        shop.box.stop()
