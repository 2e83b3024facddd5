"""Both vendors on loopback, in a process of its own: ``python -m benchmarks.server LATENCY [ROWS …]``.

The sandbox checks every request against the vendors' contracts, which takes longer than what is measured here.
This server reads a request, waits LATENCY seconds, and sends bytes prepared beforehand; it reads saved bundles
only when asked for them (``GET /saved``), after the clock has stopped. It keeps nothing about a shop: Klarna's
user name says which shop it is and how many rows its one payout has (``rows1000-shop7``), and 24SevenOffice's
session, identity and client id are the shop's number. A shop with no rows (``rows0-shop7``) has a payout a day,
``D2026-11-25S7`` and so on, up to yesterday. Prints its address.
"""

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
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs
from xml.etree import ElementTree as ET

from klarna24.sandbox.klarna.generate import big_payout

PAGE_SIZE = 500  # the most that Klarna gives
WHEN = (datetime.now(UTC) - timedelta(days=1)).replace(hour=9, minute=0, second=0, microsecond=0)
ENVELOPE = (
    '<?xml version="1.0" encoding="utf-8"?><soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/">'
    '<soap:Body><{0}Response xmlns="{1}"><{0}Result>{2}</{0}Result></{0}Response></soap:Body></soap:Envelope>'
)
WEB = "http://24sevenOffice.com/webservices"
BOOKS = "http://24sevenoffice.com/webservices/economy/accounting/"
IDENTITY = "<Id>00000000-0000-0000-0000-{0:012d}</Id><Client><Id>{0}</Id><Name>Shop {0}</Name></Client>"
ACCOUNT = "<AccountId>4{0}</AccountId><AccountNo>{0}</AccountNo><AccountName>{0}</AccountName>"
CHART = [1930, 1580, 6064, 2641, *range(3000, 3200)]  # as long as that of a small company
YEAR = (
    "<FiscalYear><StartingDate>{0}-01-01T00:00:00</StartingDate><EndingDate>{1}-01-01T00:00:00</EndingDate>"
    "<IsLocked>false</IsLocked></FiscalYear>"
)
RESULTS = {
    "GetAccountList": "".join(f"<AccountData>{ACCOUNT.format(number)}</AccountData>" for number in CHART),
    "GetTypeList": "<TypeData><TypeId>59</TypeId><Title>Diverse</Title><EntrySeriesId>15</EntrySeriesId>"
    "<TypeNo>9</TypeNo></TypeData>",
    "GetClientInformation": "<Country>Sweden</Country><Name>Shop</Name><DefaultCurrency>SEK</DefaultCurrency>",
    "GetFiscalYears": "".join(YEAR.format(year, year + 1) for year in range(WHEN.year - 1, WHEN.year + 2)),
    "GetTransactions": "",  # nothing has been booked
    "SaveBundleList": "<Type>Ok</Type><Description/>",
}
PROFILE = """
[profiles.shop{shop}]
start_date = {start}
timezone = "Europe/Stockholm"
transfer = "{transfer}"
klarna = {{ username = "rows{rows}-shop{shop}", password = {{ file = "{secret}" }}, base_url = "{url}" }}
accounts = {{ payout = 1930, receivable = 1580, fees = 6064, fees_vat = 2641 }}
voucher = {{ type = "Diverse", max_entries = 1_000_000 }}
{references}

[profiles.shop{shop}.24sevenoffice]
username = "integration{shop}"
password = {{ file = "{secret}" }}
application_id = "00000000-0000-0000-0000-00000000000a"
identity_id = "00000000-0000-0000-0000-{shop:012d}"
client_id = {shop}
base_url = "{url}"
"""
REFERENCES = (
    'references = { order_id = "comment", merchant_reference1 = "invoice_no", merchant_reference2 = "ocr" }'
)


def write_profiles(url: str, folder: Path, transfer: str, rows: int, shops: int = 1, days: int = 30) -> Path:
    """A profiles.toml of so many shops on the server at ``url``, which began so many days ago; each has one new
    payout of so many rows, or with no rows a payout a day."""
    secret, path = folder / "secret", folder / f"{transfer}-{rows}-{shops}-{days}.toml"
    values = {
        "start": (WHEN - timedelta(days=days)).date(),
        "transfer": transfer,
        "references": "" if transfer == "lump" else REFERENCES,
        "rows": rows,
        "secret": secret,
        "url": url,
    }
    profiles = "".join(PROFILE.format(shop=shop, **values) for shop in range(1, shops + 1))
    for file, text in ((secret, "not secret here"), (path, profiles)):
        file.touch(mode=0o600)
        file.write_text(text, encoding="utf-8")
    return path


@cache
def prepared(rows: int) -> tuple[dict[str, Any], list[bytes]]:
    """A payout with that many rows (a sale and its two fees are three), and the rows by pages."""
    payout, its = big_payout("BENCH", rows // 3, WHEN)
    return payout, pages("transactions", its)


@cache
def daily(first: str, last: str) -> bytes:
    """A page of payouts, one for each day between two moments of Klarna's, of the shop ``SHOP``."""
    payout, _ = prepared(30)
    begins, ends = (datetime.fromisoformat(moment) for moment in (first, last))
    days = [WHEN - timedelta(days=ago) for ago in range((WHEN - begins).days + 1)]
    found = [
        {
            **payout,
            "payment_reference": f"D{day.date()}SSHOP",
            "merchant_id": "MSHOP",
            "payout_date": day.isoformat(),
        }
        for day in days
        if begins <= day <= ends
    ]
    document = {"payouts": found[:PAGE_SIZE], "pagination": {"total": len(found), "offset": 0}}
    return json.dumps(document).encode()


def pages(items: str, elements: list[dict[str, Any]]) -> list[bytes]:
    """A collection's answers, for a client that asks for whole pages."""
    return [
        json.dumps(
            {items: page, "pagination": {"total": len(elements), "count": len(page), "offset": offset}}
        ).encode()
        for offset in range(0, len(elements), PAGE_SIZE)
        if (page := elements[offset : offset + PAGE_SIZE])
    ]


def soap(action: str, result: str) -> bytes:
    """The answer of an operation."""
    return ENVELOPE.format(
        action, BOOKS if action in {"GetFiscalYears", "GetTransactions"} else WEB, result
    ).encode()


class Handler(socketserver.StreamRequestHandler):
    """HTTP/1.1 with kept connections; of the headers only what is needed is read."""

    disable_nagle_algorithm = True
    wbufsize = -1
    latency: ClassVar[float] = 0.0
    saved: ClassVar[list[bytes]] = []

    def handle(self) -> None:
        """Answers until the client closes the connection."""
        try:
            while line := self.rfile.readline():
                headers = {}
                while field := self.rfile.readline().strip():
                    name, _, value = field.decode("latin-1").partition(":")
                    headers[name.lower()] = value.strip()
                body = self.rfile.read(int(headers.get("content-length", 0)))
                answer = self._answer(line.decode("latin-1").split(" ")[1], headers, body)
                kind = "text/xml; charset=utf-8" if "soapaction" in headers else "application/json"
                head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(answer)}\r\n\r\n"
                self.wfile.write(head.encode() + answer)
                self.wfile.flush()
        except ConnectionError:
            return

    def _answer(self, target: str, headers: dict[str, str], body: bytes) -> bytes:
        path, _, query = target.partition("?")
        if path == "/saved":
            found = sorted(map(entries_digest, self.saved))
            self.saved.clear()
            return json.dumps(found).encode()
        time.sleep(self.latency)
        if action := headers.get("soapaction", "").strip('"').rpartition("/")[2]:
            return self._soap(action, headers, body)
        user = base64.b64decode(headers["authorization"].removeprefix("Basic ")).decode().partition(":")[0]
        rows, shop = user.removeprefix("rows").split("-shop")
        if rows == "0":
            asked = parse_qs(query)
            return daily(asked["start_date"][0], asked["end_date"][0]).replace(b"SHOP", shop.encode())
        payout, its = prepared(int(rows))
        reference = f"R{rows}S{shop}"
        if path.endswith("/payouts"):
            return pages("payouts", [payout | {"payment_reference": reference, "merchant_id": f"M{shop}"}])[0]
        asked = parse_qs(query)
        if asked["size"] != [str(PAGE_SIZE)]:
            raise ValueError(f"only whole pages of {PAGE_SIZE} are prepared")
        return its[int(asked["offset"][0]) // PAGE_SIZE].replace(b'"BENCH"', f'"{reference}"'.encode())

    def _soap(self, action: str, headers: dict[str, str], body: bytes) -> bytes:
        if action == "Login":
            found = re.search(rb"IdentityId>[0-9a-f-]*-0*(\d+)<", body)
            return soap(action, found.group(1).decode() if found else "")
        if action == "GetIdentity":
            return soap(action, IDENTITY.format(int(headers["cookie"].rpartition("=")[2])))
        if action == "SaveBundleList":
            self.saved.append(body)
        return soap(action, RESULTS[action])


def entries_digest(bundle: bytes) -> str:
    """Equal for two bundles with the same entries, however their XML is written."""
    digest = hashlib.sha256()
    for _, element in ET.iterparse(io.BytesIO(bundle)):  # noqa: S314 - from a client of our own
        if element.tag.endswith("}Entry"):
            fields = {field.tag.rpartition("}")[2]: field.text or "" for field in element}
            fields["Amount"] = f"{Decimal(fields['Amount']):.2f}"
            digest.update(repr(sorted(fields.items())).encode())
            element.clear()
    return digest.hexdigest()


class Server(socketserver.ThreadingTCPServer):
    """A thread for each connection."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128


if __name__ == "__main__":
    Handler.latency = float(sys.argv[1])
    for size in map(int, sys.argv[2:]):
        prepared(size)
    with Server(("127.0.0.1", 0), Handler) as server:
        sys.stdout.write(f"http://127.0.0.1:{server.server_address[1]}\n")
        sys.stdout.flush()
        server.serve_forever()
