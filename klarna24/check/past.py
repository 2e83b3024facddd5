"""Reads payouts of the past as a dry run would see them: whether each adds up, and which kinds it has."""

import time
from calendar import monthrange
from collections.abc import Callable, Iterable, Sequence
from datetime import date

from klarna24.bookkeeping import mapping
from klarna24.bookkeeping.detailed_types import KEYS, described
from klarna24.bookkeeping.entries import other_account
from klarna24.bookkeeping.figures import check_currency, check_figures, check_vat, fiscal_year
from klarna24.bookkeeping.lines import Line, lines_of, told_apart
from klarna24.bookkeeping.payout import SIGNS, Listed, OddPayout, Payout, Transaction
from klarna24.bookkeeping.voucher import Books, Rate, Trace, Voucher
from klarna24.check.months import PastPayout
from klarna24.config.tables import Profile
from klarna24.errors import BadAnswer, Blocked, Klarna24Error
from klarna24.klarna.client import KlarnaClient
from klarna24.state.records import Status

TOLD_APART = {*KEYS, "HOLDBACK", "RELEASE"}  # the row types whose detailed types matter
MOST_PAYOUTS = 60  # whose rows a check reads, the newest ones: a year of weekly payouts
ROWS_SECONDS = 60.0  # after which it reads no more rows: a large shop's payout has many pages of them


class PayoutReader:
    """Reads payouts one by one, the newest first. Without ``books`` only what needs none is told. Rows are read of
    at most ``most`` payouts and for ``seconds``; the counters say what was left out."""

    def __init__(
        self,
        profile: Profile,
        client: KlarnaClient,
        books: Books | None = None,
        rate: Callable[[date, str], Rate] | None = None,
        most: int | None = None,
        seconds: float | None = None,
    ) -> None:
        self._profile, self._client, self._books, self._rate = profile, client, books, rate
        self._whole = profile.model_copy(update={"transfer": "lump"})  # kinds are the same for single rows
        self._needs_rows = told_apart(self._whole)
        self._most = MOST_PAYOUTS if most is None else most
        self._end = time.monotonic() + (ROWS_SECONDS if seconds is None else seconds)
        self.blocked = self.unread = 0
        self.error: Klarna24Error | None = None
        # by key and detailed type: what it is, and in how many payouts it occurred
        self.unlike: dict[tuple[str, str], tuple[str, int]] = {}

    def read(self, payout: Listed) -> PastPayout:
        """Return what a dry run would make of the payout."""
        zone = self._profile.timezone
        day = payout.payout_date.astimezone(zone).date() if payout.payout_date else None
        if isinstance(payout, OddPayout):
            return PastPayout(payout, day, Status.BLOCKED, payout.why)
        trace = self._trace(payout, payout.local_date(zone))
        needs_rows = self._needs(payout)
        try:
            rows = self._rows(payout) if needs_rows or payout.totals["return"] else ()
        except BadAnswer as error:  # of this payout alone
            self.unread += 1
            return PastPayout(payout, day, Status.BLOCKED, error.message, self._lines(payout, None), trace=trace)
        lines = self._lines(payout, None if needs_rows and rows is None else rows or ())
        apart = (row for row in rows or () if row.type in TOLD_APART and row.detailed_type)
        kinds = tuple(sorted({str(row.detailed_type) for row in apart}))
        try:
            if not self._books or (needs_rows and rows is None):
                self._check_totals(payout)
                return PastPayout(payout, day, None, "", lines, kinds, trace)
            voucher = self._voucher(payout, rows or (), self._books)
        except Blocked as error:
            return PastPayout(payout, day, Status.BLOCKED, error.message, lines, kinds, trace)
        if voucher is None:
            return PastPayout(payout, day, Status.SKIPPED, "", lines, kinds)
        return PastPayout(payout, day, Status.READY, "", lines, kinds, voucher.trace())

    def _needs(self, payout: Payout) -> bool:
        """Whether the outcome, or what kinds there are, depends on rows."""
        mixed = any(payout.totals[total] for total in self._needs_rows)
        return mixed or (self._books is not None and mapping.needs_rows(payout, self._profile, self._books))

    def _voucher(self, payout: Payout, rows: Sequence[Transaction], books: Books) -> Voucher | None:
        rate = None
        if self._rate and payout.figures and mapping.needs_rate(payout, self._profile, books):
            rate = self._rate(payout.local_date(self._profile.timezone), payout.currency)
        return mapping.voucher_for(payout, rows, self._profile, books, rate)

    def _check_totals(self, payout: Payout) -> None:
        """Raise Blocked for what needs no rows."""
        check_figures(payout)
        check_vat(payout, self._profile)
        if self._books:
            check_currency(payout, (), self._profile, self._books)
            fiscal_year(payout.local_date(self._profile.timezone), self._profile, self._books.fiscal_years)

    def _trace(self, payout: Payout, day: date) -> Trace | None:
        """By what a voucher of the payout would be found, as far as its totals say it."""
        home = self._books.home_currency if self._books else payout.currency
        if not payout.totals.settlement or payout.currency != home:
            return None
        account_no, amount = self._profile.accounts.payout, payout.totals.settlement
        name = f"Klarna {payout.payment_reference} {day}"
        return Trace(payout.payment_reference, name, account_no, day, amount, home, {})

    def _lines(self, payout: Payout, rows: Sequence[Transaction] | None) -> tuple[Line, ...]:
        """Return the lines of the totals and detailed types; without rows, of the totals that need none."""
        try:
            left_out = check_figures(payout)
            check_vat(payout, self._profile)
            if rows is not None:
                self._note(rows)
                return tuple(lines_of(payout, rows, self._whole, left_out))
        except Blocked:
            self.blocked += 1
            return ()
        left_out |= self._needs_rows
        return tuple(
            Line(total, -sign * payout.totals[total])
            for total, sign in SIGNS.items()
            if total not in left_out and payout.totals[total]
        )

    def _note(self, rows: Iterable[Transaction]) -> None:
        found = {(row.type, row.detailed_type) for row in rows if row.detailed_type}
        for row_type, name in sorted(found):
            known, key = described(row_type, name), KEYS.get(row_type)
            if not (known and key and known.stands_out and other_account(key, self._profile)):
                continue  # it has no account at all, which is told
            if name not in getattr(self._profile.accounts, key):
                self.unlike[key, name] = known.meaning, self.unlike.get((key, name), ("", 0))[1] + 1

    def _rows(self, payout: Payout) -> list[Transaction] | None:
        """Return the rows; None where too many were read already, or Klarna does not answer."""
        self._most -= 1
        if self._most < 0 or time.monotonic() > self._end or self.error:
            self.unread += 1
            return None
        try:
            rows = self._client.transactions(payout.payment_reference)
        except BadAnswer:
            raise
        except Klarna24Error as error:
            self.error = error
            return None
        return [row for row in rows if row.currency == payout.currency]


def months_before(day: date, months: int) -> date:
    """Return the same day so many months before, or the last one of a shorter month."""
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))
