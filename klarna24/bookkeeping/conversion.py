"""Turns the lines of a payout in another currency into lines in the company's own.

Each amount is converted at the European Central Bank's rate of the payout date and rounded by itself. The VAT on
fees is Klarna's own figure in the currency of the merchant's country, where that is the company's, because the VAT
return needs that one. What then keeps the voucher from balancing is a currency gain or loss
(docs/vendors/bookkeeping.md, "Foreign currency").
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from decimal import Decimal

from klarna24.bookkeeping.figures import SKIP, money
from klarna24.bookkeeping.lines import Line, rounded
from klarna24.bookkeeping.payout import ZERO, Payout, Transaction
from klarna24.bookkeeping.voucher import Rate
from klarna24.errors import Blocked
from klarna24.text.sentences import sentence


def converted(
    lines: Iterable[Line], payout: Payout, rows: Sequence[Transaction], rate: Rate, home: str
) -> list[Line]:
    """Return the lines in the currency ``home``, balanced. Raises Blocked where Klarna's own figures of VAT do not
    cover its total, or where nothing is left because every amount is too small."""
    lines = list(lines)
    own = own_vat(payout, rows, home, {line.kind for line in lines})
    result = list(_converted(lines, own, rate))
    if not result:
        raise Blocked(
            "currency",
            sentence(
                "at 1 {currency} = {rate} {home} each of its amounts is less than half of 0.01 {home}",
                currency=payout.currency,
                rate=f"{rate.value.normalize():f}",
                home=home,
            ),
            sentence("book it by hand, then {skip}", skip=SKIP),
        )
    difference = sum((line.amount for line in result), ZERO)
    if difference:
        role = "currency_gain" if difference > 0 else "currency_loss"
        result.append(
            Line("currency_difference", -difference, role=role, word=sentence("currency difference")),
        )
    return result


def _converted(lines: Iterable[Line], own: dict[str, Decimal], rate: Rate) -> Iterator[Line]:
    for line in lines:
        if line.kind in own:
            if amount := own[line.kind] if line.amount > 0 else -own[line.kind]:
                yield replace(line, amount=amount)
        elif amount := rounded(line.amount * rate.value):
            yield replace(line, amount=amount, original=line.amount)


def own_vat(
    payout: Payout, rows: Sequence[Transaction], home: str, booked: Collection[str] = ("tax", "tax_refund")
) -> dict[str, Decimal]:
    """Return Klarna's own figures in the currency ``home`` for those of the totals "tax" and "tax_refund" that are
    ``booked``; empty where it states none at all. Raises Blocked where it states them for a part of the rows."""
    return {
        total: figure
        for total, refunded in (("tax", False), ("tax_refund", True))
        if total in booked
        and payout.totals[total]
        and (figure := _own(payout, total, [row for row in rows if (row.type == "FEE_REFUND") is refunded], home))
        is not None
    }


def _own(payout: Payout, total: str, rows: Sequence[Transaction], home: str) -> Decimal | None:
    taxed = [row for row in rows if row.vat_amount or row.registration_tax]
    stated = [row for row in taxed if row.registration_currency == home and row.registration_tax is not None]
    if not stated:
        return None
    covered = sum((row.vat_amount or ZERO for row in stated), ZERO)
    if len(stated) < len(taxed) or covered != payout.totals[total]:
        raise Blocked(
            "rows-mismatch",
            sentence(
                "Klarna states its VAT in {home} for {covered} of {total}",
                home=home,
                covered=money(payout, covered),
                total=money(payout, payout.totals[total]),
            ),
            sentence("it is tried again at each run; if the difference stays, ask Klarna"),
        )
    return sum((row.registration_tax or ZERO for row in stated), ZERO)
