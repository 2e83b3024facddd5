"""The lines of a voucher before they have accounts: one for each total, or one for each row.

The sign of the total (payout.SIGNS) decides between debit and credit.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from klarna24.bookkeeping.figures import SKIP, money
from klarna24.bookkeeping.payout import SIGNS, ZERO, Payout, Transaction
from klarna24.errors import Blocked
from klarna24.text import sentence

# What a line is called in its comment, and a total in messages.
WORDS = {
    "settlement": sentence("payout"),
    "sale": sentence("sales"),
    "return": sentence("returns"),
    "reversal": sentence("reversals"),
    "fee": sentence("fees"),
    "fee_correction": sentence("fee correction"),
    "fee_refund": sentence("fee refunds"),
    "tax": sentence("VAT on fees"),
    "tax_refund": sentence("VAT on fee refunds"),
    "commission": sentence("commission"),
    "commission_reversal": sentence("commission reversed"),
    "charge": sentence("charge"),
    "credit": sentence("credit"),
    "holdback": sentence("held back"),
    "release": sentence("released"),
    "repay": sentence("debt repaid"),
    "deposit": sentence("new debt"),
}
# The total that a row counts towards, and its sign there (docs/vendors/klarna.md, "The arithmetic"). For known row
# types without an entry here, the total itself is booked.
ROW_TOTAL = {
    "SALE": ("sale", 1),
    "RETURN": ("return", 1),
    "REVERSAL": ("reversal", 1),
    "REVERSAL_MERCHANT_PROTECTION": ("reversal", -1),
    "FEE": ("fee", 1),
    "FEE_REFUND": ("fee_refund", 1),
    "CHARGE": ("charge", 1),
    "CREDIT": ("credit", 1),
}
KNOWN_ROWS = {*ROW_TOTAL, "COMMISSION", "TAX", "CORRECTION", "HOLDBACK", "RELEASE"}
ITEMISED = {
    "lump": frozenset[str](),
    "itemised": frozenset({"sale", "return", "reversal"}),
    "itemised-fees": frozenset({"sale", "return", "reversal", "fee", "fee_refund"}),
}


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a voucher before it has an account; a debit is positive. Only itemised lines have a ``row``."""

    kind: str
    amount: Decimal
    detailed_type: str | None = None
    row: Transaction | None = None


def lines_of(
    payout: Payout, rows: Sequence[Transaction], itemised: frozenset[str], left_out: frozenset[str]
) -> Iterator[Line]:
    """Yield the voucher's lines, the settlement first. A zero makes no line, and nothing is netted. Raises Blocked
    if the rows contradict the totals."""
    by_total = _rows_by_total(payout, rows, itemised)
    if payout.totals.settlement:
        yield Line("settlement", payout.totals.settlement)
    for total, sign in SIGNS.items():
        if total in left_out:
            continue
        if total in itemised:
            for row, counts in by_total[total]:
                if row.amount:
                    yield Line(total, -sign * counts * row.amount, row=row)
        elif total in {"charge", "credit"}:
            yield from _by_detailed_type(total, sign, by_total[total])
        elif payout.totals[total]:
            yield Line(total, -sign * payout.totals[total])


def _by_detailed_type(total: str, sign: int, rows: Iterable[tuple[Transaction, int]]) -> Iterator[Line]:
    """Yield one line for each detailed type: a loan among the charges is not a cost (docs/vendors/klarna.md,
    "Detailed types")."""
    sums: defaultdict[str, Decimal] = defaultdict(Decimal)
    for row, _ in rows:
        sums[row.detailed_type or ""] += row.amount
    for detailed_type in sorted(sums):
        if sums[detailed_type]:
            yield Line(total, -sign * sums[detailed_type], detailed_type=detailed_type or None)


def _rows_by_total(
    payout: Payout, rows: Sequence[Transaction], itemised: frozenset[str]
) -> dict[str, list[tuple[Transaction, int]]]:
    """Return the rows of each total that needs them. Raises Blocked if they do not add up to it."""
    by_total: defaultdict[str, list[tuple[Transaction, int]]] = defaultdict(list)
    unknown = sorted({row.type for row in rows if row.type not in KNOWN_ROWS})
    if unknown:
        raise Blocked(
            "unknown-type",
            sentence("Klarna's rows have a type that is not known: {types}", types=", ".join(unknown)),
            sentence("book it by hand, then {skip}, and report it to the maintainers of klarna24", skip=SKIP),
        )
    needed = itemised | {total for total in ("charge", "credit") if itemised or payout.totals[total]}
    for row in rows:
        total, counts = ROW_TOTAL.get(row.type, ("", 0))
        if total in needed:
            by_total[total].append((row, counts))
    for total in SIGNS:
        if total in needed:
            _check_rows(payout, total, by_total[total])
    return by_total


def _check_rows(payout: Payout, total: str, rows: list[tuple[Transaction, int]]) -> None:
    negative = next((row for row, _ in rows if row.amount < 0), None)
    if negative is not None:
        raise Blocked(
            "negative",
            sentence(
                "a {type} row is negative: {amount}", type=negative.type, amount=money(payout, negative.amount)
            ),
            sentence("ask Klarna what it means, book it by hand, then {skip}", skip=SKIP),
        )
    total_of_rows = sum((counts * row.amount for row, counts in rows), ZERO)
    if total_of_rows != payout.totals[total]:
        raise Blocked(
            "rows-mismatch",
            sentence(
                "{word}: Klarna's rows ({count}) add up to {sum}, its total is {total}",
                word=WORDS[total],
                count=len(rows),
                sum=money(payout, total_of_rows),
                total=money(payout, payout.totals[total]),
            ),
            sentence("it is tried again at each run; if the difference stays, ask Klarna"),
        )


def anchor_of(lines: list[Line]) -> Line:
    """Return the line by which the voucher is found again: the settlement, or if it is zero the largest line that
    is no row, or if all are rows the largest of them."""
    if lines[0].kind == "settlement":
        return lines[0]
    of_totals = [line for line in lines if line.row is None]
    return max(of_totals or lines, key=_size)


def _size(line: Line) -> tuple[Decimal, Decimal, str]:
    """Order by amount, and equal amounts by their content, because Klarna promises no order of the rows."""
    return abs(line.amount), line.amount, repr(line)
