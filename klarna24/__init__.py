"""klarna24: books Klarna payouts in 24SevenOffice."""

__version__ = "0.2.0.dev0"
