"""The money table: one line a total, or one a row; the side follows from the total's sign."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from klarna24.bookkeeping.figures import SKIP, money
from klarna24.bookkeeping.payout import SIGNS, ZERO, Payout, Transaction
from klarna24.errors import Blocked
from klarna24.text import sentence

# What a line is called in its comment, and a total in a message.
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
# Which total a row belongs to, and with which sign it counts towards it (facts: "The arithmetic"). Row types
# without an entry here are known, and left to the totals.
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
    """A voucher line before it has an account: debit positive. ``row`` is there on itemised lines only."""

    kind: str
    amount: Decimal
    detailed_type: str | None = None
    row: Transaction | None = None


def lines_of(
    payout: Payout, rows: Sequence[Transaction], itemised: frozenset[str], left_out: frozenset[str]
) -> Iterator[Line]:
    """The voucher's lines, the settlement first; zeros make none, and nothing is netted."""
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
    """One line a detailed type: a loan among the charges is no cost (facts: CHARGE and CREDIT)."""
    sums: defaultdict[str, Decimal] = defaultdict(Decimal)
    for row, _ in rows:
        sums[row.detailed_type or ""] += row.amount
    for detailed_type in sorted(sums):
        if sums[detailed_type]:
            yield Line(total, -sign * sums[detailed_type], detailed_type=detailed_type or None)


def _rows_by_total(
    payout: Payout, rows: Sequence[Transaction], itemised: frozenset[str]
) -> dict[str, list[tuple[Transaction, int]]]:
    """The rows behind the totals that need them. Raises Blocked where they do not tell the same story."""
    by_total: defaultdict[str, list[tuple[Transaction, int]]] = defaultdict(list)
    unknown = sorted({row.type for row in rows if row.type not in KNOWN_ROWS})
    if unknown:
        raise Blocked(
            "unknown-type",
            sentence("Klarna's rows have a type that is not known: {types}", types=", ".join(unknown)),
            sentence("book it by hand, then {skip}, and tell us", skip=SKIP),
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
            sentence("it is tried again at each run; if it stays, ask Klarna"),
        )


def anchor_of(lines: list[Line]) -> Line:
    """The settlement; where it is zero the largest line that is not a row; of rows only, the largest."""
    if lines[0].kind == "settlement":
        return lines[0]
    of_totals = [line for line in lines if line.row is None]
    return max(of_totals or lines, key=_size)


def _size(line: Line) -> tuple[Decimal, Decimal, str]:
    """By amount; equal ones by what stands in them, for Klarna's order is none to rely on."""
    return abs(line.amount), line.amount, repr(line)
