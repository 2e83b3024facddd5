"""The rates by which payouts were converted: stored once, never replaced, and told by the log."""

from datetime import date
from decimal import Decimal

import pytest

from klarna24.bookkeeping.voucher import Rate
from klarna24.errors import StateFault
from klarna24.state.connection import Place
from klarna24.state.records import RateKey
from klarna24.state.store import State
from tests.support.state import OWNER, sql

SUNDAY = RateKey(date(2026, 11, 22), "EUR", "SEK")
RATE = Rate(Decimal("11.025000"), date(2026, 11, 20))


def test_a_rate_is_found_by_its_day_and_both_currencies(state: State) -> None:
    state.keep_rates(OWNER, {SUNDAY: RATE})
    assert state.rate(SUNDAY) == RATE
    assert state.rate(SUNDAY._replace(day=date(2026, 11, 21))) is None
    assert state.rate(SUNDAY._replace(currency="NOK")) is None
    assert state.rate(SUNDAY._replace(home="NOK")) is None


def test_a_rate_that_is_there_stays_and_the_log_tells_only_of_new_ones(state: State) -> None:
    for value in ("11.025000", "12"):
        state.keep_rates(OWNER, {SUNDAY: Rate(Decimal(value), RATE.day)})
    assert state.rate(SUNDAY) == RATE
    [event] = state.events(OWNER.profile)
    told = "1 EUR = 11.025 SEK on 2026-11-22, published by the European Central Bank for 2026-11-20"
    assert (event.what, event.answer) == ("rate", told)


@pytest.mark.parametrize(
    "value", ["0", "-1", "NaN", "sNaN", "Infinity", "much", "", "1E30", "1E999999999", "1E-7", "11.0250001"]
)
def test_a_stored_rate_that_is_none_is_damage(place: Place, state: State, value: str) -> None:
    state.keep_rates(OWNER, {SUNDAY: RATE})
    sql(place, f"UPDATE rate SET value = '{value}'")
    with pytest.raises(StateFault, match="column rate has a value that cannot be read"):
        state.rate(SUNDAY)
    sql(place, "UPDATE rate SET value = '11', published = 'Friday'")
    with pytest.raises(StateFault, match="column published has a value that cannot be read"):
        state.rate(SUNDAY)
