"""Checks of what Klarna paid in the past: its kinds of amounts, and month by month what the ledger has of it."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime

from klarna24.bookkeeping.payout import Listed
from klarna24.bookkeeping.voucher import Books
from klarna24.check.accounts import check_kinds
from klarna24.check.history import new_reader, read_history
from klarna24.check.months import History
from klarna24.check.past import PayoutReader, months_before
from klarna24.check.result import Check
from klarna24.config.loading import Config
from klarna24.config.tables import Profile
from klarna24.ecb.client import EcbClient
from klarna24.errors import Klarna24Error
from klarna24.klarna.client import KlarnaClient
from klarna24.run.context import RunContext
from klarna24.state.store import State
from klarna24.text.sentences import sentence
from klarna24.twentyfour.client import TwentyFourClient
from klarna24.twentyfour.sessions import Sessions


@dataclass(frozen=True, slots=True)
class Past:
    """The payouts of so many months, as Klarna listed them, and what is needed to read more of them."""

    profile: Profile
    config: Config
    passwords: Mapping[str, str | None]
    listed: Sequence[Listed]
    months: int

    @property
    def since(self) -> date:
        """Return their first day."""
        return months_before(datetime.now(self.profile.timezone).date(), self.months)

    def check_kinds(self) -> Iterator[Check]:
        """Advice for each kind of amounts that has no account."""
        with closing(self._klarna()) as klarna:
            reader = PayoutReader(self.profile, klarna)
            read = [reader.read(payout) for payout in reversed(self.listed)]
        yield from check_kinds(self.profile, read, reader, self.since)

    def check_history(
        self, books: Books, sessions: Sessions, ecb: EcbClient, histories: dict[str, History]
    ) -> Iterator[Check]:
        """The same, and keep in ``histories`` what became of each payout. Nothing of it is a failure."""
        password = str(self.passwords["24sevenoffice"])
        with (
            closing(self._klarna()) as klarna,
            closing(TwentyFourClient(self.profile, lambda: password, sessions)) as office,
            closing(State.for_reading(self.config.state)) as state,
        ):
            context = RunContext(self.profile, self.config, klarna, office, ecb, state, _books=books)
            try:
                reader = new_reader(context)
                history = read_history(context, self.months, self.listed, reader)
                read = [payout.past for month in history.months for payout in month.payouts]
                yield from check_kinds(self.profile, read, reader, history.since)
                histories[self.profile.name] = history
            except Klarna24Error as error:
                yield Check(
                    sentence("history"), "advice", error.message, error.hint or sentence("try again later")
                )

    def _klarna(self) -> KlarnaClient:
        return KlarnaClient(self.profile.klarna, str(self.passwords["klarna"]))
