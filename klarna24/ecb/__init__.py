"""The euro reference rates of the European Central Bank: fetched, read strictly, and looked up by day."""
