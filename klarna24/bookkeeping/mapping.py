"""From a payout to a voucher: pure, and the only place that decides what is booked where.

    payout, its rows, the profile, the books
      → figures.py   the totals add up, or the payout is blocked
                     currency, fiscal year
      → lines.py     the money table: one line a total, or one a row
      → entries.py   accounts, parties, comments, references
      → Voucher      balanced, or it cannot be constructed

Whatever is not certain raises :class:`~klarna24.errors.Blocked` with the figures and one next step.
"""

from collections.abc import Sequence

from klarna24.bookkeeping.entries import accounts_of, entries_of
from klarna24.bookkeeping.figures import check_figures, currency_of, fiscal_year, is_foreign
from klarna24.bookkeeping.lines import ITEMISED, anchor_of, lines_of
from klarna24.bookkeeping.payout import Payout, Transaction
from klarna24.bookkeeping.voucher import Books, Voucher
from klarna24.config.tables import Profile
from klarna24.errors import Blocked
from klarna24.text import sentence

__all__ = ["fiscal_year", "needs_rows", "voucher_for"]


def needs_rows(payout: Payout, profile: Profile, books: Books) -> bool:
    """Whether the voucher (or the reason to hold) cannot be made from the totals alone."""
    return bool(
        profile.transfer != "lump"
        or payout.totals["charge"]
        or payout.totals["credit"]
        # a blocked payout in a foreign currency shows Klarna's own VAT, and only the rows have it
        or (is_foreign(payout, books) and profile.voucher.foreign_currency == "hold")
    )


def voucher_for(payout: Payout, rows: Sequence[Transaction], profile: Profile, books: Books) -> Voucher | None:
    """The voucher of one payout; None where there is nothing to book: every total zero, or left out.

    ``rows`` are all of the payout's, or empty where :func:`needs_rows` says no. Raises Blocked.
    """
    left_out = check_figures(payout)
    if not any(payout.totals.amounts.values()) and not payout.totals.settlement:
        return None
    currency = currency_of(payout, rows, profile, books)
    day = payout.local_date(profile.timezone)
    year = fiscal_year(day, profile, books.fiscal_years)
    rows = [row for row in rows if row.currency == payout.currency]
    lines = list(lines_of(payout, rows, ITEMISED[profile.transfer] - left_out, left_out))
    if not lines:
        return None
    if len(lines) > profile.voucher.max_entries:
        raise Blocked(
            "too-many-entries",
            sentence(
                "{count} entries, and max_entries is {most}", count=len(lines), most=profile.voucher.max_entries
            ),
            sentence(
                "under {table}: {line}, or a greater max_entries under voucher",
                table=f"[profiles.{profile.name}]",
                line='transfer = "lump"',
            ),
        )
    accounts = accounts_of(lines, profile, books)
    anchor = anchor_of(lines)
    entries = tuple(entries_of(payout, lines, accounts, profile, anchor))
    return Voucher(
        payment_reference=payout.payment_reference,
        date=day,
        type=books.voucher_type,
        year=year,
        currency=currency,
        entries=entries,
        anchor=entries[lines.index(anchor)],
    )
