"""The figures of a month as bars, for the template to draw: in per cent across and in pixels down.

So a chart fills a wide page and a narrow one, with letters of the same size.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from statistics import median

from klarna24.bookkeeping.payout import ZERO
from klarna24.report.month import CurrencyMonth, Month, PastPayout
from klarna24.text.reader import Reader
from klarna24.text.sentences import sentence

TOP, DEEP = 18, 96  # pixels above the highest bar, for its number, and of the bars
WIDEST = 12  # per cent of the width that a bar may take
Groups = list[tuple[str, list[PastPayout]]]
Figure = Callable[[Sequence[PastPayout]], Decimal | None]


@dataclass(frozen=True, slots=True)
class Bar:
    """``left``, ``middle`` and ``width`` in per cent; ``top`` and ``height`` in pixels; ``shown`` stands at
    ``text_top``, above the bar or below a negative one. None of it is shown where there was nothing to count."""

    label: str
    shown: str
    left: float
    middle: float
    width: float
    top: float
    height: float
    text_top: float


@dataclass(frozen=True, slots=True)
class Chart:
    """``zero`` is where the axis is, and ``height`` that of all, in pixels; ``said`` are all its figures in words,
    for who cannot see it."""

    title: str
    bars: Sequence[Bar]
    zero: float
    height: int
    said: str


def charts(one: CurrencyMonth, month: Month, reader: Reader) -> list[Chart]:
    """Those of one currency: payouts and fees by week, cost and days to booking by month. One that has nothing to
    show is left out."""
    of_month = [it for it in one.history if Month.of(it.payout_date) == month]
    weeks = [(reader.say(name), [it for it in of_month if it.payout_date in days]) for name, days in _weeks(month)]
    months = [
        (reader.short_month(each.first), [it for it in one.history if Month.of(it.payout_date) == each])
        for each in _months(month)
    ]
    drawn: tuple[tuple[str, Groups, Figure, int], ...] = (
        (sentence("Payouts by week, {currency}", currency=one.currency), weeks, _settlement, 0),
        (sentence("Fees by week, without VAT, {currency}", currency=one.currency), weeks, _fees, 0),
        (sentence("What Klarna costs, in % of sales"), months, _cost, 1),
        (sentence("Days from payout to booking, median"), months, _days, 0),
    )
    made = [
        chart(reader.say(title), [(name, figure(payouts)) for name, payouts in groups], decimals, reader)
        for title, groups, figure, decimals in drawn
    ]
    return [it for it in made if any(bar.shown for bar in it.bars)]


def chart(title: str, figures: Sequence[tuple[str, Decimal | None]], decimals: int, reader: Reader) -> Chart:
    """A bar for each figure, with its label; without one where the figure is None."""
    known = [value for _, value in figures if value is not None]
    high, low = max([*known, ZERO]), min([*known, ZERO])
    scale = DEEP / float(high - low or 1)
    zero = TOP + float(high) * scale
    step = 100 / len(figures)
    width = min(step * 0.7, WIDEST)
    bars = []
    for place, (label, value) in enumerate(figures):
        middle, height = (place + 0.5) * step, abs(float(value or 0)) * scale
        is_negative = value is not None and value < 0
        top = zero if is_negative else zero - height
        text_top = top + height + 13 if is_negative else top - 5
        shown = "" if value is None else reader.amount(value, decimals)
        bars.append(Bar(label, shown, middle - width / 2, middle, width, top, height, text_top))
    said = ", ".join(f"{bar.label} {bar.shown}" for bar in bars if bar.shown)
    height = TOP + DEEP + TOP * (2 if low < 0 else 1)  # below: a negative bar's number, and the labels
    return Chart(title, bars, zero, round(height), f"{title}: {said}")


def _weeks(month: Month) -> list[tuple[str, set[date]]]:
    """The name and the days of each ISO week of the month."""
    weeks: dict[int, set[date]] = {}
    for number in range(month.last.day):
        day = month.first + timedelta(days=number)
        weeks.setdefault(day.isocalendar().week, set()).add(day)
    return [(sentence("week {number}", number=number), days) for number, days in weeks.items()]


def _months(month: Month) -> list[Month]:
    """The twelve months up to this one, oldest first."""
    months = [month]
    while len(months) < 12:
        months.append(months[-1].before)
    return months[::-1]


def _settlement(payouts: Sequence[PastPayout]) -> Decimal | None:
    return sum((it.settlement for it in payouts), ZERO) if payouts else None


def _fees(payouts: Sequence[PastPayout]) -> Decimal | None:
    return sum((it.fees for it in payouts), ZERO) if payouts else None


def _cost(payouts: Sequence[PastPayout]) -> Decimal | None:
    sales = sum((it.sales for it in payouts), ZERO)
    return 100 * sum((it.fees for it in payouts), ZERO) / sales if sales else None


def _days(payouts: Sequence[PastPayout]) -> Decimal | None:
    known = [Decimal(it.days_to_booking) for it in payouts if it.days_to_booking is not None]
    return median(known) if known else None
