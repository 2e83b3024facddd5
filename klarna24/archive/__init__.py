"""Evidence: what Klarna sent of each payout and what was sent to 24SevenOffice, kept as files for the years that
the law asks for."""
