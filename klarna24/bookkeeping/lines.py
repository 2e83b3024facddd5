"""The lines of a voucher before they have accounts: one for each total, each detailed type, or each row.

The sign of the total (payout.SIGNS) decides between debit and credit.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from klarna24.bookkeeping.detailed_types import COMMISSION_RETURN
from klarna24.bookkeeping.figures import SKIP, money
from klarna24.bookkeeping.payout import FEES, SIGNS, ZERO, Payout, Transaction
from klarna24.config.tables import Profile
from klarna24.errors import Blocked
from klarna24.text.sentences import Sentence, sentence

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
# Each of these totals is several different things, which only the detailed types of its rows tell apart.
MIXED = frozenset({"charge", "credit", "reversal"})

CountedRows = list[tuple[Transaction, int]]  # each row with the sign with which it counts


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a voucher before it has an account; a debit is positive. ``row_type`` and ``detailed_type`` are
    those of its rows where they decide about the account, and ``row`` is there where the line is one row. A line
    that stands for no total has a ``role``, its account's key, and a ``word`` for its comment. ``original`` is the
    amount in the payout's currency where the line was converted."""

    kind: str
    amount: Decimal
    row_type: str | None = None
    detailed_type: str | None = None
    row: Transaction | None = None
    role: str | None = None
    word: Sentence | None = None
    original: Decimal | None = None


def told_apart(profile: Profile) -> frozenset[str]:
    """Return the totals whose rows must be known before they have an account."""
    by_type = profile.transfer != "lump" or profile.accounts.returns.keys() - {"other"}
    return MIXED | {"return"} if by_type else MIXED


def lines_of(
    payout: Payout, rows: Sequence[Transaction], profile: Profile, left_out: frozenset[str]
) -> Iterator[Line]:
    """Yield the voucher's lines, the settlement first. A zero makes no line, and nothing is netted. Raises Blocked
    if the rows contradict the totals."""
    itemised, mixed = ITEMISED[profile.transfer] - left_out, told_apart(profile)
    by_total = _rows_by_total(payout, rows, itemised | mixed)
    if payout.totals.settlement:
        yield Line("settlement", payout.totals.settlement)
    for total, sign in SIGNS.items():
        if total in left_out:
            continue
        if total in itemised:
            for row, counts in by_total[total]:
                if row.amount:
                    row_type, detailed_type = (row.type, row.detailed_type) if total in mixed else (None, None)
                    yield Line(total, -sign * counts * row.amount, row_type, detailed_type, row)
        elif total in mixed:
            yield from _by_detailed_type(total, sign, by_total[total])
        elif payout.totals[total]:
            yield Line(total, -sign * payout.totals[total])


def _by_detailed_type(total: str, sign: int, rows: CountedRows) -> Iterator[Line]:
    """Yield one line for each type and detailed type: a loan among the charges is not a cost
    (docs/vendors/klarna.md, "Detailed types")."""
    sums: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for row, counts in rows:
        sums[row.type, row.detailed_type or ""] += counts * row.amount
    for (row_type, detailed_type), amount in sorted(sums.items()):
        if amount:
            yield Line(total, -sign * amount, row_type, detailed_type or None)


def _rows_by_total(payout: Payout, rows: Sequence[Transaction], needed: frozenset[str]) -> dict[str, CountedRows]:
    """Return the rows of each total that needs them. Raises Blocked if they do not add up to it."""
    by_total: defaultdict[str, CountedRows] = defaultdict(list)
    unknown = sorted({row.type for row in rows if row.type not in KNOWN_ROWS})
    if unknown:
        raise Blocked(
            "unknown-type",
            sentence("Klarna's rows have a type that is not known: {types}", types=", ".join(unknown)),
            sentence("book it by hand, then {skip}, and report it to the maintainers of klarna24", skip=SKIP),
        )
    for row in rows:
        total, counts = ROW_TOTAL.get(row.type, ("", 0))
        if total in needed:
            by_total[total].append((row, counts))
    by_total["reversal"] = reversals_of(payout, rows)
    for total in SIGNS:
        if total in needed:
            _check_rows(payout, total, by_total[total])
    return by_total


def reversals_of(payout: Payout, rows: Iterable[Transaction]) -> CountedRows:
    """Return the rows that make up the reversals. Commission that is taken back is a REVERSAL row, and Klarna may
    state it under ``commission_reversal`` (docs/vendors/klarna.md, "Detailed types"): the sums decide."""
    found = [(row, ROW_TOTAL[row.type][1]) for row in rows if ROW_TOTAL.get(row.type, ("",))[0] == "reversal"]
    if _sum(found) == payout.totals["reversal"]:
        return found
    others = [(row, counts) for row, counts in found if row.detailed_type != COMMISSION_RETURN]
    commission = _sum(found) - _sum(others)
    is_elsewhere = commission and commission == payout.totals["commission_reversal"]
    return others if is_elsewhere and _sum(others) == payout.totals["reversal"] else found


def _sum(rows: CountedRows) -> Decimal:
    return sum((counts * row.amount for row, counts in rows), ZERO)


def _check_rows(payout: Payout, total: str, rows: CountedRows) -> None:
    negative = next((row for row, _ in rows if row.amount < 0), None)
    if negative is not None:
        raise Blocked(
            "negative",
            sentence(
                "a {type} row is negative: {amount}", type=negative.type, amount=money(payout, negative.amount)
            ),
            sentence("ask Klarna what it means, book it by hand, then {skip}", skip=SKIP),
        )
    if _sum(rows) != payout.totals[total]:
        raise Blocked(
            "rows-mismatch",
            sentence(
                "{word}: Klarna's rows ({count}) add up to {sum}, its total is {total}",
                word=WORDS[total],
                count=len(rows),
                sum=money(payout, _sum(rows)),
                total=money(payout, payout.totals[total]),
            ),
            sentence("it is tried again at each run; if the difference stays, ask Klarna"),
        )


def reverse_charge(lines: Iterable[Line], rate: Decimal) -> Iterator[Line]:
    """Yield the VAT on the fees of these lines that the company itself owes and deducts, rounded once. Klarna's
    totals have none of it, so both lines are of the kind "tax" and cancel out."""
    fees = sum((line.amount for line in lines if line.kind in FEES), ZERO)
    if vat := rounded(fees * rate / 100):
        word = sentence("VAT reverse charge {rate} %", rate=f"{rate.normalize():f}")
        yield Line("tax", vat, role="input", word=word)
        yield Line("tax", -vat, role="output", word=word)


def rounded(amount: Decimal) -> Decimal:
    """Return the amount in two decimals, halves away from zero, as an accountant rounds."""
    return amount.quantize(Decimal("0.01"), ROUND_HALF_UP)


def anchor_of(lines: list[Line]) -> Line:
    """Return the line by which the voucher is found again: the settlement, or if it is zero the largest line that
    is no row, or if all are rows the largest of them."""
    if lines[0].kind == "settlement":
        return lines[0]
    of_totals = [line for line in lines if line.row is None and line.role is None]
    return max(of_totals or lines, key=_size)


def _size(line: Line) -> tuple[Decimal, Decimal, str]:
    """Order by amount, and equal amounts by their content, because Klarna promises no order of the rows."""
    return abs(line.amount), line.amount, repr(line)
