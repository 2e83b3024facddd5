"""One profile's run: plan, draft, and what became of each payout."""
