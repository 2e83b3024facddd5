"""Requests to the sandbox, written by hand, and what they need."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
import requests
from lxml import etree

from klarna24.sandbox.server import Sandbox

TNS = "http://24sevenOffice.com/webservices"
AUTH = "/authenticate/v001/authenticate.asmx"
ACCOUNT = "/Economy/Account/V004/Accountservice.asmx"
XSI = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
TODAY = date(2026, 11, 24)


@pytest.fixture
def box() -> Iterator[Sandbox]:
    """A running sandbox without payouts, in which no bug has shown at the end."""
    with Sandbox(today=TODAY, payouts=[]) as running:
        yield running
        assert running.errors == []


def soap(
    box: Sandbox,
    path: str,
    operation: str,
    body: str = "",
    session: str = "",
    namespace: str = TNS,
    **options: Any,
) -> requests.Response:
    """Call an operation; `options` are those of requests.post, and replace the defaults."""
    envelope = (
        '<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body>'
        f'<{operation} xmlns="{namespace}" {XSI}>{body}</{operation}></soap:Body></soap:Envelope>'
    )
    headers = {
        "Content-Type": "text/xml; charset=utf-8",
        "SOAPAction": f'"{namespace.rstrip("/")}/{operation}"',
        "Cookie": f"ASP.NET_SessionId={session}",
        **options.pop("headers", {}),
    }
    options = {"timeout": 5, "allow_redirects": False, **options}
    return requests.post(box.url + path, options.pop("data", envelope.encode()), headers=headers, **options)


def texts(answer: requests.Response, name: str) -> list[str]:
    """The text of each element of that name in the answer."""
    return [node.text or "" for node in etree.fromstring(answer.content).iter(f"{{*}}{name}")]


def credential(box: Sandbox, identity: str = "", **changes: str) -> str:
    """The elements of a Credential."""
    values = {
        "ApplicationId": box.office.application_id,
        "IdentityId": identity,
        "Password": box.office.password,
    }
    values |= {"Username": box.office.username, **changes}
    return "".join(f"<{name}>{text}</{name}>" for name, text in values.items() if text)


def login(box: Sandbox, identity: str | None = None, **changes: str) -> str:
    """The session id that Login answers with, for the company that klarna24 drafts in unless told otherwise."""
    identity = box.office.home.identity_id if identity is None else identity
    body = f"<credential>{credential(box, identity, **changes)}</credential>"
    return texts(soap(box, AUTH, "Login", body), "LoginResult")[0]


def entry(account: int, amount: str, more: str = "", day: str = "2026-11-19T00:00:00", before: str = "") -> str:
    """An Entry; `more` and `before` are elements after its Amount and before its AccountNo."""
    first = f"{before}<AccountNo>{account}</AccountNo><Date>{day}</Date><Amount>{amount}</Amount>"
    return f"<Entry>{first}{more}<Comment>Klarna A1</Comment></Entry>"


def bundles(*entries: str, year: int = 2026, sort: int = 9, option: int = 1, warnings: str = "") -> str:
    """A BundleList with one voucher of these entries."""
    voucher = f"<TransactionNo>0</TransactionNo><Entries>{''.join(entries)}</Entries><Sort>{sort}</Sort>"
    bundle = f"<YearId>{year}</YearId><Vouchers><Voucher>{voucher}</Voucher></Vouchers><Sort>{sort}</Sort>"
    rest = f"<SaveOption>{option}</SaveOption><IgnoreWarnings>{warnings}</IgnoreWarnings>"
    return f"<BundleList><Bundles><Bundle>{bundle}<Name>Klarna A1</Name></Bundle></Bundles>{rest}</BundleList>"


GOOD = (entry(1930, "80.50"), entry(6064, "19.50"), entry(1580, "-100"))


def save(box: Sandbox, session: str, body: str = "", **options: Any) -> requests.Response:
    """Save the bundles, or GOOD."""
    return soap(box, ACCOUNT, "SaveBundleList", body or bundles(*GOOD), session, **options)
