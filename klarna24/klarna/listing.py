"""Reading a whole list from a server on which it changes meanwhile (docs/vendors/klarna.md, "Collections").

An offset is not safe on such a list: while the first page is read a payout may disappear and another be added, and
then one is never seen although the count agrees. Payouts are therefore read in windows of dates so narrow that one
answer holds each; every answer is then complete in itself. The rows of one payout cannot be divided by date: what
was read in several pages counts only where no row can have been read twice.
"""

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from datetime import datetime, timedelta
from itertools import count
from typing import TypeVar

from klarna24.bookkeeping.payout import Listed, OddPayout, PayoutKey, Transaction
from klarna24.klarna.answers import Page, Row
from klarna24.text.sentences import Sentence, sentence

PAGE_SIZE = 500  # the largest `size` in the contract
ATTEMPTS = 3  # a list that changes while it is read is read again
# No honest list needs more, and one without an end must end: 100,000 payouts over ten years take 500 requests.
MOST_REQUESTS = 5_000
MOST_ELEMENTS = 200_000
SECOND = timedelta(seconds=1)

Query = dict[str, str]
Progress = Callable[[int, int], None]  # called with the number of rows read, and the number of all rows
T = TypeVar("T")


class NotReadable(Exception):
    """The list cannot be read; ``why`` says how the last attempt failed."""

    def __init__(self, why: Sentence) -> None:
        super().__init__(why)
        self.why = why


class _Void(NotReadable):
    """What was read cannot be the list as it was at one moment; another attempt may be."""


CHANGED = sentence("the list kept changing while it was read")
CONTRADICTION = sentence("it is listed more than once, each time with other content")


def read_payouts(fetch: Callable[[Query], Page[Listed]], start: datetime, end: datetime) -> list[Listed]:
    """Every payout from ``start`` to ``end`` (UTC, both included), in no order. Raises NotReadable."""
    found: dict[PayoutKey, Listed] = {}
    windows = [(start, end)]
    fetch = _bounded(fetch)
    while windows:
        first, last = windows.pop()
        query = {"start_date": f"{first:%Y-%m-%dT%H:%M:%SZ}", "end_date": f"{last:%Y-%m-%dT%H:%M:%SZ}"}
        items = _one_answer(fetch, query)
        if items is None and last - first > SECOND:
            # Both halves have the second in the middle, so that no fraction of it is missed.
            middle = first + (last - first) // 2 // SECOND * SECOND
            windows += [(first, middle), (middle, last)]
            continue
        for payout in _agreeing(fetch, query, lambda it: it.key, _is_proven) if items is None else items:
            known = found.setdefault(payout.key, payout)
            if known != payout:
                found[payout.key] = _contradiction(payout)
        _check_length(len(found))
    return list(found.values())


def _is_proven(payouts: Sequence[Listed]) -> bool:
    """Never: one may have gone while another came. Raises _Void where one was read twice."""
    keys = Counter(payout.key for payout in payouts)
    if twice := [key.payment_reference for key, times in keys.items() if times > 1]:
        raise _Void(sentence("payout {reference} is listed twice", reference=twice[0][:75]))
    return False


def _contradiction(payout: Listed) -> OddPayout:
    merchant_id, payment_reference, currency = payout.key
    return OddPayout(payment_reference, payout.payout_date, currency, merchant_id, payout.figures, CONTRADICTION)


def _one_answer(fetch: Callable[[Query], Page[T]], query: Query) -> list[T] | None:
    """The whole list if one answer holds it, else None."""
    for _ in range(ATTEMPTS):
        page = _page(fetch, query, PAGE_SIZE, 0)
        length = len(page.items)
        if page.is_last(length, PAGE_SIZE):
            return page.items
        if length or page.total is None:
            return None
        why = _wrong_count(page.total, length)
    raise _given_up(why)


def read_rows(
    fetch: Callable[[Query], Page[Row]], payment_reference: str, progress: Progress | None = None
) -> list[Transaction]:
    """All rows of the payout, in Klarna's order. Raises NotReadable where no two readings agree.

    A capture occurs in one SALE row and a refund in one RETURN or REVERSAL row, so that a reading which repeats
    one has missed another. Equal rows without such an id may both be real.
    """

    def is_proven(rows: Sequence[Row]) -> bool:
        """Whether no row can have been read twice, and so none missed. Raises _Void where one certainly was."""
        for row in rows:
            if row.payment_reference not in {None, payment_reference}:
                other = row.payment_reference[:75]
                raise _Void(sentence("a row of payout {reference} is among them", reference=other))
        identities = Counter(row.identity for row in rows if row.identity)
        if repeated := [identity for identity, times in identities.items() if times > 1]:
            raise _Void(sentence("row {id} was read twice", id=" ".join(repeated[0])[:75]))
        return len(set(rows)) == len(rows)

    query = {"payment_reference": payment_reference}
    rows = _agreeing(_bounded(fetch), query, lambda row: row, is_proven, progress)
    return [row.transaction for row in rows]


def _agreeing(
    fetch: Callable[[Query], Page[T]],
    query: Query,
    identity: Callable[[T], Hashable],
    is_proven: Callable[[Sequence[T]], bool],
    progress: Progress | None = None,
) -> list[T]:
    """A reading that came in one answer, or is proven complete, or is confirmed by a second one. Each is divided
    into pages of another size, so that an order which differs by page does not fail twice in the same way."""
    why, before = CHANGED, None
    for attempt in range(ATTEMPTS):
        size = max(1, PAGE_SIZE - attempt * PAGE_SIZE // (ATTEMPTS + 1))
        try:
            items, pages = _read_pages(fetch, query, size, progress)
            if is_proven(items) or pages == 1:
                return items
        except _Void as void:
            why, before = void.why, None
            continue
        counts = Counter(map(identity, items))
        if counts == before:
            return items
        why, before = CHANGED, counts
    raise _given_up(why)


def _read_pages(
    fetch: Callable[[Query], Page[T]], query: Query, size: int, progress: Progress | None
) -> tuple[list[T], int]:
    """The elements of all pages, and how many pages there were. Raises _Void where their count is wrong."""
    items: list[T] = []
    pages, total = 0, None
    while True:
        page = _page(fetch, query, size, len(items))
        if pages and page.total != total:
            raise _Void(CHANGED)
        total = page.total
        pages += 1
        items += page.items
        _check_length(len(items))
        if progress and total is not None:
            progress(len(items), total)
        if not page.items or page.is_last(len(items), size):
            break
    if total is not None and len(items) != total:
        raise _Void(_wrong_count(total, len(items)))
    return items, pages


def _page(fetch: Callable[[Query], Page[T]], query: Query, size: int, offset: int) -> Page[T]:
    return fetch(query | {"size": str(size), "offset": str(offset)})


def _bounded(fetch: Callable[[Query], Page[T]]) -> Callable[[Query], Page[T]]:
    """The same function, which may be called so many times."""
    calls = count()

    def bounded(query: Query) -> Page[T]:
        if next(calls) >= MOST_REQUESTS:
            raise NotReadable(sentence("the list does not end after {count} requests", count=MOST_REQUESTS))
        return fetch(query)

    return bounded


def _check_length(length: int) -> None:
    if length > MOST_ELEMENTS:
        raise NotReadable(sentence("the list does not end after {count} elements", count=MOST_ELEMENTS))


def _wrong_count(total: int, length: int) -> Sentence:
    return sentence("Klarna announced {total} elements and sent {count}", total=total, count=length)


def _given_up(why: Sentence) -> NotReadable:
    return NotReadable(sentence("{why} ({count} attempts)", why=why, count=ATTEMPTS))
