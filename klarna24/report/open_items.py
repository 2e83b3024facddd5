"""The open items of a clearing account: pure. What cannot be matched for certain stays open."""

from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Sequence
from datetime import date

from klarna24.bookkeeping.ledger_match import LedgerLine, mentions
from klarna24.bookkeeping.payout import ZERO
from klarna24.report.month import OpenItem


def open_items(lines: Sequence[LedgerLine], references: Collection[str], until: date) -> tuple[OpenItem, ...]:
    """Return the lines dated up to ``until`` that nothing had matched by then, oldest first.

    Lines that mention the same one of ``references`` match if their sum is zero. Of the others, those of one
    amount match if as many debit it as credit it: then it does not matter which goes with which."""
    settled = dict(_settled(lines, references))
    items = [
        OpenItem(
            line.key.date,
            line.key.transaction_no,
            line.comment,
            line.amount,
            (until - line.key.date).days,
            settled.get(place),
        )
        for place, line in enumerate(lines)
        if line.amount and line.key.date <= until and not (place in settled and settled[place] <= until)
    ]
    return tuple(sorted(items, key=lambda item: (item.day, item.transaction_no)))


def _settled(lines: Sequence[LedgerLine], references: Collection[str]) -> Iterable[tuple[int, date]]:
    """The place of each line that is matched, with the day on which its match was complete."""
    named = {place: _reference(line.comment, references) for place, line in enumerate(lines)}
    left = set(named)
    for group in _groups([place for place in left if named[place]], lambda place: named[place]):
        if sum((lines[place].amount for place in group), ZERO) == 0:
            yield from _on_the_last_day(lines, group)
            left -= set(group)
    for group in _groups(left, lambda place: abs(lines[place].amount)):
        if sum((lines[place].amount for place in group), ZERO) == 0:
            yield from _on_the_last_day(lines, group)


def _on_the_last_day(lines: Sequence[LedgerLine], group: Sequence[int]) -> Iterable[tuple[int, date]]:
    day = max(lines[place].key.date for place in group)
    return ((place, day) for place in group)


def _groups(places: Iterable[int], key: Callable[[int], Hashable]) -> list[list[int]]:
    groups: defaultdict[Hashable, list[int]] = defaultdict(list)
    for place in sorted(places):
        groups[key(place)].append(place)
    return list(groups.values())


def _reference(comment: str, references: Collection[str]) -> str | None:
    """The reference that the comment mentions; None for none and for several."""
    found = [it for it in references if it in comment and mentions(comment, it)]
    return found[0] if len(found) == 1 else None
