"""The client of 24SevenOffice that a run uses: the company's books, the ledger, and the save."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import partial
from threading import Lock
from typing import Any, TypeVar

from klarna24.bookkeeping.ledger_match import LedgerLine, LedgerMatch, VoucherKey
from klarna24.bookkeeping.voucher import Books, Trace, Voucher
from klarna24.config.tables import Profile
from klarna24.errors import Unavailable
from klarna24.http.server_time import ServerTime
from klarna24.text.sentences import sentence
from klarna24.twentyfour import answers, attachments, ledger
from klarna24.twentyfour.answers import Answer, Kind
from klarna24.twentyfour.books import BooksReader, items
from klarna24.twentyfour.bundle import bundle_list
from klarna24.twentyfour.connection import NEXT_RUN, UNREADABLE, Connection, TooLong, unreadable
from klarna24.twentyfour.sessions import Sessions
from klarna24.twentyfour.shared_books import SharedBooks
from klarna24.twentyfour.transport import NoAnswer, NotSent, SharedPace
from klarna24.twentyfour.writing import one_of_each_shape, whole_message

T = TypeVar("T")
# The last voucher number by address, company, series and year. Shared by the whole process, because profiles of
# one company that run at the same time share the company's numbers.
_last_numbers: dict[tuple[str | None, int, int, int], int] = {}
_numbers_lock = Lock()


def reset_numbers() -> None:
    """Forget which voucher numbers were given; tests call it, because they share a process."""
    with _numbers_lock:
        _last_numbers.clear()


@dataclass(frozen=True, slots=True)
class Prepared:
    """A voucher that can be sent, with the voucher number that was asked for it (with 0, the person who books it
    generates the number) and the stamp number of the pages beside it, if there are any."""

    voucher: Voucher
    transaction_no: int
    stamp_no: int | None = None


class TwentyFourClient:
    """One user in one company. Reads raise Unavailable, CredentialsFault or ConfigFault."""

    def __init__(
        self,
        profile: Profile,
        password: Callable[[], str],
        sessions: Sessions,
        shared: SharedBooks | None = None,
        pace: SharedPace | None = None,
    ) -> None:
        """``pace`` counts the requests that are made, where other hosts make some as the same user."""
        self._profile = profile
        self._shared = shared
        self._connection = Connection(profile, password, sessions, pace)

    def close(self) -> None:
        """Close the connections; the session stays valid."""
        self._connection.close()

    @property
    def server_time(self) -> ServerTime | None:
        """The Date header of the last answer, and when it arrived."""
        return self._connection.server_time

    def books(self) -> Books:
        """Return the company's books. Raises ConfigFault if the profile names what the company does not have."""
        return self.ask(BooksReader.books)

    def ask(self, question: Callable[[BooksReader], T]) -> T:
        """Return the answer to one of the questions of BooksReader, such as ``BooksReader.chart``."""
        try:
            return question(BooksReader(self._profile, self._connection.read, self._shared))
        except UNREADABLE as error:
            raise unreadable(sentence("the company's books"), error) from None

    def accepts_credentials(self) -> bool:
        """Return whether user, password and application are valid, whatever session is stored, without a login."""
        try:
            return bool(list(items(self._connection.identities(), "Identity")))
        except UNREADABLE as error:
            raise unreadable("GetIdentitiesWithCredential", error) from None

    def find(
        self,
        traces: Sequence[Trace],
        until: date,
        also: Iterable[int] = (),
        besides: Sequence[Trace] = (),
        *,
        whole_years: bool = False,
    ) -> list[LedgerMatch | None]:
        """Return for each trace what the ledger has of that voucher, on the trace's account or on one in ``also``;
        then for each in ``besides`` what the same lines say of it. ``whole_years``: also those of the year before
        the traces, and of the one after. None proves nothing, because the API does not
        show drafts."""
        try:
            zone = self._profile.timezone
            return ledger.find(self._transactions, traces, until, zone, also, besides, whole_years=whole_years)
        except UNREADABLE as error:
            raise unreadable("GetTransactions", error) from None

    def account_lines(self, account_no: int, since: date, until: date) -> list[LedgerLine]:
        """Return the ledger's lines of the account, of these days, both included."""
        return self.lines_of({account_no}, since, until)

    def lines_of(self, accounts: Collection[int], since: date, until: date) -> list[LedgerLine]:
        """Return the ledger's lines of the accounts, of these days, both included, in one call. What is between
        the lowest and the highest account is read as well."""
        try:
            return ledger.lines_of(self._transactions, accounts, since, until, self._profile.timezone)
        except UNREADABLE as error:
            raise unreadable("GetTransactions", error) from None

    def whole_voucher(self, key: VoucherKey) -> list[LedgerLine]:
        """Return all lines of a voucher in the ledger."""
        try:
            return ledger.whole_voucher(self._transactions, key, self._profile.timezone)
        except UNREADABLE as error:
            raise unreadable("GetTransactions", error) from None

    def _transactions(self, **filters: Any) -> Iterator[Any]:
        """Yield the ledger's rows; where they are too many for one answer, by half of the time each."""
        try:
            answer = self._connection.read("transaction", "GetTransactions", searchParams=filters)
        except TooLong:
            start, end = filters["DateStart"], filters["DateEnd"]
            middle = datetime.combine(start + (end - start) / 2, time.min)
            if middle <= start:
                raise
            yield from self._transactions(**filters | {"DateEnd": middle - timedelta(seconds=1)})
            yield from self._transactions(**filters | {"DateStart": middle})
        else:
            yield from items(answer, "Transaction")

    def attach(self, pages: Sequence[bytes], seconds: float, before_save: Callable[[int], None]) -> int:
        """Upload the pages, each a PNG, and return their stamp number; see :func:`attachments.upload`. Raises what
        reads raise; where ``before_save`` was called by then, some pages may have been saved."""
        return attachments.upload(self._connection.attempt, pages, seconds, before_save)

    def prepare(self, voucher: Voucher, stamp_no: int | None = None) -> Prepared:
        """Ask for all that the save needs, so that the save itself is one call.

        GetEntryId reserves no number, so a run counts on by itself from the first number that it was given.
        """
        if self._profile.voucher.transaction_no == "none":
            return Prepared(voucher, 0, stamp_no)
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
        with _numbers_lock:
            number = _last_numbers[series] = max(number, _last_numbers.get(series, 0) + 1)
        return Prepared(voucher, number, stamp_no)

    def save(self, prepared: Prepared) -> Answer:
        """Send the bundle once, and return an Answer whatever the network or the server does.

        "Not authenticated" means that nothing was saved: log in and repeat, once. Raises only if that login fails,
        and then nothing was saved either.
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
        request = bundle_list(voucher, settings, prepared.transaction_no, firsts, prepared.stamp_no)
        write = partial(whole_message, firsts=firsts, entries=voucher.entries)
        try:
            reply = self._connection.once("account", "SaveBundleList", write, BundleList=request)
        except (NotSent, NoAnswer, *UNREADABLE) as error:
            return answers.of_error(error)
        return answers.of_reply(reply.status_code, reply.content)

    def probe(self) -> None:
        """Make one read, to see whether 24SevenOffice answers again. Raises Unavailable if it does not."""
        self._connection.read("authenticate", "GetIdentity")
