"""A payout of so many rows, as Klarna would send it: the same rows at each run, and all of them different."""

import json
import random
from datetime import datetime
from typing import Any
from uuid import UUID

PAGE_SIZE = 500  # contract: the most that `size` takes
Row = dict[str, Any]


def payout(reference: str, merchant_id: str, when: datetime, rows: list[Row]) -> dict[str, Any]:
    """Klarna's JSON of the payout whose rows these are."""
    sums = {kind: sum(row["amount"] for row in rows if row["type"] == kind) for kind in ("SALE", "FEE")}
    tax = sum(row.get("vat_amount", 0) for row in rows)
    others = ("return", "reversal", "fee_refund", "tax_refund", "commission", "charge", "credit", "holdback")
    zeros = {f"{name}_amount": 0 for name in (*others, "release", "repay", "deposit")}
    return {
        "totals": {
            "sale_amount": sums["SALE"],
            "fee_amount": sums["FEE"],
            "tax_amount": tax,
            "settlement_amount": sums["SALE"] - sums["FEE"] - tax,
            "opening_debt_balance_amount": 0,
            "closing_debt_balance_amount": 0,
            **zeros,
        },
        "payment_reference": reference,
        "payout_date": f"{when:%Y-%m-%dT%H:%M:%SZ}",
        "currency_code": "SEK",
        "currency_code_of_registration_country": "SEK",
        "merchant_settlement_type": "NET",
        "merchant_id": merchant_id,
    }


def rows_of(reference: str, count: int, when: datetime) -> list[Row]:
    """Sales with two fees each, as Klarna mostly has it."""
    dice = random.Random(reference)  # noqa: S311 - dice that are meant to be repeatable
    rows: list[Row] = []
    while len(rows) < count:
        rows += _order(reference, dice, f"{when:%Y-%m-%dT%H:%M:%SZ}")
    return rows[:count]


def _order(reference: str, dice: random.Random, moment: str) -> list[Row]:
    """A SALE, its fixed and its percentage fee, which share its references."""
    amount = dice.randrange(9900, 249900)
    shared = {
        "currency_code": "SEK",
        "payment_reference": reference,
        "order_id": _uuid(dice),
        "short_order_id": f"{dice.getrandbits(32):08x}",
        "merchant_reference1": f"shp_{dice.getrandbits(40):010x}",
        "merchant_reference2": f"{dice.randrange(10000, 99999)}",
        "sale_date": moment,
        "capture_date": moment,
        "purchase_country": "SE",
        "shipping_country": "SE",
        "initial_payment_method_type": "invoice",
        "capture_id": _uuid(dice),
    }
    return [
        {"type": "SALE", "detailed_type": "PURCHASE", "amount": amount, **shared},
        {"type": "FEE", "detailed_type": "PURCHASE_FEE_FIXED", **shared, **_fee(395)},
        {"type": "FEE", "detailed_type": "PURCHASE_FEE_PERCENTAGE", **shared, **_fee(amount * 299 // 10000)},
    ]


def _fee(amount: int) -> Row:
    vat = amount // 4
    return {
        "amount": amount,
        "vat_rate": 2500,
        "vat_amount": vat,
        "tax_in_currency_of_registration_country": vat,
        "currency_code_of_registration_country": "SEK",
    }


def _uuid(dice: random.Random) -> str:
    return str(UUID(int=dice.getrandbits(128), version=4))


def pages(items: str, rows: list[Row]) -> list[bytes]:
    """The collection's answers, one for each offset that a client which asks for whole pages asks for."""
    return [
        json.dumps(
            {
                items: rows[offset : offset + PAGE_SIZE],
                "pagination": {
                    "count": len(rows[offset : offset + PAGE_SIZE]),
                    "total": len(rows),
                    "offset": offset,
                },
            }
        ).encode()
        for offset in range(0, len(rows) or 1, PAGE_SIZE)
    ]
