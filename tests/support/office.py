"""24SevenOffice for the tests of its client: the sandbox, each request on the wire, and any answer at will."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from klarna24.bookkeeping.voucher import Entry, Voucher, VoucherType
from klarna24.config.tables import Profile
from klarna24.sandbox.reply import Incoming, Reply
from klarna24.sandbox.server import Sandbox
from klarna24.twentyfour.answers import Answer
from klarna24.twentyfour.client import TwentyFourClient
from klarna24.twentyfour.sessions import Sessions
from tests.support.bookkeeping import merged, profile
from tests.support.shops import plain_profile

TODAY = date(2026, 11, 24)
DAY = date(2026, 11, 19)
SAVE = "SaveBundleList"
READS = ["GetAccountList", "GetTypeList", "GetFiscalYears", "GetClientInformation"]  # of a plain profile's books
ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
TNS = "http://24sevenOffice.com/webservices"
Exchange = Callable[[Callable[[], Reply]], Reply]


def envelope(body: str) -> bytes:
    return f'<s:Envelope xmlns:s="{ENVELOPE}"><s:Body>{body}</s:Body></s:Envelope>'.encode()


def fault(code: str, text: str) -> Reply:
    inside = f"<faultcode>{code}</faultcode><faultstring>{text}</faultstring>"
    return Reply(500, envelope(f"<s:Fault>{inside}</s:Fault>"))


def save_response(inside: str, name: str = SAVE, namespace: str = TNS) -> bytes:
    return envelope(f'<{name}Response xmlns="{namespace}">{inside}</{name}Response>')


def save_result(fields: str) -> bytes:
    """Return the answer to SaveBundleList with these elements in its result."""
    return save_response(f"<SaveBundleListResult>{fields}</SaveBundleListResult>")


OK = save_result("<Type>Ok</Type>")


class Wire:
    """Stands between the socket and the sandbox: keeps every request with its headers, and replaces answers."""

    def __init__(self, box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
        self.requests: list[Incoming] = []
        self._exchanges: dict[str, Exchange] = {}
        handle = box.handle

        def between(incoming: Incoming) -> Reply:
            self.requests.append(incoming)
            exchange = self._exchanges.get(operation_of(incoming))
            return exchange(lambda: handle(incoming)) if exchange else handle(incoming)

        monkeypatch.setattr(box, "handle", between)

    def answer(self, operation: str, reply: Reply) -> None:
        """Answer the operation with this from now on; the sandbox does not see the request."""
        self._exchanges[operation] = lambda _: reply

    def change(self, operation: str, how: Callable[[Reply], None]) -> None:
        """Change the sandbox's answer on its way from now on."""

        def exchange(proceed: Callable[[], Reply]) -> Reply:
            reply = proceed()
            how(reply)
            return reply

        self._exchanges[operation] = exchange

    def operations(self) -> list[str]:
        return [operation_of(incoming) for incoming in self.requests]

    def headers(self, name: str) -> list[str | None]:
        return [incoming.headers.get(name) for incoming in self.requests]


def operation_of(incoming: Incoming) -> str:
    return (incoming.headers.get("SOAPAction") or "").strip('"').rpartition("/")[2]


class Office:
    """The sandbox, the wire to it, and clients of the profile shop1, into which ``over`` is merged."""

    def __init__(self, box: Sandbox, wire: Wire, folder: Path) -> None:
        self.box, self.wire, self.folder = box, wire, folder
        self.passwords_asked = 0

    def profile(self, over: dict[str, Any] | None = None) -> Profile:
        return profile(merged(plain_profile(self.box), over or {}))

    def client(
        self, over: dict[str, Any] | None = None, keep: bool = True, password: str | None = None
    ) -> TwentyFourClient:
        def ask() -> str:
            self.passwords_asked += 1
            return self.box.office.password if password is None else password

        return TwentyFourClient(self.profile(over), ask, Sessions(self.folder, keep))

    def logged_in(self, over: dict[str, Any] | None = None) -> TwentyFourClient:
        """Return a client that has a session, so that what is armed next concerns the save."""
        client = self.client(over)
        client.probe()
        return client

    @property
    def saves(self) -> int:
        """How many SaveBundleList requests reached the server, answered or not."""
        return self.wire.operations().count(SAVE)

    @property
    def logins(self) -> int:
        """How many Login requests reached the server, answered or not."""
        return self.wire.operations().count("Login")

    @property
    def drafts(self) -> int:
        return len(self.box.office.home.drafts)

    @property
    def port(self) -> int:
        return urlsplit(self.box.url).port or 0

    def session_ids(self) -> set[str]:
        return set(self.box.office.sessions)


@contextmanager
def open_office(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    with Sandbox(today=TODAY, payouts=[]) as box:
        yield Office(box, Wire(box, monkeypatch), folder / "sessions")
        assert not box.errors, box.errors


def voucher(day: date = DAY, year: int = 2026) -> Voucher:
    """Return the voucher of XISA93DJ: 962.50 to the bank."""
    entries = tuple(
        Entry(account_no, Decimal(amount), kind, f"Klarna XISA93DJ {kind}")
        for account_no, amount, kind in (
            (1930, "962.50", "settlement"),
            (1580, "-1000.00", "sale"),
            (6064, "30.00", "fee"),
            (2641, "7.50", "tax"),
        )
    )
    kind = VoucherType(9, "Diverse", 15)
    return Voucher("XISA93DJ", day, kind, year, "SEK", entries, entries[0])


def save(client: TwentyFourClient) -> Answer:
    return client.save(client.prepare(voucher()))
