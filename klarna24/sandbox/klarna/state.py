"""The state of Klarna's side: one merchant with payouts and their rows."""

import random
from copy import deepcopy
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

    def shuffle(self) -> None:
        """List payouts and rows in another order."""
        for elements in (self.payouts, *self.transactions.values()):
            random.shuffle(elements)

    def move(self) -> None:
        """Remove the first payout, and add one like the last, so that there are as many as before."""
        added = deepcopy(self.payouts[-1]) | {"payment_reference": f"NEW-{self.payouts[0]['payment_reference']}"}
        self.payouts = [*self.payouts[1:], added]
