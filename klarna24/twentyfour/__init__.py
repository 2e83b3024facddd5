"""24SevenOffice: the only door to it, and to zeep.

client.py     log in to the right company, read the books, save one bundle
bundle.py     a voucher as the contract's BundleList
answers.py    what counts as an answer: posted, rejected, not sent, in doubt
transport.py  one HTTP call: time-outs, no redirects, no cookies, no logging of bodies
sessions.py   the session id, kept between runs
contracts/    the services' contracts: only the operations and fields used here
"""

from klarna24.twentyfour.answers import Answer, Kind
from klarna24.twentyfour.client import TwentyFourClient
from klarna24.twentyfour.sessions import Sessions

__all__ = ["Answer", "Kind", "Sessions", "TwentyFourClient"]
