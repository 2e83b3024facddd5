"""Klarna's and 24SevenOffice's APIs on one loopback port, for tests, trials and the demo.

A guest house: it imports nothing from the rest of klarna24. It is a second, independent reading of the
contracts, so that the client is not tested against its own misunderstandings.
"""

from klarna24.sandbox.faults import Faults
from klarna24.sandbox.klarna.generate import big_payout, generate, make_payout
from klarna24.sandbox.office.company import Company, Customer, Draft, FiscalYear
from klarna24.sandbox.reply import Request
from klarna24.sandbox.server import Sandbox

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
