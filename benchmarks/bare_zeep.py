"""The bare script: what a competent person writes in an afternoon with requests and zeep.

    python -m benchmarks.bare_zeep profiles.toml [JOBS]

It books each shop's payouts just as klarna24 does, to the same entries: log in, find the voucher's type, list the
payouts, fetch the rows by pages, make entries in Decimal, check that they add up to zero, save. It leaves out what
klarna24 does to be safe: the questions whose answers only serve as checks (GetIdentity, GetAccountList,
GetFiscalYears, GetClientInformation, GetTransactions: five requests of nine where no rows are fetched), the
validation of what comes, any state, any lock, time-outs, retries, and the interpretation of every answer.
"""

import sys
import tomllib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, time
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import requests
import zeep

import klarna24

SETTINGS = zeep.Settings(strict=False, xsd_ignore_sequence_order=True)  # the contracts name only a part of it all
CONTRACTS = Path(klarna24.__file__).parent / "twentyfour" / "contracts"
Entry = dict[str, Any]


@cache
def contract(name: str) -> Any:
    """Read once, however many shops there are."""
    return zeep.Client(str(CONTRACTS / f"{name}.wsdl"), settings=SETTINGS).wsdl  # type: ignore[no-untyped-call]  # zeep has no types


def secret(settings: dict[str, Any]) -> str:
    """The password of one of the two tables."""
    return Path(settings["password"]["file"]).read_text().strip()


class Office:
    """A session at 24SevenOffice."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self.base = settings["base_url"]
        self.http = requests.Session()
        self.http.trust_env = False  # no proxy between two programs of one machine
        self.account = self.service("account")
        names = {"ApplicationId": "application_id", "IdentityId": "identity_id", "Username": "username"}
        credential = {theirs: settings[ours] for theirs, ours in names.items()}
        session_id = self.service("authenticate").Login(credential={**credential, "Password": secret(settings)})
        self.http.headers["Cookie"] = f"ASP.NET_SessionId={session_id}"

    def service(self, name: str) -> Any:
        """zeep's service of one contract."""
        transport: Any = zeep.Transport(session=self.http)  # type: ignore[no-untyped-call]  # zeep has no types
        client: Any = zeep.Client(contract(name), transport=transport, settings=SETTINGS)  # type: ignore[no-untyped-call]  # zeep has no types
        address = self.base + urlsplit(client.service._binding_options["address"]).path
        return client.create_service(next(iter(client.wsdl.bindings)), address)

    def save(self, bundle: dict[str, Any], entries: list[Entry]) -> str:
        """The answer's type: ``Ok`` where the bundle was saved."""
        voucher = {"TransactionNo": 0, "Entries": {"Entry": entries}, "Sort": bundle["Sort"]}
        bundles = {"Bundle": [{**bundle, "Vouchers": {"Voucher": [voucher]}, "BundleDirectAccounting": True}]}
        options = {"AllowDifference": False, "DirectLedger": False, "SaveOption": 1}
        return str(self.account.SaveBundleList(BundleList={"Bundles": bundles, **options}).Type)


class Klarna:
    """A session at Klarna."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self.base = f"{settings['base_url']}/settlements/v1"
        self.http = requests.Session()
        self.http.trust_env = False
        self.http.auth = (settings["username"], secret(settings))

    def all(self, items: str, **query: str) -> Iterator[dict[str, Any]]:
        """Every element of a collection, page by page."""
        offset, total = 0, 1
        while offset < total:
            answer = self.http.get(f"{self.base}/{items}", params={**query, "size": "500", "offset": str(offset)})
            answer.raise_for_status()
            page = answer.json()
            yield from page[items]
            offset, total = offset + len(page[items]), page["pagination"]["total"]


def entries_of(payout: dict[str, Any], rows: list[dict[str, Any]], shop: dict[str, Any]) -> Iterator[Entry]:
    """The entries of a payout, as far as these payouts need it."""
    accounts, reference, totals = shop["accounts"], payout["payment_reference"], payout["totals"]
    itemised = {"lump": (), "itemised": ("SALE",), "itemised-fees": ("SALE", "FEE")}[shop["transfer"]]
    day = datetime.fromisoformat(payout["payout_date"]).astimezone(ZoneInfo(shop["timezone"])).date()
    midnight = datetime.combine(day, time.min)

    def entry(account: str, minor: int, comment: str, **references: str | None) -> Entry:
        currency = {"CurrencyId": payout["currency_code"], "CurrencyRate": 1, "CurrencyUnit": 1}
        amount = {"AccountNo": accounts[account], "Date": midnight, "Amount": Decimal(minor) / 100}
        return {**amount, **currency, **references, "Comment": comment}

    yield entry("payout", totals["settlement_amount"], f"Klarna {reference} payout")
    for kind, account, sign, word in (("SALE", "receivable", -1, "sales"), ("FEE", "fees", 1, "fees")):
        if kind not in itemised:
            yield entry(account, sign * totals[f"{kind.lower()}_amount"], f"Klarna {reference} {word}")
            continue
        for row in rows:
            if row["type"] == kind:
                references = [row.get(f"merchant_reference{number}", "").strip() or None for number in (1, 2)]
                invoice = dict(zip(("InvoiceReferenceNo", "InvoiceOcr"), references, strict=True))
                yield entry(account, sign * row["amount"], row["order_id"], **invoice)
    yield entry("fees_vat", totals["tax_amount"], f"Klarna {reference} VAT on fees")


def book(shop: dict[str, Any]) -> None:
    """Every payout of one shop since its start."""
    klarna, office = Klarna(shop["klarna"]), Office(shop["24sevenoffice"])
    sort = next(kind.TypeNo for kind in office.account.GetTypeList() if kind.Title == "Diverse")
    since, until = f"{shop['start_date']}T00:00:00Z", f"{datetime.now(UTC).date()}T23:59:59Z"
    for payout in klarna.all("payouts", start_date=since, end_date=until):
        reference = payout["payment_reference"]
        rows = [] if shop["transfer"] == "lump" else list(klarna.all("transactions", payment_reference=reference))
        entries = list(entries_of(payout, rows, shop))
        if sum(entry["Amount"] for entry in entries):
            raise SystemExit(f"{reference} does not balance")
        day = entries[0]["Date"].date()
        answer = office.save({"YearId": day.year, "Sort": sort, "Name": f"Klarna {reference} {day}"}, entries)
        if answer != "Ok":
            raise SystemExit(f"{reference}: {answer}")


if __name__ == "__main__":
    path, jobs = Path(sys.argv[1]), int(sys.argv[2]) if sys.argv[2:] else 1
    shops = tomllib.loads(path.read_text(encoding="utf-8"))["profiles"].values()
    with ThreadPoolExecutor(jobs) as pool:
        list(pool.map(book, shops))
