"""Reading a whole list from a server on which it changes meanwhile (docs/vendors/klarna.md, "Collections").

An offset is not safe on such a list: while the first page is read a payout may disappear and another be added, and
then one is never seen although the count agrees. Payouts are therefore read in windows of dates so narrow that one
answer holds each; every answer is then complete in itself. The rows of one payout cannot be divided by date: what
was read in several pages counts only where no row can have been read twice.
"""

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from klarna24.bookkeeping.payout import Listed, PayoutKey, Transaction
from klarna24.klarna.answers import PAGE_SIZE, Page, Row
from klarna24.text import Sentence, sentence

ATTEMPTS = 3  # a list that changes while it is read is read again
SECOND = timedelta(seconds=1)

Query = dict[str, str]
Progress = Callable[[int, int], None]  # called with the number of rows read, and the number of all rows
T = TypeVar("T")


class NotReadable(Exception):
    """Each attempt to read the list failed; ``why`` says how the last one did."""

    def __init__(self, why: Sentence) -> None:
        super().__init__(why)
        self.why = sentence("{why} ({count} attempts)", why=why, count=ATTEMPTS)


class _Void(Exception):
    """What was read cannot be the list as it was at one moment."""

    def __init__(self, why: Sentence) -> None:
        super().__init__(why)
        self.why = why


CHANGED = sentence("the list kept changing while it was read")


def read_payouts(fetch: Callable[[Query], Page[Listed]], start: datetime, end: datetime) -> list[Listed]:
    """Every payout from ``start`` to ``end`` (UTC, both included), in no order. Raises NotReadable."""
    found: dict[PayoutKey, Listed] = {}
    windows = [(start, end)]
    while windows:
        first, last = windows.pop()
        query = {"start_date": f"{first:%Y-%m-%dT%H:%M:%SZ}", "end_date": f"{last:%Y-%m-%dT%H:%M:%SZ}"}
        page = _one_answer(fetch, query)
        if page is None and last - first <= SECOND:
            items: Sequence[Listed] = _agreeing(fetch, query, lambda payout: payout)
        elif page is None:
            # Both halves have the second in the middle, so that no fraction of it is missed.
            middle = first + max((last - first) // 2 // SECOND, 1) * SECOND
            windows += [(first, middle), (middle, last)]
            continue
        else:
            items = page
        found |= {payout.key: payout for payout in items}
    return list(found.values())


def _one_answer(fetch: Callable[[Query], Page[T]], query: Query) -> list[T] | None:
    """The whole list if one answer holds it, else None."""
    for _ in range(ATTEMPTS):
        page = _page(fetch, query, 0)
        count = len(page.items)
        if page.is_last(count):
            return page.items
        if count:
            return None
        why = _wrong_count(page.total or 0, count)
    raise NotReadable(why)


def read_rows(
    fetch: Callable[[Query], Page[Row]], payment_reference: str, progress: Progress | None = None
) -> list[Transaction]:
    """All rows of the payout, in Klarna's order. Raises NotReadable where no two readings agree.

    A capture occurs in one SALE row and a refund in one RETURN or REVERSAL row, so that a reading which repeats
    one has missed another. Equal rows without such an id may both be real.
    """

    def check(rows: Sequence[Row]) -> None:
        for row in rows:
            if row.payment_reference not in {None, payment_reference}:
                raise _Void(
                    sentence("a row of payout {reference} is among them", reference=row.payment_reference[:75])
                )
        repeated = [
            ids for ids, times in Counter(row.identity for row in rows if row.identity).items() if times > 1
        ]
        if repeated:
            raise _Void(sentence("row {id} was read twice", id=" ".join(map(str, repeated[0]))[:75]))

    query = {"payment_reference": payment_reference}
    return [row.transaction for row in _agreeing(fetch, query, lambda row: row, check, progress)]


def _agreeing(
    fetch: Callable[[Query], Page[T]],
    query: Query,
    identity: Callable[[T], Hashable],
    check: Callable[[Sequence[T]], None] = lambda items: None,
    progress: Progress | None = None,
) -> list[T]:
    """A reading that came in one answer, or has no two equal elements, or is confirmed by a second one."""
    why, before = CHANGED, None
    for _ in range(ATTEMPTS):
        try:
            items, pages = _read_pages(fetch, query, progress)
            check(items)
        except _Void as void:
            why, before = void.why, None
            continue
        counts = Counter(map(identity, items))
        if pages == 1 or len(counts) == len(items) or counts == before:
            return items
        why, before = CHANGED, counts
    raise NotReadable(why)


def _read_pages(fetch: Callable[[Query], Page[T]], query: Query, progress: Progress | None) -> tuple[list[T], int]:
    """The elements of all pages, and how many pages there were. Raises _Void where their count is wrong."""
    page = _page(fetch, query, 0)
    items, pages, total = list(page.items), 1, page.total
    while page.items and not page.is_last(len(items)):
        page = _page(fetch, query, len(items))
        if page.total != total:
            raise _Void(CHANGED)
        items += page.items
        pages += 1
        if progress and total is not None:
            progress(len(items), total)
    if total is not None and len(items) != total:
        raise _Void(_wrong_count(total, len(items)))
    return items, pages


def _page(fetch: Callable[[Query], Page[T]], query: Query, offset: int) -> Page[T]:
    return fetch(query | {"size": str(PAGE_SIZE), "offset": str(offset)})


def _wrong_count(total: int, count: int) -> Sentence:
    return sentence("Klarna announced {total} elements and sent {count}", total=total, count=count)
