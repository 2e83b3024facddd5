"""What is kept of a payout besides Klarna's own files."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from decimal import Decimal
from hashlib import sha256

from klarna24.bookkeeping.voucher import Voucher


def voucher_document(voucher: Voucher) -> str:
    """Return voucher.json: the voucher with all its entries; a debit is positive, amounts have two decimals."""
    whole = {
        "payment_reference": voucher.payment_reference,
        "name": voucher.name,
        "date": voucher.date.isoformat(),
        "type": voucher.type.title,
        "year": voucher.year,
        "currency": voucher.currency,
        "entries": [{**asdict(entry), "amount": f"{entry.amount:.2f}"} for entry in voucher.entries],
    }
    return json.dumps(whole, ensure_ascii=False, indent=1) + "\n"


def digest_of(figures: Mapping[str, Decimal]) -> str:
    """Return a short text that differs where any of Klarna's figures does."""
    stated = sorted((name, f"{amount:.2f}") for name, amount in figures.items())
    return sha256(json.dumps(stated).encode()).hexdigest()[:16]
