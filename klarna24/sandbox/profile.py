"""The profile with which klarna24 drafts the generated payouts."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from klarna24.sandbox.klarna.state import KlarnaState
from klarna24.sandbox.office.state import OfficeState


def profile(url: str, office: OfficeState, klarna: KlarnaState, today: date) -> dict[str, Any]:
    """A [profiles.NAME] table as a dict; its passwords come from the environment.

    It has every account that a generated payout needs. The payout in EUR and the one that does not add up
    stay blocked, to show what that looks like.
    """
    days = [date.fromisoformat(payout["payout_date"][:10]) for payout in klarna.payouts]
    return {
        "start_date": min(days, default=today - timedelta(days=45)),
        "timezone": "Europe/Stockholm",
        "frequency": "daily",
        "transfer": "lump",
        "klarna": {
            "username": klarna.username,
            "password": {"env": "KLARNA24_SANDBOX_KLARNA"},
            "base_url": url,
        },
        "24sevenoffice": {
            "username": office.username,
            "password": {"env": "KLARNA24_SANDBOX_OFFICE"},
            "application_id": office.application_id,
            "identity_id": office.home.identity_id,
            "client_id": office.home.client_id,
            "base_url": url,
        },
        # 1516 and 2411 are accounts of the ledgers of customers and suppliers, who are Klarna here.
        "voucher": {"type": "Diverse", "customer_id": 1001, "supplier_id": 1002},
        "accounts": _accounts(office.home.chart),
    }


def _accounts(chart: Mapping[int, str]) -> dict[str, Any]:
    """The accounts of a Swedish web shop (docs/vendors/bookkeeping.md, "Accounts")."""
    receivable = 1686 if 1686 in chart else 1580  # charts up to BAS 2025 have 1580
    return {
        "payout": 1940,
        "receivable": receivable,
        "fees": 6064,
        "fees_vat": 2641,
        "commission": 3921,
        "holdback": 1689,
        "debt": 2899,
        "reversals": {
            "FRAUD_POLICY_CHARGE": 6351,
            "FRAUD_POLICY_CREDIT_NET": 6351,
            "COMMISSION_RETURN": 3921,
            "other": receivable,
        },
        "returns": {"PAYMENT_DEFAULT": 1516, "other": receivable},
        "charges": {"CASH_ADVANCE_AMORTISATION": 2411, "other": 6990},
        "credits": {"CASH_ADVANCE_PAYOUT": 2411, "CORRECTION_DISPUTE": receivable, "other": 3990},
        "currency_gain": 3960,
        "currency_loss": 7960,
    }
