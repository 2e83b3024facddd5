"""Klarna's and 24SevenOffice's APIs on one loopback port, for tests, trials and the demo.

A guest house: it imports nothing from the rest of klarna24. It is a second, independent reading of the
contracts, so that the client is not tested against its own misunderstandings.
"""

from .company import Company, Customer, Draft, FiscalYear
from .faults import Faults
from .generate import big_payout, generate, make_payout
from .reply import Request
from .server import Sandbox

__all__ = [
    "Company",
    "Customer",
    "Draft",
    "Faults",
    "FiscalYear",
    "Request",
    "Sandbox",
    "big_payout",
    "generate",
    "make_payout",
]
