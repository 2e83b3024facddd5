"""What an accountant should know of a payout, although it stops nothing: pure, from the payout and its rows.

Remarks stand beside the payout in tables, JSON, mail and the log, and change no exit code.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice

from klarna24.bookkeeping.conversion import own_vat
from klarna24.bookkeeping.detailed_types import FRAUD_CHARGE, FRAUD_CREDIT, KEYS, Nature, described
from klarna24.bookkeeping.entries import account_line, other_account
from klarna24.bookkeeping.figures import check_figures, money
from klarna24.bookkeeping.lines import reversals_of
from klarna24.bookkeeping.mapping import needs_rate
from klarna24.bookkeeping.payout import ZERO, Payout, Transaction, net_fees, net_vat
from klarna24.bookkeeping.voucher import CENT, Books
from klarna24.config.tables import Profile
from klarna24.errors import Blocked
from klarna24.text.sentences import sentence

MOST_COMMENTS = 5  # of Klarna's, of one payout
HIGHEST_VAT = 27  # the highest rate in per cent in the European Union and Norway
LONGEST_COMMENT = 500  # characters of it that are shown
LEDGER = "ledger"  # what remarks on a voucher there are about


@dataclass(frozen=True, slots=True)
class Remark:
    """One remark. ``is_mailed``: it calls for action at Klarna, and so it is mailed once. ``about`` is empty for
    the payout itself, else what else it is about: "archive", "ledger"."""

    text: str
    is_mailed: bool = False
    about: str = ""


def remarks_of(
    payout: Payout,
    rows: Sequence[Transaction],
    profile: Profile,
    books: Books,
    closing_debts: Iterable[Decimal] = (),
) -> tuple[Remark, ...]:
    """Return the remarks on a payout, whatever becomes of it. ``rows`` may be empty where no voucher needs them;
    ``closing_debts`` are those of the payout before it (more than one if several had the same date), as far as it
    is known."""
    rows = [row for row in rows if row.currency == payout.currency]
    return (
        *_held_back(payout, rows),
        *_debt_chain(payout, list(closing_debts)),
        *_fraud(payout, rows),
        *_fraud_on_receivable(payout, rows, profile),
        *_without_line(payout, rows, profile),
        *_moved_debts(payout, rows, profile),
        *_corrections(payout, rows),
        *_not_deducted(payout),
        *_vat(payout, rows),
        *_norwegian_vat(payout, profile, books),
        *_converted_vat(payout, rows, profile, books),
        *_comments(payout, rows),
    )


def _debt_chain(payout: Payout, closing_debts: Sequence[Decimal]) -> Iterator[Remark]:
    """Klarna may have invoiced a debt in the meantime (docs/vendors/klarna.md, "Debts and dates"), and so lowered
    it. Why one should have grown is not documented."""
    opening = payout.totals.opening_debt
    if not closing_debts or opening in closing_debts:
        return
    closing = closing_debts[-1]
    if opening < closing:
        yield Remark(
            sentence(
                "the opening debt is {opening}, but the last payout closed with {closing}: if Klarna has invoiced "
                "the difference, book its payment against the debt account",
                opening=money(payout, opening),
                closing=money(payout, closing),
            )
        )
    else:
        yield Remark(
            sentence(
                "the opening debt is {opening}, but the last payout closed with {closing}: no voucher has the new "
                "debt of {difference}; ask Klarna what it is",
                opening=money(payout, opening),
                closing=money(payout, closing),
                difference=money(payout, opening - closing),
            )
        )


def _held_back(payout: Payout, rows: Sequence[Transaction]) -> Iterator[Remark]:
    sums = _sums(row for row in rows if row.type == "HOLDBACK")
    if amount := sums.get("INSUFFICIENT_BANK_ACCOUNT_DETAILS"):
        yield Remark(
            sentence(
                "Klarna holds back {amount} because it lacks details of the bank account: complete them under the "
                "bank account in Klarna's merchant portal",
                amount=money(payout, amount),
            ),
            is_mailed=True,
        )
    if amount := sums.get("UNDER_REVIEW"):
        yield Remark(
            sentence(
                "Klarna holds back {amount} while it reviews the shop: see what it asks for in Klarna's merchant "
                "portal",
                amount=money(payout, amount),
            ),
            is_mailed=True,
        )


def _fraud(payout: Payout, rows: Sequence[Transaction]) -> Iterator[Remark]:
    """The consumer's VAT is settled by nothing else (docs/vendors/klarna.md, "Detailed types"). A difference that
    is too great for VAT has another reason, for example that only one of both is in this payout."""
    sums = _sums(rows)
    gross, net = sums.get(FRAUD_CHARGE, ZERO), sums.get(FRAUD_CREDIT, ZERO)
    figures = {"gross": money(payout, gross), "net": money(payout, net), "difference": money(payout, gross - net)}
    if gross == net:
        return
    if 0 < gross - net <= net * HIGHEST_VAT / 100:
        yield Remark(
            sentence(
                "fraud under merchant protection: {gross} was taken back and {net} credited; the difference of "
                "{difference} is the consumer's VAT, which stays with the shop",
                **figures,
            )
        )
    else:
        yield Remark(
            sentence(
                "fraud under merchant protection: {gross} was taken back and {net} credited; the difference of "
                "{difference} cannot be the consumer's VAT alone: compare with Klarna's settlement report",
                **figures,
            )
        )


def _fraud_on_receivable(payout: Payout, rows: Sequence[Transaction], profile: Profile) -> Iterator[Remark]:
    accounts, sums = profile.accounts, _sums(rows)
    if accounts.reversals.get("other", accounts.receivable) != accounts.receivable:
        return
    without_line = [name for name in (FRAUD_CHARGE, FRAUD_CREDIT) if name not in accounts.reversals]
    amounts = {FRAUD_CHARGE: sums.get(FRAUD_CHARGE, ZERO), FRAUD_CREDIT: -sums.get(FRAUD_CREDIT, ZERO)}
    if left := sum((amounts[name] for name in without_line), ZERO):
        yield Remark(
            sentence(
                "{amount} of this fraud stays on the receivable, {account}, where nothing settles it; to book it "
                "elsewhere, under {table}: {line}",
                amount=money(payout, left),
                account=accounts.receivable,
                table=f"[profiles.{profile.name}.accounts]",
                line=account_line("reversals", without_line, profile),
            )
        )


def _without_line(payout: Payout, rows: Sequence[Transaction], profile: Profile) -> Iterator[Remark]:
    """Kinds that are booked like ordinary ones, and might better not be."""
    sums: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    reversals = [row for row, _ in reversals_of(payout, rows)]  # without commission that has a total of its own
    for row in [*(row for row in rows if KEYS.get(row.type) != "reversals"), *reversals]:
        known = described(row.type, row.detailed_type or "")
        key = KEYS.get(row.type)
        if not (known and known.stands_out and key and other_account(key, profile)):
            continue  # without that account the payout is blocked, and says so
        if known.name not in getattr(profile.accounts, key):
            sums[row.type, known.name] += row.amount
    for (row_type, name), amount in sums.items():
        if (known := described(row_type, name)) and amount:
            yield Remark(
                sentence(
                    "{amount} of {name} ({meaning}) is booked like other {key}; to book it elsewhere, add under "
                    "{table}: {line}",
                    amount=money(payout, amount),
                    name=name,
                    meaning=known.meaning,
                    key=KEYS[row_type],
                    table=f"[profiles.{profile.name}.accounts]",
                    line=account_line(KEYS[row_type], [name], profile),
                )
            )


def _moved_debts(payout: Payout, rows: Sequence[Transaction], profile: Profile) -> Iterator[Remark]:
    """Klarna's debt chain has none of these (docs/vendors/klarna.md, "Detailed types"), so that only the person
    knows whether the books have them."""
    sums = _sums(
        row for row in rows if row.type == "CHARGE" and (row.detailed_type or "") not in profile.accounts.charges
    )
    for name, amount in sums.items():
        known = described("CHARGE", name)
        if known and known.nature is Nature.DEBT and amount:
            yield Remark(
                sentence(
                    "{amount} of {name} ({meaning}) is booked against the debt account: make sure that this debt "
                    "stands in the books",
                    amount=money(payout, amount),
                    name=name,
                    meaning=known.meaning,
                )
            )


def _not_deducted(payout: Payout) -> Iterator[Remark]:
    """Klarna invoices the fees of a GROSS payout separately (docs/vendors/klarna.md, "Payouts")."""
    try:
        left_out = check_figures(payout)
    except Blocked:
        return
    if left_out:
        yield Remark(
            sentence(
                "Klarna's fees of {fees} and VAT of {vat} are not deducted (GROSS), and so not booked here: book "
                "Klarna's invoice",
                fees=money(payout, net_fees(payout.figures)),
                vat=money(payout, net_vat(payout.figures)),
            )
        )


def _corrections(payout: Payout, rows: Sequence[Transaction]) -> Iterator[Remark]:
    """No total belongs to these rows (docs/vendors/klarna.md, "The arithmetic"), and so no entry."""
    amounts = [row.amount for row in rows if row.type == "CORRECTION" and row.amount]
    if amounts:
        yield Remark(
            sentence(
                "Klarna's {count} CORRECTION rows, {sum} together, have no total of their own: see in Klarna's "
                "settlement report where they are",
                count=len(amounts),
                sum=money(payout, sum(amounts, ZERO)),
            )
        )


def _vat(payout: Payout, rows: Sequence[Transaction]) -> Iterator[Remark]:
    """Klarna rounds row by row, so that one öre is nothing (docs/vendors/klarna.md, "Debts and dates")."""
    odd = [
        (row, expected)
        for row in rows
        if row.vat_amount is not None
        and row.vat_rate is not None
        and abs(row.vat_amount - (expected := row.amount * row.vat_rate / 100)) > CENT
    ]
    if odd:
        row, expected = odd[0]
        yield Remark(
            sentence(
                "the VAT of {count} rows is not their amount × rate; the first: {vat} on {type} {amount} at "
                "{rate} %, which would be {expected}",
                count=len(odd),
                vat=money(payout, row.vat_amount or ZERO),
                type=row.type,
                amount=money(payout, row.amount),
                rate=f"{(row.vat_rate or ZERO).normalize():f}",
                expected=money(payout, expected),
            )
        )


def _norwegian_vat(payout: Payout, profile: Profile, books: Books) -> Iterator[Remark]:
    """What Klarna states in Norway is not known (docs/vendors/bookkeeping.md, "VAT on Klarna's fees")."""
    totals = payout.totals
    if books.home_currency == "NOK" and profile.vat.mode is None and totals["fee"] and not totals["tax"]:
        yield Remark(
            sentence(
                "Klarna states no VAT on its fees of {fees}: ask your accountant, and under {table} write {none} "
                "or {reverse}",
                fees=money(payout, totals["fee"]),
                table=f"[profiles.{profile.name}.vat]",
                none='mode = "none"',
                reverse='mode = "reverse-charge"; rate = 25; output = ACCOUNT; input = ACCOUNT',
            )
        )


def _converted_vat(
    payout: Payout, rows: Sequence[Transaction], profile: Profile, books: Books
) -> Iterator[Remark]:
    if not needs_rate(payout, profile, books) or not (payout.totals["tax"] or payout.totals["tax_refund"]):
        return
    try:
        booked = {"tax", "tax_refund"} - check_figures(payout)
        stated = own_vat(payout, rows, books.home_currency, booked)
    except Blocked:
        return  # the payout is blocked for it
    if any(payout.totals[total] and total not in stated for total in booked):
        yield Remark(
            sentence(
                "Klarna does not state its VAT in {home}: it is converted at the day's rate; make sure that it "
                "may be deducted",
                home=books.home_currency,
            )
        )


def _comments(payout: Payout, rows: Sequence[Transaction]) -> Iterator[Remark]:
    commented = {(row.type, row.amount, row.klarna_comment): None for row in rows if row.klarna_comment}
    for row_type, amount, said in islice(commented, MOST_COMMENTS):
        comment = str(said)
        yield Remark(
            sentence(
                "Klarna's comment on {type} {amount}: {comment}",
                type=row_type,
                amount=money(payout, amount),
                comment=comment if len(comment) <= LONGEST_COMMENT else f"{comment[:LONGEST_COMMENT]}…",
            )
        )
    if (more := len(commented) - MOST_COMMENTS) > 0:
        yield Remark(sentence("and {count} more comments of Klarna's", count=more))


def _sums(rows: Iterable[Transaction]) -> dict[str, Decimal]:
    sums: defaultdict[str, Decimal] = defaultdict(Decimal)
    for row in rows:
        sums[row.detailed_type or ""] += row.amount
    return dict(sums)
