"""The sandbox's ledger and drafts as a web page."""
