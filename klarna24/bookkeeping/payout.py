"""A payout, its totals and its transactions, as Klarna states them.

Frozen records without behaviour beyond their own arithmetic. Amounts are Decimal in the payout's currency. The
names of the totals are those of Klarna's contract, without ``_amount``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple
from zoneinfo import ZoneInfo

from klarna24.text.sentences import sentence

ZERO = Decimal(0)

# The settlement amount is the signed sum of these totals (docs/vendors/klarna.md, "The arithmetic").
SIGNS: dict[str, int] = {
    "sale": +1,
    "return": -1,
    "reversal": -1,
    "fee": -1,
    "fee_correction": +1,
    "fee_refund": +1,
    "tax": -1,
    "tax_refund": +1,
    "commission": +1,
    "commission_reversal": -1,
    "charge": -1,
    "credit": +1,
    "holdback": -1,
    "release": +1,
    "repay": -1,
    "deposit": +1,
}
# The names of the figures of :meth:`Totals.named` in messages.
NAMES = {
    "settlement": sentence("settlement"),
    "sale": sentence("sale"),
    "return": sentence("return"),
    "reversal": sentence("reversal"),
    "fee": sentence("fee"),
    "fee_correction": sentence("fee correction"),
    "fee_refund": sentence("fee refund"),
    "tax": sentence("tax"),
    "tax_refund": sentence("tax refund"),
    "commission": sentence("commission"),
    "commission_reversal": sentence("commission reversal"),
    "charge": sentence("charge"),
    "credit": sentence("credit"),
    "holdback": sentence("holdback"),
    "release": sentence("release"),
    "repay": sentence("repay"),
    "deposit": sentence("deposit"),
    "opening_debt": sentence("opening debt"),
    "closing_debt": sentence("closing debt"),
}
FEES = frozenset({"fee", "fee_correction", "fee_refund"})
FEE_TERMS = FEES | {"tax", "tax_refund"}

# The currencies of ISO 4217 whose minor unit is not a hundredth. Klarna's amounts are in minor units and
# 24SevenOffice's have two decimals, so such a payout is blocked.
NOT_TWO_DECIMALS = {
    *("BHD", "BIF", "CLF", "CLP", "DJF", "GNF", "IQD", "ISK", "JOD", "JPY", "KMF", "KRW", "KWD", "LYD"),
    *("OMR", "PYG", "RWF", "TND", "UGX", "UYI", "UYW", "VND", "VUV", "XAF", "XOF", "XPF"),
}


class PayoutKey(NamedTuple):
    """Identifies a payout at Klarna; a reference may recur in another currency."""

    merchant_id: str
    payment_reference: str
    currency: str


def may_be_same(one: PayoutKey, other: PayoutKey) -> bool:
    """Return whether both may name the same payout: merchant or currency of one of them could not be read."""
    same_reference = one.payment_reference == other.payment_reference
    same_merchant = one.merchant_id == other.merchant_id or not (one.merchant_id and other.merchant_id)
    same_currency = one.currency == other.currency or not (one.currency and other.currency)
    return same_reference and same_merchant and same_currency


@dataclass(frozen=True, slots=True)
class Totals:
    """The sixteen totals (:data:`SIGNS`), the settlement and the debts. All but the settlement are magnitudes."""

    settlement: Decimal
    amounts: dict[str, Decimal]
    opening_debt: Decimal = ZERO
    closing_debt: Decimal = ZERO

    def __getitem__(self, total: str) -> Decimal:
        return self.amounts.get(total, ZERO)

    def signed_sum(self, without: frozenset[str] = frozenset()) -> Decimal:
        """Return the sum of the totals with their signs, except those in ``without``."""
        return sum((sign * self[total] for total, sign in SIGNS.items() if total not in without), ZERO)

    def named(self) -> dict[str, Decimal]:
        """Return all figures by name, without zeros; the state stores them to see whether Klarna changes them."""
        figures = {
            "settlement": self.settlement,
            **{total: self[total] for total in SIGNS},
            "opening_debt": self.opening_debt,
            "closing_debt": self.closing_debt,
        }
        return {name: amount for name, amount in figures.items() if amount}


def net_fees(totals: Mapping[str, Decimal]) -> Decimal:
    """Return fee − fee_correction − fee_refund of Klarna's totals."""
    return totals.get("fee", ZERO) - totals.get("fee_correction", ZERO) - totals.get("fee_refund", ZERO)


def net_vat(totals: Mapping[str, Decimal]) -> Decimal:
    """Return tax − tax_refund of Klarna's totals."""
    return totals.get("tax", ZERO) - totals.get("tax_refund", ZERO)


@dataclass(frozen=True, slots=True)
class Payout:
    """One settlement of Klarna's. ``payout_date`` is in UTC; ``settlement_type`` is NET, GROSS or GROSS_FEE."""

    payment_reference: str
    payout_date: datetime
    currency: str
    settlement_type: str
    merchant_id: str
    totals: Totals
    registration_currency: str | None = None

    @property
    def key(self) -> PayoutKey:
        """Return what identifies the payout."""
        return PayoutKey(self.merchant_id, self.payment_reference, self.currency)

    @property
    def figures(self) -> dict[str, Decimal]:
        """Return all figures by name, without zeros."""
        return self.totals.named()

    def local_date(self, zone: ZoneInfo) -> date:
        """Return the day of the payout in the shop's time zone, which is the voucher's date."""
        return self.payout_date.astimezone(zone).date()


@dataclass(frozen=True, slots=True)
class OddPayout:
    """A record of Klarna's list that does not follow the contract: what can be read of it, and ``why`` the rest
    cannot. Currency and merchant are empty and the date is None where they are unreadable."""

    payment_reference: str
    payout_date: datetime | None
    currency: str
    merchant_id: str
    figures: dict[str, Decimal]
    why: str

    @property
    def key(self) -> PayoutKey:
        """Return what identifies the record, as far as it can be read."""
        return PayoutKey(self.merchant_id, self.payment_reference, self.currency)


Listed = Payout | OddPayout


@dataclass(frozen=True, slots=True)
class Transaction:
    """A row of a payout. It has no id, so two equal rows may both be real (docs/vendors/klarna.md, "Transaction
    rows"). ``vat_amount`` is the VAT on a fee and ``vat_rate`` its rate in per cent; ``registration_tax`` is the
    same VAT in the currency of the merchant's country."""

    type: str
    amount: Decimal
    currency: str
    detailed_type: str | None = None
    order_id: str | None = None
    short_order_id: str | None = None
    merchant_reference1: str | None = None
    merchant_reference2: str | None = None
    vat_amount: Decimal | None = None
    vat_rate: Decimal | None = None
    registration_tax: Decimal | None = None
    registration_currency: str | None = None
    klarna_comment: str | None = None
