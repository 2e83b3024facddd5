"""Makes the voucher of a payout. What is booked on which account is decided here and in the modules below, purely.

    payout, its rows, the profile, the books, a rate
      → figures.py      the totals add up, or the payout is blocked; currency, VAT and fiscal year
      → lines.py        one line for each total, each detailed type, or each row
      → conversion.py   in the company's currency
      → entries.py      accounts (detailed_types.py), customer and supplier, comments, references
      → Voucher         balances, or cannot be made

Whatever is not certain raises :class:`~klarna24.errors.Blocked` with the figures and one next step. What an
accountant should know besides is in remarks.py.
"""

from collections.abc import Sequence

from klarna24.bookkeeping.conversion import converted
from klarna24.bookkeeping.entries import accounts_of, entries_of
from klarna24.bookkeeping.figures import check_currency, check_figures, check_vat, fiscal_year, is_foreign
from klarna24.bookkeeping.lines import MIXED, anchor_of, lines_of, reverse_charge, told_apart
from klarna24.bookkeeping.payout import Payout, Transaction
from klarna24.bookkeeping.voucher import Books, Rate, Voucher
from klarna24.config.tables import Profile
from klarna24.errors import Blocked
from klarna24.text.sentences import sentence

__all__ = ["fiscal_year", "needs_rate", "needs_rows", "voucher_for"]


def needs_rows(payout: Payout, profile: Profile, books: Books) -> bool:
    """Return whether the voucher, the remarks, or the reason why the payout is blocked, need more than the
    totals."""
    totals = payout.totals
    return bool(
        any(totals[total] for total in (*MIXED, "holdback"))  # why Klarna holds back makes a remark
        or "return" in told_apart(profile)
        # only the rows have Klarna's own VAT in the company's currency
        or is_foreign(payout, books)
    )


def needs_rate(payout: Payout, profile: Profile, books: Books) -> bool:
    """Return whether the payout is converted into the company's currency."""
    return is_foreign(payout, books) and profile.voucher.foreign_currency == "ecb"


def voucher_for(
    payout: Payout, rows: Sequence[Transaction], profile: Profile, books: Books, rate: Rate | None = None
) -> Voucher | None:
    """Return the voucher of one payout; None if there is nothing to book, because every total is zero or left out.

    ``rows`` are all rows of the payout; they may be empty if :func:`needs_rows` is false. ``rate`` is there if
    :func:`needs_rate` is true. Raises Blocked.
    """
    left_out = check_figures(payout)
    if not any(payout.totals.amounts.values()) and not payout.totals.settlement:
        return None
    check_currency(payout, rows, profile, books)
    check_vat(payout, profile)
    day = payout.local_date(profile.timezone)
    year = fiscal_year(day, profile, books.fiscal_years)
    rows = [row for row in rows if row.currency == payout.currency]
    lines = list(lines_of(payout, rows, profile, left_out))
    if not lines:
        return None
    if rate:
        lines = converted(lines, payout, rows, rate, books.home_currency)
    elif is_foreign(payout, books):
        raise ValueError("a payout in another currency needs a rate")
    if profile.vat.mode == "reverse-charge" and profile.vat.rate:
        lines += reverse_charge(lines, profile.vat.rate)
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
    entries = tuple(entries_of(payout, lines, accounts, profile, anchor, rate))
    return Voucher(
        payment_reference=payout.payment_reference,
        date=day,
        type=books.voucher_type,
        year=year,
        currency=books.home_currency,
        entries=entries,
        anchor=entries[lines.index(anchor)],
    )
