"""What a run writes: on disk before the call, each payout claimed by one run, and every change logged."""

import json
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from threading import Timer
from typing import Any

import psycopg
import pytest

from klarna24.bookkeeping.payout import Payout
from klarna24.bookkeeping.remarks import Remark
from klarna24.config.folders import STATE_FILE
from klarna24.errors import Problem, ProblemCode, StateFault
from klarna24.state.connection import Place
from klarna24.state.folder import WITNESS
from klarna24.state.records import Owner, Status
from klarna24.state.store import State
from tests.support.bookkeeping import payout
from tests.support.shops import OpenShop, simple
from tests.support.state import DAY, OWNER, PROBLEM, a_payout, a_voucher, log, row, send, sent, sql, status


def test_what_is_written_is_there_for_the_next_run(place: Place) -> None:
    of = a_payout()
    with closing(State.open(place)) as first:
        row_id = send(first, of)
    with closing(State.open(place)) as second:
        found = row(second, of)
    assert (found.id, found.status, found.payout_date, found.totals) == (row_id, "sending", DAY, of.totals.named())
    folder, database = (place, {STATE_FILE}) if isinstance(place, Path) else (place.folder, set())
    assert {path.name for path in folder.iterdir()} == {*database, WITNESS}, "no other files are left behind"


def test_all_that_a_look_up_needs_is_on_disk_before_the_call(place: Place, state: State) -> None:
    """Another process sees it while this one still runs."""
    send(state, a_payout())
    ((account, day, amount, sums, name),) = sql(
        place, "SELECT anchor_account, anchor_date, anchor_amount, sums, bundle_name FROM payout"
    )
    assert (account, day, amount, name) == (1940, "2026-11-19", "962.50", "Klarna XISA93DJ 2026-11-19")
    assert json.loads(sums) == {"1940": "962.50", "1686": "-1000.00", "6064": "30.00", "2641": "7.50"}


# Which payouts may be sent


def test_only_one_of_many_runs_may_send_a_payout(place: Place, state: State) -> None:
    for number in range(5):
        of = a_payout(f"REF{number}")

        def attempt(_: int, of: Payout = of) -> int | None:
            with closing(State.open(place)) as own:
                return send(own, of)

        with ThreadPoolExecutor(8) as pool:
            winners = [won for won in pool.map(attempt, range(8)) if won is not None]
        assert len(winners) == 1
    assert log(state) == [(f"REF{number}", "sending") for number in range(5)]


def test_a_change_waits_for_that_of_another_process_and_sees_it(folder: Path, in_file: State) -> None:
    """BEGIN IMMEDIATE: with a plain BEGIN this run would read first, and fail when it wants to write."""
    of = a_payout()
    in_file.listed(OWNER, [(of, DAY)], "scope")
    with closing(sqlite3.connect(folder / STATE_FILE, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        other.execute("UPDATE payout SET status = 'sending'")
        commit = Timer(0.3, other.execute, ["COMMIT"])
        commit.start()
        try:
            assert send(in_file, of) is None, "the other process has claimed it"
        finally:
            commit.join()


@pytest.mark.parametrize(
    ("answer", "may"),
    [("drafted", False), ("in-doubt", False), (None, False), ("rejected", True), ("ready", True)],
    ids=str,
)
def test_only_what_was_not_saved_may_be_sent_again(state: State, answer: Any, may: bool) -> None:
    of = a_payout()
    row_id = sent(state, of)
    if answer:
        problem = PROBLEM if answer in {"rejected", "in-doubt"} else None
        state.answered(OWNER, row_id, answer, "as it said", problem)
    assert (send(state, of) is not None) is may


@pytest.mark.parametrize("answer", ["drafted", "in-doubt", None], ids=str)
def test_in_doubt_outranks_blocked_and_skipped(state: State, answer: Any) -> None:
    """Only the ledger or a person ends it, whatever else has become wrong with the payout meanwhile."""
    of = a_payout()
    row_id = sent(state, of)
    if answer:
        state.answered(OWNER, row_id, answer, "as it said", PROBLEM if answer == "in-doubt" else None)
    before = row(state, of)
    state.block(OWNER, of, DAY, PROBLEM)
    state.skip(OWNER, of, DAY)
    state.listed(OWNER, [(of, DAY)], "scope")
    assert row(state, of) == before
    assert send(state, of) is None


NOT_SENT: dict[str, Callable[[State], object]] = {
    "blocked": lambda state: state.block(OWNER, a_payout(), DAY, PROBLEM),
    "skipped as empty": lambda state: state.skip(OWNER, payout({}), DAY),
    "listed": lambda state: state.listed(OWNER, [(a_payout(), DAY)], "scope"),
}


@pytest.mark.parametrize("before", NOT_SENT)
def test_what_was_never_sent_may_be_sent(state: State, before: str) -> None:
    NOT_SENT[before](state)
    assert send(state, a_payout()) is not None


def test_what_a_person_skipped_stays_skipped(state: State) -> None:
    state.skip(OWNER, a_payout(), DAY)
    state.resolve(row(state, a_payout()), Status.SKIPPED, "a person ended it", None)
    assert send(state, a_payout()) is None


@pytest.mark.parametrize("settled", [Status.DRAFTED, Status.SKIPPED, Status.READY])
def test_an_answer_changes_only_what_is_being_sent_or_in_doubt(state: State, settled: Any) -> None:
    """It comes late, and the doubt has been settled: the payout stays as it is, and the log has both."""
    of = a_payout()
    row_id = sent(state, of)
    state.resolve(row(state, of), settled, "a person settled it", None)
    before = row(state, of)
    state.answered(OWNER, row_id, Status.REJECTED, "as it said", PROBLEM)
    assert row(state, of) == before
    assert log(state) == [("XISA93DJ", what) for what in ("sending", settled, "rejected")]


def test_an_order_to_send_again_is_carried_out_once(state: State) -> None:
    of = a_payout()
    sent(state, of)
    state.resolve(row(state, of), Status.READY, "a person ordered it to be sent again", None)
    assert row(state, of).resend
    state.answered(OWNER, sent(state, of), Status.REJECTED, "as it said", PROBLEM)
    assert not row(state, of).resend


def test_a_decision_about_a_payout_that_a_run_has_changed_is_refused(state: State) -> None:
    of = a_payout()
    row_id = sent(state, of)
    before = row(state, of)
    state.answered(OWNER, row_id, Status.DRAFTED, "Ok")
    with pytest.raises(StateFault, match="XISA93DJ"):
        state.resolve(before, Status.SKIPPED, "a person ended it", None)
    assert (status(state, of), log(state)[-1][1]) == ("drafted", "drafted")


# What a person has booked

LEDGER_SUMS = {1930: Decimal("962.50"), 1580: Decimal("-962.50")}


def test_a_draft_that_stands_in_the_ledger_is_booked_with_number_moment_and_sums(state: State) -> None:
    of, remark = a_payout(), Remark("booked with other sums")
    state.answered(OWNER, sent(state, of), Status.DRAFTED, "Ok")
    state.booked(row(state, of), 4711, LEDGER_SUMS, (remark,))
    now = row(state, of)
    assert (now.status, now.transaction_no, now.ledger_sums) == (Status.BOOKED, 4711, LEDGER_SUMS)
    assert now.remarks == (remark,)
    assert now.booked_at
    assert datetime.now(UTC) - now.booked_at < timedelta(minutes=1)
    assert [what for _, what in log(state)] == ["sending", "drafted", "booked", "remark"]
    assert send(state, of) is None
    assert state.drafts("shop1") == []


@pytest.mark.parametrize("answer", [Status.REJECTED, Status.IN_DOUBT, Status.READY])
def test_nothing_but_a_draft_becomes_booked_by_that(state: State, answer: Status) -> None:
    of = a_payout()
    state.answered(OWNER, sent(state, of), answer, "as it said", PROBLEM)
    before = row(state, of)
    state.booked(before, 4711)
    assert row(state, of) == before
    assert "booked" not in {what for _, what in log(state)}


def test_what_is_ordered_again_after_it_was_booked_forgets_number_moment_and_sums(state: State) -> None:
    of = a_payout()
    state.answered(OWNER, sent(state, of), Status.DRAFTED, "Ok")
    state.booked(row(state, of), 4711, LEDGER_SUMS)
    state.resolve(row(state, of), Status.READY, "a person ordered it to be sent again", None)
    now = row(state, of)
    assert (now.transaction_no, now.booked_at, now.ledger_sums) == (None, None, None)


def test_what_the_ledger_ends_the_doubt_of_has_its_moment(state: State) -> None:
    ended: dict[str, Callable[[Payout, int], object]] = {
        "A": lambda _, row_id: state.answered(OWNER, row_id, Status.BOOKED, "found", transaction_no=1),
        "B": lambda of, _: state.resolve(row(state, of), Status.BOOKED, "found", None, transaction_no=2),
    }
    for reference, end in ended.items():
        of = a_payout(reference)
        end(of, sent(state, of))
        assert row(state, of).booked_at
    state.found(OWNER, a_payout("C"), a_voucher(a_payout("C")), 3)
    assert row(state, a_payout("C")).booked_at


def test_drafts_are_those_that_were_sent_and_wait_oldest_first(state: State) -> None:
    for reference, answer in {"A": Status.DRAFTED, "B": Status.IN_DOUBT, "C": Status.DRAFTED}.items():
        state.answered(OWNER, sent(state, a_payout(reference)), answer, "as it said")
    state.block(OWNER, a_payout("D"), DAY, PROBLEM)
    state.resolve(row(state, a_payout("D")), Status.DRAFTED, "a person booked it by hand", None)
    assert [it.key.payment_reference for it in state.drafts("shop1")] == ["A", "C"]
    assert state.drafts("shop2") == []


def test_when_the_ledger_was_read_is_kept_for_each_profile(state: State) -> None:
    assert state.ledger_read_at("shop1") is None
    state.ledger_read(OWNER)
    read_at = state.ledger_read_at("shop1")
    assert read_at
    assert datetime.now(UTC) - read_at < timedelta(minutes=1)
    assert state.ledger_read_at("shop2") is None


# The unique key


def test_the_key_is_company_environment_merchant_reference_and_currency(state: State) -> None:
    of = a_payout()
    sent(state, of)
    for profile_name in ("shop1", "twin", "renamed"):
        assert send(state, of, OWNER._replace(profile=profile_name)) is None, "the profile is an attribute"
    others: list[tuple[Payout, Owner]] = [
        (of, OWNER._replace(client_id=3000025)),
        (of, OWNER._replace(environment="playground")),
        (a_payout(merchant_id="N100199"), OWNER),
        (a_payout(currency_code="EUR"), OWNER),
        (a_payout("XISA93DK"), OWNER),
        (a_payout("xisa93dj"), OWNER),
    ]
    for other, owner in others:
        assert status(state, other, owner) is None
        assert state.sending(owner, other, a_voucher(of)) is not None


def test_the_database_itself_refuses_a_second_row(place: Place, state: State) -> None:
    sent(state, a_payout())
    columns = "client_id, environment, merchant_id, payment_reference, currency, payout_date, status, totals"
    into, values = f"{columns}, profile, created_at, changed_at", f"{columns}, 'twin', 0, 0"
    with pytest.raises((sqlite3.IntegrityError, psycopg.IntegrityError), match=r"(?i)unique"):
        sql(place, f"INSERT INTO payout ({into}) SELECT {values} FROM payout")


# The log


def test_every_change_is_logged_with_who_and_what(state: State) -> None:
    of = a_payout()
    state.listed(OWNER, [(of, DAY)], "scope")
    state.block(OWNER, of, DAY, PROBLEM)
    state.answered(OWNER, sent(state, of), Status.DRAFTED, "Ok")
    assert log(state) == [("XISA93DJ", what) for what in ("seen", "blocked", "sending", "drafted")]
    last = [*state.events("shop1")][-1]
    assert (last.answer, last.profile) == ("Ok", "shop1")
    assert "@" in last.who


def test_the_log_is_of_one_profile_or_of_all(state: State) -> None:
    send(state, a_payout("ONE"))
    send(state, a_payout("TWO"), OWNER._replace(profile="shop2"))
    events = {name: [it.payment_reference for it in state.events(name)] for name in ("shop1", "shop2", None)}
    assert events == {"shop1": ["ONE"], "shop2": ["TWO"], None: ["ONE", "TWO"]}


CHANGES: dict[str, Callable[[State, int], object]] = {
    "listed": lambda state, _: state.listed(OWNER, [(a_payout(), DAY)], "scope"),
    "block": lambda state, _: state.block(OWNER, a_payout(), DAY, PROBLEM),
    "skip": lambda state, _: state.skip(OWNER, a_payout(), DAY),
    "sending": lambda state, _: send(state, a_payout()),
    "answered": lambda state, row_id: state.answered(OWNER, row_id, Status.DRAFTED, "Ok"),
    "adopt": lambda state, _: state.adopt(OWNER._replace(profile="heir"), row(state, a_payout("SENT"))),
    "resolve": lambda state, _: state.resolve(
        row(state, a_payout("SENT")), Status.SKIPPED, "a person ended it", None
    ),
    "accept": lambda state, _: state.accept(row(state, a_payout("SENT")), {}, None, None),
}


# As statements of PostgreSQL, and of SQLite.
NO_EVENTS = (
    (
        (
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE EXCEPTION 'no events today'; END $$",
            "CREATE TRIGGER no_events BEFORE INSERT ON event FOR EACH ROW EXECUTE FUNCTION refuse()",
        ),
        "DROP TRIGGER no_events ON event",
    ),
    (
        ("CREATE TRIGGER no_events BEFORE INSERT ON event BEGIN SELECT RAISE(ABORT, 'no events today'); END",),
        "DROP TRIGGER no_events",
    ),
)


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_and_its_event_are_one_transaction(place: Place, state: State, change: str) -> None:
    """Where the event cannot be written, the change is not made."""
    row_id = sent(state, a_payout("SENT"))
    before = row(state, a_payout("SENT"))
    refuse, allow = NO_EVENTS[isinstance(place, Path)]
    sql(place, *refuse)
    with pytest.raises(StateFault, match="no events today"):
        CHANGES[change](state, row_id)
    assert status(state, a_payout()) is None
    assert row(state, a_payout("SENT")) == before
    assert state.scope("shop1") is None
    sql(place, allow)
    CHANGES[change](state, row_id)
    assert len([*state.events(None)]) == 2, "the failure has no consequences"


def test_a_payout_that_is_blocked_each_night_makes_one_event_until_something_is_new(state: State) -> None:
    of = a_payout()
    for _ in range(3):
        state.block(OWNER, of, DAY, PROBLEM)
    assert log(state) == [("XISA93DJ", "blocked")]
    state.block(OWNER, of, DAY, Problem(ProblemCode.RESIDUAL, "by other figures", "look", "XISA93DJ"))
    assert log(state) == [("XISA93DJ", "blocked")] * 2


def test_nights_without_news_leave_the_log_as_it_is(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[simple("GOOD"), simple("BAD", sale_amount=100, settlement_amount=99)])
    logs = []
    for _ in range(2):
        assert shop.sync("--now").code == 7
        with closing(State.for_reading(shop.state)) as reader:
            logs.append([*reader.events(None)])
    assert logs[0] == logs[1] != []
