"""24SevenOffice as the run sees it: the company's books, the journal, one save."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from klarna24.config import Profile
from klarna24.errors import Unavailable
from klarna24.lookup import Found
from klarna24.twentyfour import answers, journal
from klarna24.twentyfour.answers import Answer, Kind
from klarna24.twentyfour.books import items, read_books
from klarna24.twentyfour.bundle import bundle_list
from klarna24.twentyfour.connection import NEXT_RUN, UNREADABLE, Connection, unreadable
from klarna24.twentyfour.sessions import Sessions
from klarna24.twentyfour.transport import NoAnswer, NotSent
from klarna24.voucher import Books, Trace, Voucher


@dataclass(frozen=True, slots=True)
class Prepared:
    """A voucher ready to be sent, with the number that was asked for it (0: the person gives one)."""

    voucher: Voucher
    transaction_no: int


class TwentyFourClient:
    """One user in one company. Reads raise Unavailable, CredentialsFault or ConfigFault."""

    def __init__(self, profile: Profile, password: Callable[[], str], sessions: Sessions) -> None:
        self._profile = profile
        self._connection = Connection(profile, password, sessions)
        self._last_number: dict[tuple[int, int], int] = {}  # by series and year

    def close(self) -> None:
        self._connection.close()

    def books(self) -> Books:
        """Raises ConfigFault where the profile names what the company does not have."""
        return read_books(self._profile, self._connection.read)

    def find(self, traces: Sequence[Trace], until: date) -> list[Found | None]:
        """Which of these stand in the journal; None proves nothing (drafts are invisible)."""

        def read(**filters: Any) -> Iterable[Any]:
            return items(
                self._connection.read("transaction", "GetTransactions", searchParams=filters), "Transaction"
            )

        try:
            return journal.find(read, traces, until)
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
            raise Unavailable(f"24SevenOffice gave no transaction number for {voucher.name}", NEXT_RUN)
        series = (voucher.type.series_id, voucher.year)
        self._last_number[series] = max(number, self._last_number.get(series, 0) + 1)
        return Prepared(voucher, self._last_number[series])

    def save(self, prepared: Prepared) -> Answer:
        """Send the bundle, once.

        What the network or the server does comes back as an Answer. One that says "not authenticated" means that
        nothing was saved: log in and repeat, once. Raises only where that login fails: nothing was saved then.
        """
        answer = self._save_once(prepared)
        if answer.kind is not Kind.LOG_IN:
            return answer
        self._connection.log_in()
        again = self._save_once(prepared)
        return Answer(Kind.NOT_SENT, again.said) if again.kind is Kind.LOG_IN else again

    def _save_once(self, prepared: Prepared) -> Answer:
        request = bundle_list(prepared.voucher, self._profile.voucher, prepared.transaction_no)
        try:
            answer = self._connection.once("account", "SaveBundleList", BundleList=request)
        except (NotSent, NoAnswer, *UNREADABLE) as error:
            return answers.of_error(error)
        return answers.of_result(getattr(answer, "Type", None), getattr(answer, "Description", None))

    def probe(self) -> None:
        """One read, to see whether 24SevenOffice answers again. Raises Unavailable."""
        self._connection.read("authenticate", "GetIdentity")
