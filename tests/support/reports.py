"""A month's report made by hand, for what is written of it."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from klarna24.bookkeeping.payout import ZERO, PayoutKey
from klarna24.errors import Problem, ProblemCode
from klarna24.report.month import (
    Balance,
    CurrencyMonth,
    Difference,
    Month,
    MonthPayout,
    OpenItem,
    PastPayout,
    ProfileMonth,
)
from klarna24.state.records import Status
from klarna24.text.sentences import Language, sentence

NOVEMBER = Month(2026, 11)
ZONE = ZoneInfo("Europe/Stockholm")
NOTHING = Balance(ZERO, ZERO, ZERO, ZERO, ZERO)
CHART = {1686: "Fordringar för kontokort och kuponger", 1940: "Klarna avräkning", 6064: "Avgifter"}


def payout(reference: str, day: int, status: Status = Status.BOOKED, **more: Any) -> MonthPayout:
    """Of 41 500 SEK less a fee of 921.38 SEK; ``more`` are fields that differ."""
    totals = {"sale": Decimal("41500.00"), "fee": Decimal("921.38")}
    totals["settlement"] = totals["sale"] - totals["fee"]
    sums = {1940: totals["settlement"], 1686: -totals["sale"], 6064: totals["fee"]}
    fields: dict[str, Any] = {
        "key": PayoutKey("M1", reference, "SEK"),
        "payout_date": date(2026, 11, day),
        "status": status,
        "totals": totals,
        "stored": totals,
        "drafted": sums,
        "booked": sums if status is Status.BOOKED else {},
        "transaction_no": 4700 + day if status is Status.BOOKED else None,
        "days_to_booking": 4 if status is Status.BOOKED else None,
    }
    return MonthPayout(**{**fields, **more})


def past(year: int, month: int, fees: str = "1200.00") -> PastPayout:
    """Of the month's tenth, with sales of 40 000 SEK."""
    sales = Decimal("40000.00")
    return PastPayout(date(year, month, 10), sales - Decimal(fees), sales, Decimal(fees), ZERO, 1 + month % 5)


def currency(payouts: Sequence[MonthPayout], differences: Sequence[Difference] = (), **more: Any) -> CurrencyMonth:
    """The month of these payouts in SEK, and of one in each month of a year before."""
    history = [past(2025, 12), *(past(2026, number) for number in range(1, 11))]
    history += [
        PastPayout(it.payout_date, it.settlement, it.totals["sale"], it.totals["fee"], ZERO, it.days_to_booking)
        for it in payouts
    ]
    fields: dict[str, Any] = {
        "currency": "SEK",
        "payouts": tuple(payouts),
        "klarna": _sum([it.totals for it in payouts]),
        "stored": _sum([it.stored for it in payouts]),
        "ledger": _sum([it.booked for it in payouts]),
        "expected": _sum([it.drafted for it in payouts if it.booked]),
        "debt": NOTHING,
        "holdback": NOTHING,
        "differences": tuple(differences),
        "history": tuple(history),
    }
    return CurrencyMonth(**{**fields, **more})


def closing(name: str = "shop1", language: Language = "en", **more: Any) -> ProfileMonth:
    """November with four payouts of 162,314.48 SEK in all, all booked."""
    payouts = [payout(f"XISA93D{number}", 7 * number - 2) for number in range(1, 5)]
    return _profile(name, language, [currency(payouts)], **more)


def failing(name: str = "shop1", language: Language = "en", reference: str = "XBENMNZV") -> ProfileMonth:
    """November with a booked payout, a draft that waits, and a blocked payout."""
    problem = Problem(ProblemCode.RESIDUAL, sentence("its totals differ by {amount}", amount="12.50"), "")
    payouts = [
        payout("XISA93DJ", 5, remarks=(sentence("opening debt {amount}", amount="1250.00"),)),
        payout(reference, 12, Status.DRAFTED, waits_since=date(2026, 11, 13)),
        payout("0a1b2c3d-4e5f-6789-abcd-0123456789ab", 19, Status.BLOCKED, problem=problem, stored={}),
    ]
    differences = [
        Difference(reference, sentence("drafted on {day}, not booked yet", day="2026-11-12")),
        Difference("0a1b2c3d-4e5f-6789-abcd-0123456789ab", problem.message),
    ]
    held = Balance(
        Decimal(1000), Decimal(2500), Decimal(500), ZERO, Decimal(3000), 1689, Decimal(2000), Decimal(2000)
    )
    items = (OpenItem(date(2026, 10, 29), 4698, f"Klarna {reference}", Decimal("38211.40"), 32),)
    return _profile(name, language, [currency(payouts, differences, holdback=held)], open_items=items)


def unread(name: str = "shop1", language: Language = "en") -> ProfileMonth:
    """A month that could not be read."""
    problem = Problem(ProblemCode.UNAVAILABLE, sentence("Klarna: no answer"), sentence("wait for it to end"))
    return ProfileMonth(name, language, ZONE, NOVEMBER, problems=(problem,))


def _profile(name: str, language: Language, currencies: Sequence[CurrencyMonth], **more: Any) -> ProfileMonth:
    fields: dict[str, Any] = {
        "home_currency": "SEK",
        "chart": CHART,
        "clearing": 1940,
        "read_from": date(2026, 8, 1),
    }
    return ProfileMonth(name, language, ZONE, NOVEMBER, currencies=tuple(currencies), **{**fields, **more})


def _sum(parts: Sequence[Any]) -> dict[Any, Decimal]:
    names = dict.fromkeys(name for part in parts for name in part)
    return {name: sum((part.get(name, ZERO) for part in parts), ZERO) for name in names}
