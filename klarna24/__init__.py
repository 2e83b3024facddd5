"""klarna24: books Klarna payouts in 24SevenOffice."""

__version__ = "0.1.0"
