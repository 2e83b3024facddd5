"""The chain of debts over payouts: what the payout before each one closed with, as far as it is known."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import NamedTuple
from zoneinfo import ZoneInfo

from klarna24.bookkeeping.payout import ZERO, Listed, OddPayout, Payout
from klarna24.errors import ProblemCode
from klarna24.state.reading import StateReader
from klarna24.state.records import Owner


class _Link(NamedTuple):
    day: date
    payment_reference: str
    closing: Decimal | None  # None where the record could not be read


class DebtChain:
    """Made of what Klarna lists, and of the ``state`` for what came before; without a state, of the list alone."""

    def __init__(
        self, payouts: Iterable[Listed], zone: ZoneInfo, owner: Owner, state: StateReader | None = None
    ) -> None:
        self._zone, self._owner, self._state = zone, owner, state
        self._links: defaultdict[tuple[str, str], list[_Link]] = defaultdict(list)
        for payout in payouts:
            if payout.payout_date:
                day = payout.payout_date.astimezone(zone).date()
                closing = None if isinstance(payout, OddPayout) else payout.totals.closing_debt
                link = _Link(day, payout.payment_reference, closing)
                self._links[payout.merchant_id, payout.currency].append(link)
        for links in self._links.values():
            links.sort(key=lambda link: (link.day, link.payment_reference))

    def before(self, payout: Payout) -> list[Decimal]:
        """The closing debts of the payouts on the last date before this one, after those of others on its own
        date, since nothing says which came first. Empty where none is known."""
        day = payout.local_date(self._zone)
        links = self._links[payout.merchant_id, payout.currency]
        first = bisect_left(links, day, key=_day)
        last = [link.closing for link in _of_day(links, links[first - 1].day)] if first else []
        if not last and self._state:
            last = [
                None
                if row.problem and row.problem.code is ProblemCode.UNREADABLE
                else row.totals.get("closing_debt", ZERO)
                for row in self._state.before(self._owner, payout.key, day)
            ]
        same_day = [
            link.closing for link in _of_day(links, day) if link.payment_reference != payout.payment_reference
        ]
        if not last or None in (*last, *same_day):
            return []
        return [closing for closing in (*same_day, *last) if closing is not None]


def _of_day(links: list[_Link], day: date) -> list[_Link]:
    """Those of the day, of links that are sorted by it: a first run asks for each of ten years' payouts."""
    return links[bisect_left(links, day, key=_day) : bisect_right(links, day, key=_day)]


def _day(link: _Link) -> date:
    return link.day
