"""Payouts whose rows, totals, settlement and debts agree. Amounts are in minor units."""

import random
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

Row = dict[str, Any]
Seeded = tuple[dict[str, Any], list[Row]]

MERCHANT_ID = "N100198"
VAT_RATE = 2500  # hundredths of a per cent, as in a row's vat_rate
SIGNS = {  # total → its sign in the settlement amount (docs/vendors/klarna.md, "The arithmetic")
    "sale": 1,
    "return": -1,
    "reversal": -1,
    "fee": -1,
    "fee_correction": 1,
    "fee_refund": 1,
    "tax": -1,
    "tax_refund": 1,
    "commission": 1,
    "commission_reversal": -1,
    "charge": -1,
    "credit": 1,
    "holdback": -1,
    "release": 1,
    "repay": -1,
    "deposit": 1,
}
FEE_TERMS = ("fee", "fee_correction", "fee_refund", "tax", "tax_refund")  # a GROSS settlement deducts none
_OPTIONAL = {"tax", "fee_correction", "commission_reversal"}  # the contract allows these to be absent
_BALANCES = ("opening_debt_balance", "closing_debt_balance")


def make_payout(
    reference: str, when: datetime | str, currency: str = "SEK", settlement_type: str = "NET", **totals: int
) -> dict[str, Any]:
    """A payout as Klarna sends it. Totals are named with or without `_amount`; those not given are 0.

    Optional totals appear only if they are given. What is not given is computed: the settlement amount (for
    GROSS without the fee terms), and the debts, so that opening − repay + deposit = closing. `when` is in UTC.
    Raises ValueError for an unknown total.
    """
    given = {name.removesuffix("_amount"): amount for name, amount in totals.items()}
    unknown = set(given) - set(SIGNS) - {"settlement", *_BALANCES}
    if unknown:
        raise ValueError(f"no such total: {sorted(unknown)}")
    amounts = {name: given.get(name, 0) for name in SIGNS if name in given or name not in _OPTIONAL}
    left_out = FEE_TERMS if settlement_type == "GROSS" else ()
    signed = sum(SIGNS[name] * amount for name, amount in amounts.items() if name not in left_out)
    change = amounts["deposit"] - amounts["repay"]
    opening = given.get("opening_debt_balance", given.get("closing_debt_balance", max(change, 0)) - change)
    amounts |= {
        "settlement": given.get("settlement", signed),
        "opening_debt_balance": opening,
        "closing_debt_balance": given.get("closing_debt_balance", opening + change),
    }
    return {
        "totals": {f"{name}_amount": amount for name, amount in amounts.items()},
        "payment_reference": reference,
        "payout_date": when if isinstance(when, str) else when.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "currency_code": currency,
        "currency_code_of_registration_country": "SEK",
        "merchant_settlement_type": settlement_type,
        "merchant_id": MERCHANT_ID,
    }


def vat(fee: int) -> int:
    """25 % of a fee, rounded half up. Each row is rounded by itself, so the sum differs from 25 % of the sum."""
    return (fee * VAT_RATE + 5000) // 10000


def totals_of(rows: Iterable[Row]) -> dict[str, int]:
    """The totals of the rows (docs/vendors/klarna.md, "The arithmetic"), without those that are zero."""
    totals: dict[str, int] = {}
    for row in rows:
        kind, amount = row["type"], row["amount"]
        if kind == "REVERSAL" and row.get("detailed_type") == "COMMISSION_RETURN":
            kind = "COMMISSION_REVERSAL"
        if kind == "REVERSAL_MERCHANT_PROTECTION":
            kind, amount = "REVERSAL", -amount
        tax = "tax_refund" if kind == "FEE_REFUND" else "tax"
        for name, value in ((kind.lower(), amount), (tax, row.get("vat_amount", 0))):
            totals[name] = totals.get(name, 0) + value
    return {name: value for name, value in totals.items() if value}


class PayoutBuilder:
    """Collects the rows of one payout; `payout()` returns the result."""

    def __init__(self, rng: random.Random, reference: str, when: datetime, currency: str = "SEK") -> None:
        self.rng, self.reference, self.when, self.currency = rng, reference, when, currency
        self.rows: list[Row] = []
        self._orders = 0

    def sell(self, orders: int, low: int = 9900, high: int = 249900) -> None:
        """Add so many sales, each with two fees, of random amounts from `low` up to `high`."""
        for _ in range(orders):
            self.sale(self.rng.randrange(low, high, 100 if self.currency == "SEK" else 1))

    def sale(self, amount: int) -> Row:
        """Add a sale with its fixed and its percentage fee, which share its capture_id. Returns the SALE row."""
        row = self._order("SALE", "PURCHASE", amount, capture_id=self._uuid())
        self._fee(row, "PURCHASE_FEE_FIXED", 395 if self.currency == "SEK" else 35)
        self._fee(row, "PURCHASE_FEE_PERCENTAGE", (amount * 299 + 5000) // 10000)
        return row

    def refund(self, amount: int, sale: Row | None = None, detailed_type: str = "PURCHASE_RETURN") -> Row:
        """Add a RETURN, of an order of an earlier payout unless `sale` is given. Returns the row."""
        row = self._order("RETURN", detailed_type, amount, sale, refund_id=self._uuid())
        row["capture_id"] = ""  # as the contract says
        return row

    def fee_refund(self, amount: int, detailed_type: str = "PURCHASE_FEE_PERCENTAGE_REFUND") -> None:
        """Add a fee that is paid back, with the VAT on it."""
        row = self._order("FEE_REFUND", detailed_type, amount)
        row |= self._tax(amount)

    def reversal(self, amount: int) -> Row:
        """Add a disputed order that was decided for the customer. Returns the row."""
        return self._order("REVERSAL", "REVERSAL", amount, **self._dispute("goods_not_received"))

    def lost_dispute(self, amount: int, fee: int, fee_refund: int) -> None:
        """Add a reversal with the fee of its dispute; and the fee of an earlier dispute, paid back."""
        self._fee(self.reversal(amount), "DISPUTE_FEE", fee)
        self.fee_refund(fee_refund, "DISPUTE_FEE_REFUND")

    def protected_fraud(self, amount: int) -> None:
        """Add an order that was fraud: its gross amount is taken back, and its net amount is paid by Klarna.

        The difference is the consumer VAT, which remains with the shop (docs/vendors/klarna.md, "Detailed
        types"): 25 % of the net amount here.
        """
        more = self._dispute("unauthorized_purchase")
        row = self._order("REVERSAL", "FRAUD_POLICY_CHARGE", amount, **more)
        self._order(
            "REVERSAL_MERCHANT_PROTECTION",
            "FRAUD_POLICY_CREDIT_NET",
            amount * 10000 // (10000 + VAT_RATE),
            row,
            **more,
        )

    def commission(self, amount: int, returned: int = 0) -> None:
        """Add commission that is paid to the merchant, and the part of it that is taken back by a reversal."""
        row = self._order("COMMISSION", "COMMISSION", amount)
        if returned:
            self._order("REVERSAL", "COMMISSION_RETURN", returned, row, capture_id="")

    def account(self, kind: str, detailed_type: str, amount: int, **more: str) -> None:
        """Add a row of no order (CHARGE, CREDIT, HOLDBACK or RELEASE), which has few fields."""
        row = {"type": kind, "detailed_type": detailed_type, "amount": amount, "currency_code": self.currency}
        self.rows.append({**row, "payment_reference": self.reference, **more})

    def payout(self, settlement_type: str = "NET", **totals: int) -> Seeded:
        """The payout, with the totals of the rows and those given, and its rows in a random order."""
        self.rng.shuffle(self.rows)
        every = totals_of(self.rows) | totals
        return make_payout(self.reference, self.when, self.currency, settlement_type, **every), self.rows

    # --- rows ---

    def _order(self, kind: str, detailed_type: str, amount: int, order: Row | None = None, **more: Any) -> Row:
        """Add a row of the order that `order` is a row of, or of a new order."""
        about = order or self._new_order()
        shared = (
            *("order_id", "short_order_id", "merchant_reference1", "merchant_reference2"),
            *("sale_date", "capture_date", "purchase_country", "shipping_country"),
            "initial_payment_method_type",
        )
        row = {
            "type": kind,
            "detailed_type": detailed_type,
            "amount": amount,
            "currency_code": self.currency,
            "payment_reference": self.reference,
            **{name: about[name] for name in shared if name in about},
            **more,
        }
        self.rows.append(row)
        return row

    def _new_order(self) -> Row:
        self._orders += 1
        rng = self.rng
        bought = self.when - timedelta(days=rng.randint(2, 8), minutes=rng.randrange(1440))
        number = f"{rng.randrange(10000, 99999)}"
        references = [
            {"merchant_reference1": f"shp_{rng.getrandbits(40):010x}", "merchant_reference2": number},
            {"merchant_reference1": f"shp_{rng.getrandbits(40):010x}", "merchant_reference2": ""},
            {"merchant_reference1": "  ", "merchant_reference2": number},
            {"merchant_reference2": number},
            {},
        ]
        country = "SE" if self.currency == "SEK" else "FI"
        return {
            "order_id": self._uuid(),
            "short_order_id": f"{rng.getrandbits(32):08x}",
            **rng.choices(references, weights=[90, 3, 3, 2, 2])[0],
            "sale_date": f"{bought:%Y-%m-%dT%H:%M:%SZ}",
            "capture_date": f"{bought + timedelta(hours=20):%Y-%m-%dT%H:%M:%SZ}",
            "purchase_country": country,
            "shipping_country": country,
            "initial_payment_method_type": rng.choice(["invoice", "direct_debit", "fixed_amount", "card"]),
        }

    def _fee(self, about: Row, detailed_type: str, amount: int) -> None:
        self._order("FEE", detailed_type, amount, about, capture_id=about["capture_id"], **self._tax(amount))

    def _tax(self, fee: int) -> Row:
        """The fields for VAT on a fee, in the payout's currency and in the merchant's own (the euro at 11.40)."""
        amount = vat(fee)
        own = amount if self.currency == "SEK" else amount * 1140 // 100
        return {
            "vat_rate": VAT_RATE,
            "vat_amount": amount,
            "tax_in_currency_of_registration_country": own,
            "currency_code_of_registration_country": "SEK",
        }

    def _dispute(self, category: str) -> Row:
        number = self.rng.randrange(10**14, 10**15)
        return {"capture_id": "", "reversal_reference": f"krn:klarna:eu1:dispute:{category}:{number}"}

    def _uuid(self) -> str:
        return str(UUID(int=self.rng.getrandbits(128), version=4))


def big_payout(reference: str, sales: int, when: datetime) -> Seeded:
    """A payout with so many sales, three rows for each: the sale and two fees."""
    builder = PayoutBuilder(random.Random(reference), reference, when)
    builder.sell(sales)
    return builder.payout()
