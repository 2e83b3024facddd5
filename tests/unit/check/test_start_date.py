"""Which start_date is advised, by what stands in the ledger."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from klarna24.bookkeeping.payout import Payout, Totals
from klarna24.check.months import Found, HistoryPayout, PastPayout
from klarna24.check.start_date import advice_of
from klarna24.state.records import Status
from klarna24.text.sentences import sentence

FIRST = date(2026, 10, 1)


def on(days: int, found: Found | None = None, *, is_looked_up: bool = True) -> HistoryPayout:
    """A payout so many days after the first, and what was found of it."""
    day = FIRST + timedelta(days=days)
    moment = datetime.combine(day, datetime.min.time(), UTC)
    payout = Payout(f"R{days}", moment, "SEK", "NET", "M1", Totals(Decimal(1), {}))
    return HistoryPayout(PastPayout(payout, day, Status.READY), day, None, found, is_looked_up)


def booked(*, is_certain: bool = True, is_noticed: bool = False, is_ours: bool = False) -> Found:
    return Found(7, FIRST, is_certain, sentence("its reference and its amount"), is_noticed, is_ours)


def advice(*payouts: HistoryPayout, start: int = 20) -> list[str]:
    return [*advice_of(payouts, FIRST + timedelta(days=start))]


def test_where_nothing_stands_there_all_may_be_taken_in_from_the_first_payout_on() -> None:
    (said,) = advice(on(3), on(10))
    assert "to take in more, start_date = 2026-10-04 (it is 2026-10-21)" in said
    assert said.endswith("taken in then: 2")


def test_what_follows_the_last_booked_payout_may_be_taken_in() -> None:
    again, move = advice(on(3, booked()), on(8, booked(is_certain=False)), on(9), on(22))
    assert "does not recognise: 2 (1 of them only probably), the last of 2026-10-09" in again
    assert "drafted a second time" in again
    assert "start_date = 2026-10-10" in move
    assert move.endswith("taken in then: 2")


def test_a_start_date_that_would_draft_a_second_time_is_to_be_set_later() -> None:
    *_, move = advice(on(21, booked()), on(22))
    assert move.startswith("set start_date = 2026-10-23 (it is 2026-10-21)")


def test_what_a_run_notices_is_in_doubt_and_not_drafted() -> None:
    said, _ = advice(on(3, booked(is_noticed=True)))
    assert "none of them is drafted: each is in doubt until klarna24 resolve --drafted" in said
    said, _ = advice(on(3, booked(is_noticed=True, is_ours=True)))
    assert "use the state that drafted them" in said


def test_payouts_missing_between_booked_ones_are_named() -> None:
    *_, gaps = advice(*(on(days) for days in range(6)), on(7, booked()))
    assert "although later ones are booked: 6 (R0 2026-10-01, R1 2026-10-02" in gaps
    assert ", …)" in gaps


def test_nothing_to_move_and_nothing_known_say_so_or_nothing() -> None:
    assert advice(on(21)) == ["start_date may stay 2026-10-21"]
    assert advice() == []
    assert advice(on(3, is_looked_up=False)) == []
