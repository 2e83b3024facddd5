"""Makes the voucher of a payout. What is booked on which account is decided here and in the modules below, purely.

    payout, its rows, the profile, the books
      → figures.py   the totals add up, or the payout is blocked; currency and fiscal year
      → lines.py     one line for each total, or for each row
      → entries.py   accounts, customer and supplier, comments, references
      → Voucher      balances, or cannot be made

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
    """Return whether the voucher, or the reason why the payout is blocked, needs more than the totals."""
    return bool(
        profile.transfer != "lump"
        or payout.totals["charge"]
        or payout.totals["credit"]
        # the message of a payout blocked for its currency shows Klarna's own VAT, which only the rows have
        or (is_foreign(payout, books) and profile.voucher.foreign_currency == "hold")
    )


def voucher_for(payout: Payout, rows: Sequence[Transaction], profile: Profile, books: Books) -> Voucher | None:
    """Return the voucher of one payout; None if there is nothing to book, because every total is zero or left out.

    ``rows`` are all rows of the payout; they may be empty if :func:`needs_rows` is false. Raises Blocked.
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
