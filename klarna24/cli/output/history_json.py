"""The history in the document of ``klarna24 check --json`` (docs/reference.md, "JSON")."""

from typing import Any

from klarna24.bookkeeping.payout import ZERO
from klarna24.check.months import OUTCOMES, History, HistoryMonth, HistoryPayout

NOT_READ = "not-read"  # what rows would have to tell


def history_json(history: History) -> dict[str, Any]:
    """The history as ``klarna24 check --json`` has it; texts are English."""
    return {
        "since": history.since.isoformat(),
        "until": history.until.isoformat(),
        "start_date": history.start_date.isoformat(),
        "ledger_since": history.ledger_since.isoformat() if history.ledger_since else None,
        "accounts": [*history.accounts],
        "months": [_month(month) for month in history.months],
        "not_looked_at": [*history.not_looked_at],
        "advice": [*history.advice],
    }


def _month(month: HistoryMonth) -> dict[str, Any]:
    outcomes = [payout.past.outcome for payout in month.payouts]
    return {
        "month": str(month.month),
        "payouts": [_payout(payout) for payout in month.payouts],
        "counts": {str(outcome or NOT_READ): outcomes.count(outcome) for outcome in OUTCOMES},
        "totals": [*month.totals],
        "detailed_types": [*month.detailed_types],
        "missing_accounts": [missing._asdict() for missing in month.missing],
    }


def _payout(payout: HistoryPayout) -> dict[str, Any]:
    past, row, found = payout.past, payout.row, None if payout.is_settled else payout.found
    return {
        "payment_reference": past.key.payment_reference,
        "payout_date": payout.day.isoformat(),
        "currency": past.key.currency,
        "settlement_amount": f"{past.payout.figures.get('settlement', ZERO):.2f}",
        "outcome": past.outcome or NOT_READ,
        "reason": past.reason or None,
        "status": row.shown_status if row else None,
        "ledger": payout.standing,
        "transaction_no": payout.transaction_no,
        "found_by": found.why if found else None,
        "is_noticed": found.is_noticed if found else None,
    }
