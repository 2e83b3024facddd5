"""24SevenOffice: the only door to it, and to zeep.

-   client.py      the books, the journal, one save
-   setup.py       what init asks: companies, and what one of them has to choose from
-   books.py       what a voucher must fit; journal.py: what has been booked
-   bundle.py      a voucher as the contract's BundleList
-   connection.py  a session in the right company, and calls under it
-   answers.py     what counts as an answer: posted, rejected, not sent, in doubt
-   transport.py   one HTTP call: time-outs, no redirects, no cookies, no logging of bodies
-   sessions.py    the session id, kept between runs
-   contracts/     the services' contracts: only the operations and fields used here
"""

from klarna24.twentyfour.answers import Answer, Kind
from klarna24.twentyfour.books import BooksReader
from klarna24.twentyfour.client import TwentyFourClient
from klarna24.twentyfour.sessions import Sessions
from klarna24.twentyfour.setup import Choices, Company, SetUp

__all__ = ["Answer", "BooksReader", "Choices", "Company", "Kind", "Sessions", "SetUp", "TwentyFourClient"]
