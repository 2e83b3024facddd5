"""Both vendors on loopback, in a process of its own: ``python -m benchmarks.server``.

Why not klarna24's sandbox: it checks every request against the contracts, and on a large one that costs more than
what is measured. This server reads a request, waits ``--latency``, and sends bytes that were prepared beforehand;
of a saved bundle it makes something only when asked (``GET /saved``), after the clock has stopped.

Nothing is kept of a shop: Klarna's user name says how many rows its one payout has and which shop it is
(``rows1000-shop7``), and 24SevenOffice's identity, session and client id are the shop's number.
"""

import argparse
import base64
import hashlib
import io
import json
import re
import socketserver
import sys
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any, ClassVar
from urllib.parse import parse_qs
from xml.etree import ElementTree as ET

from benchmarks.payouts import PAGE_SIZE, pages, payout, rows_of

WHEN = (datetime.now(UTC) - timedelta(days=1)).replace(hour=9, minute=0, second=0, microsecond=0)
ENVELOPE = (
    '<?xml version="1.0" encoding="utf-8"?><soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/">'
    '<soap:Body><{0}Response xmlns="{1}"><{0}Result>{2}</{0}Result></{0}Response></soap:Body></soap:Envelope>'
)
WEB = "http://24sevenOffice.com/webservices"
BOOKS = "http://24sevenoffice.com/webservices/economy/accounting/"
IDENTITY = "<Id>00000000-0000-0000-0000-{0:012d}</Id><Client><Id>{0}</Id><Name>Shop {0}</Name></Client>"
ACCOUNTS = [1930, 1580, 6064, 2641, *range(3000, 3200)]  # as long as the chart of a small company
RESULTS = {
    "GetAccountList": "".join(
        f"<AccountData><AccountId>{40000 + number}</AccountId><AccountNo>{number}</AccountNo>"
        f"<AccountName>Konto {number}</AccountName></AccountData>"
        for number in ACCOUNTS
    ),
    "GetTypeList": "<TypeData><TypeId>59</TypeId><Title>Diverse</Title><EntrySeriesId>15</EntrySeriesId>"
    "<TypeNo>9</TypeNo></TypeData>",
    "GetClientInformation": "<Country>Sweden</Country><Name>Shop</Name><DefaultCurrency>SEK</DefaultCurrency>",
    "GetFiscalYears": "".join(
        f"<FiscalYear><StartingDate>{year}-01-01T00:00:00</StartingDate>"
        f"<EndingDate>{year + 1}-01-01T00:00:00</EndingDate><IsLocked>false</IsLocked></FiscalYear>"
        for year in (WHEN.year - 1, WHEN.year, WHEN.year + 1)
    ),
    "GetTransactions": "",  # nothing has been booked
    "SaveBundleList": "<Type>Ok</Type><Description/>",
}


def answers() -> dict[str, bytes]:
    """By operation, whoever asks."""
    of_books = {"GetFiscalYears", "GetTransactions"}
    return {
        name: ENVELOPE.format(name, BOOKS if name in of_books else WEB, result).encode()
        for name, result in RESULTS.items()
    }


@cache
def transactions(rows: str) -> list[bytes]:
    """The pages of a payout's rows, made when they are first asked for."""
    return pages("transactions", rows_of("BENCH", int(rows), WHEN))


@cache
def payouts(rows: str, shop: str) -> bytes:
    """The one payout of a shop."""
    listed = payout(f"ROWS{rows}SHOP{shop}", f"M{shop}", WHEN, rows_of("BENCH", int(rows), WHEN))
    return pages("payouts", [listed])[0]


class Handler(socketserver.StreamRequestHandler):
    """HTTP/1.1 with kept connections; of the headers only what is needed is read."""

    disable_nagle_algorithm = True
    wbufsize = -1
    latency: ClassVar[float] = 0.0
    prepared: ClassVar[dict[str, bytes]] = answers()
    saved: ClassVar[list[bytes]] = []

    def handle(self) -> None:
        """Until the client hangs up."""
        try:
            while line := self.rfile.readline():
                self._answer(line.decode("latin-1").split(" ")[1], self._headers())
        except ConnectionError:
            return

    def _headers(self) -> dict[str, str]:
        headers = {}
        while (line := self.rfile.readline().strip()) != b"":
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.lower()] = value.strip()
        return headers

    def _answer(self, target: str, headers: dict[str, str]) -> None:
        body = self.rfile.read(int(headers.get("content-length", 0)))
        path, _, query = target.partition("?")
        if path == "/saved":
            answer = json.dumps([summary(bundle) for bundle in self.saved]).encode()
            self.saved.clear()
        else:
            time.sleep(self.latency)
            action = headers.get("soapaction", "").strip('"').rpartition("/")[2]
            answer = self._soap(action, headers, body) if action else self._klarna(path, parse_qs(query), headers)
        kind = "text/xml; charset=utf-8" if headers.get("soapaction") else "application/json"
        self.wfile.write(
            f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(answer)}\r\n\r\n".encode()
        )
        self.wfile.write(answer)
        self.wfile.flush()

    def _soap(self, action: str, headers: dict[str, str], body: bytes) -> bytes:
        if action == "Login":
            found = re.search(rb"IdentityId>[0-9a-f-]*-0*(\d+)<", body)
            return ENVELOPE.format(action, WEB, found.group(1).decode() if found else "").encode()
        if action == "GetIdentity":
            shop = int(headers["cookie"].rpartition("=")[2])
            return ENVELOPE.format(action, WEB, IDENTITY.format(shop)).encode()
        if action == "SaveBundleList":
            self.saved.append(body)
        return self.prepared[action]

    @staticmethod
    def _klarna(path: str, query: dict[str, list[str]], headers: dict[str, str]) -> bytes:
        user = base64.b64decode(headers["authorization"].removeprefix("Basic ")).decode()
        rows, shop = user.partition(":")[0].removeprefix("rows").split("-shop")
        if path.endswith("/payouts"):
            return payouts(rows, shop)
        if query["size"] != [str(PAGE_SIZE)]:
            raise ValueError(f"only whole pages of {PAGE_SIZE} are prepared")
        return transactions(rows)[int(query["offset"][0]) // PAGE_SIZE]


def summary(bundle: bytes) -> dict[str, Any]:
    """What a saved bundle says, whatever prefixes it says it with: equal for two that book the same."""
    debit, difference, count, digest = Decimal(0), Decimal(0), 0, hashlib.sha256()
    for _, element in ET.iterparse(io.BytesIO(bundle)):  # noqa: S314 - our own client's
        if element.tag.rpartition("}")[2] == "Entry":
            fields = {field.tag.rpartition("}")[2]: field.text or "" for field in element}
            amount = Decimal(fields["Amount"])
            count, difference, debit = count + 1, difference + amount, debit + max(amount, Decimal(0))
            digest.update(repr(fields | {"Amount": f"{amount:.2f}"}).encode())
            element.clear()
    return {
        "bytes": len(bundle),
        "entries": count,
        "debit": str(debit),
        "difference": str(difference),
        "digest": digest.hexdigest()[:16],
    }


class Server(socketserver.ThreadingTCPServer):
    """A thread for each connection."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128


def main() -> None:
    """Says its address on the first line of stdout, then serves until it is ended."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.server", description=__doc__)
    parser.add_argument("--latency", type=float, default=0.0, metavar="SECONDS", help="before each answer")
    parser.add_argument("--port", type=int, default=0)
    options = parser.parse_args()
    Handler.latency = options.latency
    with Server(("127.0.0.1", options.port), Handler) as server:
        sys.stdout.write(f"http://127.0.0.1:{server.server_address[1]}\n")
        sys.stdout.flush()
        server.serve_forever()


if __name__ == "__main__":
    main()
