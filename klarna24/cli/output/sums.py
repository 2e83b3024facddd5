"""What a list of payouts comes to: paid, fees and VAT, of each currency."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import NamedTuple

from klarna24.bookkeeping.payout import ZERO, net_fees, net_vat
from klarna24.text.sentences import Sentence, sentence


class Sums(NamedTuple):
    """Sums of one currency: what Klarna paid, its fees without VAT, and the VAT on them."""

    paid: Decimal = ZERO
    fees: Decimal = ZERO
    vat: Decimal = ZERO


def sums_of(payouts: Iterable[tuple[str, Mapping[str, Decimal]]]) -> dict[str, Sums]:
    """The sums by currency, of each payout's currency and totals."""
    sums: defaultdict[str, Sums] = defaultdict(Sums)
    for currency, totals in payouts:
        its = sums[currency]
        sums[currency] = Sums(
            its.paid + totals.get("settlement", ZERO), its.fees + net_fees(totals), its.vat + net_vat(totals)
        )
    return {currency: sums[currency] for currency in sorted(sums)}


def sums_line(currency: str, sums: Sums) -> Sentence:
    """The sums in one line."""
    return sentence(
        "paid out {paid}, fees {fees}, VAT on them {vat}",
        paid=f"{sums.paid:.2f} {currency}",
        fees=f"{sums.fees:.2f} {currency}",
        vat=f"{sums.vat:.2f} {currency}",
    )


def number_of_payouts(count: int) -> Sentence:
    """How many they are."""
    return sentence("1 payout") if count == 1 else sentence("{count} payouts", count=count)
