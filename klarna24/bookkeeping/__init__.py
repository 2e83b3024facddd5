"""Pure accounting: a payout and its rows become a balanced voucher, or a reason why not."""
