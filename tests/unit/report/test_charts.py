"""Where the bars of a chart stand."""

from decimal import Decimal

from klarna24.report.charts import DEEP, TOP, chart, charts
from klarna24.text.reader import Reader
from tests.support.reports import NOVEMBER, closing, currency, payout

SV = Reader("sv")


def test_the_highest_bar_is_as_high_as_the_chart_and_half_the_amount_is_half_as_high() -> None:
    made = chart("Fees", [("a", Decimal(10)), ("b", Decimal(5)), ("c", None)], 0, SV)
    assert [bar.height for bar in made.bars] == [DEEP, DEEP / 2, 0]
    assert [bar.top for bar in made.bars] == [TOP, TOP + DEEP / 2, made.zero]
    assert [bar.shown for bar in made.bars] == ["10", "5", ""]
    assert made.said == "Fees: a 10, b 5"


def test_a_negative_bar_hangs_below_the_axis() -> None:
    made = chart("Payouts", [("a", Decimal(30)), ("b", Decimal(-10))], 0, SV)
    above, below = made.bars
    assert above.top + above.height == below.top == made.zero
    assert below.text_top > below.top + below.height
    assert made.zero < made.height


def test_the_bars_of_a_week_and_of_a_month_are_of_their_payouts_alone() -> None:
    (one,) = closing().currencies
    by_week, fees, cost, days = charts(one, NOVEMBER, SV)
    amount = "40\u00a0579"
    assert [bar.shown for bar in by_week.bars] == ["", amount, amount, amount, amount, ""]
    assert [bar.label for bar in by_week.bars] == [f"v. {number}" for number in range(44, 50)]
    assert [bar.shown for bar in fees.bars] == ["", "921", "921", "921", "921", ""]
    assert [bar.label for bar in cost.bars][-2:] == ["okt", "nov"]
    assert [bar.shown for bar in cost.bars] == ["3,0"] * 11 + ["2,2"]
    assert [bar.shown for bar in days.bars][-2:] == ["1", "4"]


def test_the_median_of_an_even_number_of_days_is_in_the_middle_of_two() -> None:
    booked = [payout(name, 5, days_to_booking=days) for name, days in (("A", 30), ("B", 44), ("C", 32), ("D", 37))]
    days = charts(currency(booked), NOVEMBER, SV)[-1]
    assert days.bars[-1].shown == "35"


def test_a_chart_without_figures_is_left_out() -> None:
    assert charts(currency([], history=()), NOVEMBER, SV) == []
    unbooked = currency([payout("A", 5, days_to_booking=None)], history=())
    assert charts(unbooked, NOVEMBER, SV) == []
