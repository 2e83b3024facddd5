"""24SevenOffice as the run sees it: the company's books, the ledger, one save."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import partial
from threading import Lock
from typing import Any, ClassVar, TypeVar

from klarna24.bookkeeping.ledger_match import LedgerMatch
from klarna24.bookkeeping.voucher import Books, Trace, Voucher
from klarna24.config.tables import Profile
from klarna24.errors import Unavailable
from klarna24.http import ServerTime
from klarna24.text import sentence
from klarna24.twentyfour import answers
from klarna24.twentyfour import ledger as journal
from klarna24.twentyfour.answers import Answer, Kind
from klarna24.twentyfour.books import BooksReader, items
from klarna24.twentyfour.bundle import bundle_list
from klarna24.twentyfour.connection import NEXT_RUN, UNREADABLE, Connection, unreadable
from klarna24.twentyfour.sessions import Sessions
from klarna24.twentyfour.transport import NoAnswer, NotSent
from klarna24.twentyfour.writing import one_of_each_shape, whole_message

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Prepared:
    """A voucher ready to be sent, with the number that was asked for it (0: the person gives one)."""

    voucher: Voucher
    transaction_no: int


class TwentyFourClient:
    """One user in one company. Reads raise Unavailable, CredentialsFault or ConfigFault."""

    # By address, company, series and year: profiles of one company share it, side by side too, as they share the
    # numbers.
    _last_number: ClassVar[dict[tuple[str | None, int, int, int], int]] = {}
    _counting: ClassVar[Lock] = Lock()

    def __init__(self, profile: Profile, password: Callable[[], str], sessions: Sessions) -> None:
        self._profile = profile
        self._connection = Connection(profile, password, sessions)

    def close(self) -> None:
        self._connection.close()

    @property
    def server_time(self) -> ServerTime | None:
        """Of the last answer."""
        return self._connection.server_time

    def books(self) -> Books:
        """Raises ConfigFault where the profile names what the company does not have."""
        return self.ask(BooksReader.books)

    def ask(self, question: Callable[[BooksReader], T]) -> T:
        """One of the questions of BooksReader."""
        try:
            return question(BooksReader(self._profile, self._connection.read))
        except UNREADABLE as error:
            raise unreadable(sentence("the company's books"), error) from None

    def accepts_credentials(self) -> bool:
        """Whether user, password and application are known, a kept session aside. It is no login."""
        try:
            return bool(list(items(self._connection.identities(), "Identity")))
        except UNREADABLE as error:
            raise unreadable("GetIdentitiesWithCredential", error) from None

    def find(self, traces: Sequence[Trace], until: date, also: Iterable[int] = ()) -> list[LedgerMatch | None]:
        """Which of these stand in the ledger, on their own account or one in ``also``; None proves nothing
        (drafts are invisible)."""

        def read(**filters: Any) -> Iterable[Any]:
            return items(
                self._connection.read("transaction", "GetTransactions", searchParams=filters), "Transaction"
            )

        try:
            return journal.find(read, traces, until, self._profile.timezone, also)
        except UNREADABLE as error:
            raise unreadable("GetTransactions", error) from None

    def prepare(self, voucher: Voucher) -> Prepared:
        """What must be asked before the save, so that the save itself is one call.

        GetEntryId reserves nothing (facts), so that a run counts on by itself from what it was told first.
        """
        if self._profile.voucher.transaction_no == "none":
            return Prepared(voucher, 0)
        entry_id = {
            "Date": datetime.combine(voucher.date, time.min),
            "SortNo": voucher.type.series_id,
            "EntryNo": 0,
        }
        number = getattr(self._connection.read("account", "GetEntryId", argEntryId=entry_id), "EntryNo", None)
        if not isinstance(number, int) or number <= 0:
            message = sentence("24SevenOffice gave no transaction number for {voucher}", voucher=voucher.name)
            raise Unavailable(message, NEXT_RUN)
        office = self._profile.twentyfour
        series = (office.base_url, office.client_id, voucher.type.series_id, voucher.year)
        with self._counting:
            number = self._last_number[series] = max(number, self._last_number.get(series, 0) + 1)
        return Prepared(voucher, number)

    def save(self, prepared: Prepared) -> Answer:
        """Send the bundle, once.

        What the network or the server does comes back as an Answer. One that says "not authenticated" means that
        nothing was saved: log in and repeat, once. Raises only where that login fails: nothing was saved then.
        """
        answer = self._save_once(prepared)
        if answer.kind is not Kind.LOG_IN:
            return answer
        self._connection.renew()
        again = self._save_once(prepared)
        return Answer(Kind.NOT_SENT, again.said) if again.kind is Kind.LOG_IN else again

    def _save_once(self, prepared: Prepared) -> Answer:
        voucher, settings = prepared.voucher, self._profile.voucher
        firsts = one_of_each_shape(voucher.entries)
        request = bundle_list(voucher, settings, prepared.transaction_no, firsts)
        write = partial(whole_message, firsts=firsts, entries=voucher.entries)
        try:
            answer = self._connection.once("account", "SaveBundleList", write, BundleList=request)
        except (NotSent, NoAnswer, *UNREADABLE) as error:
            return answers.of_error(error)
        return answers.of_result(getattr(answer, "Type", None), getattr(answer, "Description", None))

    def probe(self) -> None:
        """One read, to see whether 24SevenOffice answers again. Raises Unavailable."""
        self._connection.read("authenticate", "GetIdentity")
