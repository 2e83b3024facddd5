"""Pure accounting: a payout and its transactions become a balanced voucher, or the reason why they cannot."""
