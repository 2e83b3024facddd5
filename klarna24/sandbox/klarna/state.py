"""The state of Klarna's side: one merchant with payouts and their rows."""

from typing import Any


class KlarnaState:
    """One merchant's payouts, in the order in which they were added."""

    def __init__(self) -> None:
        self.username = "K100198_5a9db0c0ffee"
        self.password = "sandbox-klarna-password"  # noqa: S105 - opens nothing but the sandbox
        self.payouts: list[dict[str, Any]] = []
        self.transactions: dict[str, list[dict[str, Any]]] = {}

    def add(self, payout: dict[str, Any], rows: list[dict[str, Any]] | None = None) -> None:
        """Add a payout and its rows; rows of a second payout with the same reference join those of the first."""
        self.payouts.append(payout)
        self.transactions.setdefault(payout["payment_reference"], []).extend(rows or [])
