"""What an armed fault does to an answer: the second half of faults.py."""

import json
from collections.abc import Callable
from typing import Any

from klarna24.sandbox.faults import Fault
from klarna24.sandbox.office import soap
from klarna24.sandbox.office.contract import ACCOUNT
from klarna24.sandbox.office.schema import write
from klarna24.sandbox.reply import Reply

HTML = b"<html><head><title>Runtime Error</title></head><body><h1>Server Error</h1></body></html>"
LIMIT = "Limit exceeded by 1. Request is blocked. Quarantine ends at 2030-01-01 00:00:00"
_TYPES = {
    "not-saved": "NotSaved",
    "exception": "Exception",
    "exception-but-saved": "Exception",
    "duplicate": "DuplicateData",
    "already-saved": "DataAlreadySaved",
    "system-error": "SystemError",
}
_SOAP_FAULTS = {
    "limit-exceeded": ("Server", LIMIT),
    "client-fault": ("Client", "The sandbox was told to refuse this request."),
    "server-fault": ("Server", "The sandbox was told to fail."),
}


def save_answer(kind: str, description: str | None = None) -> Reply:
    """A SaveBundleList answer of the type."""
    result = {"SaveBundleListResult": {"Type": kind, "Description": description}}
    return Reply(body=soap.envelope(write(ACCOUNT, "SaveBundleListResponse", "SaveBundleListResponse", result)))


def spoil(fault: Fault, proceed: Callable[[], Reply], expire: Callable[[], None]) -> Reply:
    """The answer under a fault. `proceed` processes the request and makes the real one."""
    if fault.name == "expire-session":
        expire()
        return proceed()
    name = fault.name.removeprefix("klarna-")
    if name in ("short-page", "endless", "foreign-next"):
        return _spoil_list(name, fault, proceed())
    real = proceed() if fault.saved or name == "slow" else Reply()
    seconds = fault.args.get("seconds")
    if name in ("cut", "cut-before-save", "cut-after-save"):
        return Reply(cut=True)
    if name in ("hang", "hang-after-save"):
        return Reply(cut=True, delay=30 if seconds is None else seconds)
    if name == "slow":
        real.delay = 1 if seconds is None else seconds
        return real
    if name == "truncated":
        real.body = real.body[: len(real.body) // 2]
        return real
    if name in _TYPES:
        return save_answer(_TYPES[name], fault.args.get("message", "The sandbox was told to answer this."))
    return _answer(name, fault)


def _answer(name: str, fault: Fault) -> Reply:
    """The answers that look at nothing but the fault."""
    if name in _SOAP_FAULTS:
        code, text = _SOAP_FAULTS[name]
        return Reply(500, soap.fault(code, fault.args.get("message", text)))
    return {
        "html-error": Reply(500, HTML, "text/html"),
        "html-ok": Reply(200, HTML, "text/html"),
        "redirect": Reply(302, headers={"Location": fault.args.get("url", "/elsewhere")}),
        "too-many": Reply(429, headers={"APILimitRemaining": "0", "APILimitReset": "60"}),
        "garbage": Reply(200, b"<soap:Envelope & this is not XML"),
        "429": error(429, "RATE_LIMITED", "Too many requests.", {"X-Ratelimit-Reset": "1"}),
        "503": Reply(503, HTML, "text/html"),
        "401": error(401, "UNAUTHORIZED", "The credentials were refused."),
    }[name]


def _spoil_list(name: str, fault: Fault, real: Reply) -> Reply:
    if real.status != 200:
        return real
    page: dict[str, Any] = json.loads(real.body)
    rows, pagination = page["payouts" if "payouts" in page else "transactions"], page["pagination"]
    if name == "short-page":
        del rows[-1:]
    elif name == "endless":
        rows.clear()
        pagination |= {"count": 0, "total": pagination["total"] + pagination["offset"] + 1}
        # a next page is promised for ever; where the real answer has none, its own address without a host
        pagination.setdefault("next", f"?offset={pagination['offset']}")
    elif "next" in pagination:
        pagination["next"] = fault.args.get("url", "http://127.0.0.2:9") + "/settlements/v1/payouts?offset=20"
    real.body = json.dumps(page).encode()
    return real


def error(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> Reply:
    """Klarna's error body."""
    body = {
        "error_code": code,
        "error_messages": [message],
        "correlation_id": "2f6a1c90-0000-4000-8000-5a9db0c0ffee",
    }
    return Reply(status, json.dumps(body).encode(), "application/json", headers or {})
