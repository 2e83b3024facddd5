"""The profile with which klarna24 drafts the generated payouts."""

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
        "voucher": {"type": "Diverse"},
        "accounts": {
            "payout": 1930,
            "receivable": 1580,
            "fees": 6064,
            "fees_vat": 2641,
            "commission": 3590,
            "holdback": 1689,
            "debt": 2899,
            "charges": {"CASH_ADVANCE_AMORTISATION": 2390, "LIABILITY_TRANSFER": 2899, "other": 6990},
            "credits": {"CASH_ADVANCE_PAYOUT": 2390, "other": 3990},
        },
    }
