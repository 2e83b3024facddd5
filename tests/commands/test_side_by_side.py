"""sync --all runs profiles side by side; each has its own output, its own problems, and its own crash."""

import os
import re
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from klarna24.cli.side_by_side import side_by_side
from klarna24.klarna.client import KlarnaClient
from klarna24.run.stopping import Stopped, finish_first, stop_on_signals
from klarna24.sandbox.klarna.generate import make_payout
from klarna24.sandbox.reply import Incoming, Reply
from klarna24.state.lock import only_run
from tests.support.mail_server import OpenMail, email_table, text
from tests.support.processes import end, start, statuses, wait_until
from tests.support.shops import NOON, OpenShop, shops, simple


def test_twenty_profiles_of_which_one_crashes_one_is_in_doubt_and_one_has_wrong_credentials(
    open_shop: OpenShop, open_mail: OpenMail, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WRONG", "not the password")
    shop, mail = shops(open_shop, 20, shop5={"klarna": {"password": {"env": "WRONG"}}}), open_mail()
    shop.config.write_text(shop.config.read_text() + email_table(shop, mail))
    list_payouts = KlarnaClient.payouts

    def crashes_for_one(self: KlarnaClient, *arguments: Any) -> Any:
        if self._settings.merchant_ids == ["M11"]:
            raise ZeroDivisionError("a bug")
        return list_payouts(self, *arguments)

    monkeypatch.setattr(KlarnaClient, "payouts", crashes_for_one)
    shop.box.faults.arm("cut-after-save", after=3)
    result = shop.run("sync", "--all", "--json")
    document = result.json
    assert (result.code, document["exit_code"]) == (1, 1), "a bug outranks everything"
    by_profile = {one["profile"]: one for one in document["profiles"]}
    assert list(by_profile) == [f"shop{number}" for number in range(1, 21)], "in the file's order"
    statuses = [payout["status"] for one in by_profile.values() for payout in one["payouts"]]
    assert (statuses.count("drafted"), statuses.count("in-doubt")) == (17, 1)
    codes = {name: [it["code"] for it in one["problems"]] for name, one in by_profile.items() if one["problems"]}
    assert sorted(codes.values()) == [["bug"], ["credentials"], ["in-doubt"]]
    assert (codes["shop5"], codes["shop11"]) == (["credentials"], ["bug"])
    assert len(shop.drafts()) == 18
    (sent,) = mail.mails
    (doubtful,) = (name for name, its in codes.items() if its == ["in-doubt"])
    assert sent["Subject"] == f"klarna24 {', '.join(codes)}: new: 3"
    assert "shop5: Klarna refused the credentials" in text(sent)
    assert "shop11: a bug ended the run: ZeroDivisionError" in text(sent)
    assert f"{doubtful}: payout REF{doubtful.removeprefix('shop')} is in doubt" in text(sent)


def test_the_output_of_each_profile_stays_together_in_the_order_of_the_file(open_shop: OpenShop) -> None:
    shop = shops(open_shop, 6)
    lines = shop.run("-v", "sync", "--all", "--jobs", "6").out.splitlines()
    drafted = [line.partition(":")[0] for line in lines if " drafted Klarna REF" in line]
    assert drafted == [f"shop{number}" for number in range(1, 7)]
    assert lines[-1] == "6 of 6 profiles ran: 6 drafted"


def test_the_summary_names_the_profiles_that_need_a_person(open_shop: OpenShop) -> None:
    shop = shops(open_shop, 3)
    shop.box.klarna.payouts[1]["totals"]["settlement_amount"] += 1
    result = shop.run("-v", "sync", "--all")
    assert result.out.splitlines()[-1] == "3 of 3 profiles ran: 2 drafted, 1 blocked; look at shop2"


@pytest.mark.parametrize("jobs", [1, 3])
def test_at_most_as_many_profiles_run_at_a_time_as_there_are_jobs(
    open_shop: OpenShop, monkeypatch: pytest.MonkeyPatch, jobs: int
) -> None:
    shop, at_once, most = shops(open_shop, 6), [], []
    list_payouts = KlarnaClient.payouts

    def counted(self: KlarnaClient, *arguments: Any) -> Any:
        at_once.append(1)
        most.append(len(at_once))
        time.sleep(0.05)
        try:
            return list_payouts(self, *arguments)
        finally:
            at_once.pop()

    monkeypatch.setattr(KlarnaClient, "payouts", counted)
    result = shop.run("sync", "--all", "--jobs", str(jobs))
    assert (result.code, result.out, result.err) == (0, "", ""), "nothing is printed on success"
    assert max(most) == jobs


def test_no_shop_waits_for_the_answers_of_another(open_shop: OpenShop, monkeypatch: pytest.MonkeyPatch) -> None:
    """What they share of a company's books aside: here, each saves while the three others do."""
    shop, together = shops(open_shop, 4), threading.Barrier(4)
    handle = shop.box.handle

    def meet(incoming: Incoming) -> Reply:
        if b"<ns0:SaveBundleList" in incoming.body:
            together.wait(30)  # raises unless all four are here at once
        return handle(incoming)

    monkeypatch.setattr(shop.box, "handle", meet)
    assert shop.run("sync", "--all", "--jobs", "4").code == 0


def test_one_login_serves_all_profiles_of_a_user(open_shop: OpenShop) -> None:
    """Repeated logins are throttled; a session that is lost midway takes a second one."""
    shop = shops(open_shop, 8)
    shop.box.faults.arm("slow", times=None, operation="Login", seconds=0.2)
    shop.box.faults.arm("expire-session", times=1, after=10)
    assert shop.run("sync", "--all", "--jobs", "8").code == 0
    assert shop.box.calls()["Login"] == 2
    assert len(shop.drafts()) == 8


def test_profiles_of_one_company_take_different_numbers(open_shop: OpenShop) -> None:
    """24SevenOffice reserves no number."""
    shop = shops(open_shop, 8, all={"voucher": {"transaction_no": "next"}})
    assert shop.run("sync", "--all", "--jobs", "8").code == 0
    numbers = [draft.transaction_no for draft in shop.box.office.home.drafts]
    assert sorted(numbers) == list(range(min(numbers), min(numbers) + 8))


def test_a_signal_finishes_the_saves_under_way_and_begins_no_other(open_shop: OpenShop) -> None:
    shop = shops(open_shop, 8)
    shop.box.faults.arm("slow", times=None, operation="SaveBundleList", seconds=2)
    process = start(shop, "sync", "--all", "--jobs", "2")
    wait_until(shop.drafts)
    process.send_signal(signal.SIGTERM)
    code, err = end(process)
    assert (code, "Traceback" in err) == (143, False)
    assert set(shop.stored().values()) <= {"drafted", "ready"}, "each save was written down"
    assert 0 < len(shop.drafts()) < 8
    shop.box.faults.clear()
    assert shop.run("sync", "--all", "--now").code == 0
    assert len(set(shop.drafts())) == len(shop.drafts()) == 8


def test_a_signal_waits_for_no_profile_that_only_reads(open_shop: OpenShop) -> None:
    """Not even where the server never answers; a ThreadPoolExecutor would wait for it."""
    shop = shops(open_shop, 3)
    shop.box.faults.arm("klarna-hang", times=None, operation="payouts", seconds=90)
    process = start(shop, "sync", "--all", "--jobs", "2")
    wait_until(lambda: shop.box.calls()["payouts"] == 2)
    process.send_signal(signal.SIGTERM)
    code, err = end(process)
    assert (code, "Traceback" in err) == (143, False)


def test_a_second_signal_does_not_wait_for_the_saves_under_way(open_shop: OpenShop) -> None:
    shop = shops(open_shop, 2)
    shop.box.faults.arm("hang-after-save", times=None, seconds=90)
    process = start(shop, "sync", "--all", "--jobs", "2")
    wait_until(lambda: len(shop.drafts()) == 2)
    process.send_signal(signal.SIGTERM)
    time.sleep(0.3)
    assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    assert end(process)[0] == 143
    assert set(statuses(shop).values()) == {"in-doubt"}


def test_no_save_begins_in_a_thread_after_a_signal() -> None:
    def save() -> None:
        with finish_first():
            raise AssertionError("a save began")

    with stop_on_signals(), ThreadPoolExecutor() as threads:
        with pytest.raises(Stopped):
            os.kill(os.getpid(), signal.SIGTERM)
        with pytest.raises(Stopped):
            threads.submit(save).result()


def test_the_results_have_the_order_of_the_things() -> None:
    def work(number: int) -> int:
        time.sleep(0.02 * (5 - number))
        return number * number

    assert side_by_side(work, range(5), 5, str) == [0, 1, 4, 9, 16]


def test_a_profile_that_another_run_has_locked_does_not_block_the_others(open_shop: OpenShop) -> None:
    shop = shops(open_shop, 3)
    with only_run(shop.state, "shop2"):
        result = shop.run("sync", "--all", "--json")
    assert result.code == 5
    assert len(shop.drafts()) == 2


SINCE = {"expect_payout_within_days": 14, "start_date": (NOON - timedelta(days=60)).date()}


def test_no_payout_for_longer_than_the_profile_expects_is_a_problem(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[simple("OLD", days_ago=15)])
    shop.write(SINCE)
    result = shop.sync("--json")
    assert result.code == 4
    (problem,) = result.json["profiles"][0]["problems"]
    assert problem["code"] == "silence"
    assert re.search("no payout from Klarna for 1[567] days", problem["message"])
    assert "klarna24 check" in problem["hint"]
    assert len(shop.drafts()) == 1, "the payout that is there is drafted all the same"
    shop.box.klarna.add(*simple("NEW", days_ago=1))
    assert shop.sync("--now").code == 0


@pytest.mark.parametrize(("days_since_start", "code"), [(10, 0), (20, 4)])
def test_without_any_payout_the_expected_days_count_from_the_start_date(
    open_shop: OpenShop, days_since_start: int, code: int
) -> None:
    shop = open_shop(payouts=[])
    shop.write({**SINCE, "start_date": (NOON - timedelta(days=days_since_start)).date()})
    assert (shop.sync().code, shop.dry_run().code) == (code, code)


def test_an_empty_payout_counts_as_a_payout(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[simple("OLD", days_ago=30), (make_payout("NOTHING", NOON, sale_amount=0), [])])
    shop.write(SINCE)
    assert shop.sync().code == 0
