"""The answers that only 24SevenOffice gives under a fault; see klarna24/sandbox/faults.py."""

from collections.abc import Callable

from klarna24.sandbox.faults import HTML, Fault, Replies
from klarna24.sandbox.office import soap
from klarna24.sandbox.office.contract import ACCOUNT
from klarna24.sandbox.office.schema import write
from klarna24.sandbox.reply import Reply


def _with_type(kind: str) -> Callable[[Fault, Reply], Reply]:
    """An answer of SaveBundleList with this Type."""

    def reply(fault: Fault, _: Reply) -> Reply:
        result = {"Type": kind, "Description": fault.args.get("message", "The sandbox was told to answer this.")}
        name = "SaveBundleListResponse"
        return Reply(body=soap.envelope(write(ACCOUNT, name, name, {"SaveBundleListResult": result})))

    return reply


def _soap_fault(code: str, text: str) -> Callable[[Fault, Reply], Reply]:
    return lambda fault, _: Reply(500, soap.fault(code, fault.args.get("message", text)))


def _truncated(_: Fault, real: Reply) -> Reply:
    real.body = real.body[: len(real.body) // 2]
    return real


REPLIES: Replies = {
    "not-saved": _with_type("NotSaved"),
    "exception": _with_type("Exception"),
    "exception-but-saved": _with_type("Exception"),
    "duplicate": _with_type("DuplicateData"),
    "already-saved": _with_type("DataAlreadySaved"),
    "system-error": _with_type("SystemError"),
    "expire-session": lambda _, real: real,
    "truncated": _truncated,
    "html-error": lambda *_: Reply(500, HTML, "text/html"),
    "html-ok": lambda *_: Reply(200, HTML, "text/html"),
    "limit-exceeded": _soap_fault(  # docs/vendors/24sevenoffice.md, "Limits and traps"
        "Server", "Limit exceeded by 1. Request is blocked. Quarantine ends at 2030-01-01 00:00:00"
    ),
    "too-many": lambda *_: Reply(429, headers={"APILimitRemaining": "0", "APILimitReset": "60"}),
    "client-fault": _soap_fault("Client", "The sandbox was told to refuse this request."),
    "server-fault": _soap_fault("Server", "The sandbox was told to fail."),
    "attach-refused": _soap_fault("Client", "The sandbox was told to refuse this request."),
    "attach-error": _soap_fault("Server", "The sandbox was told to fail."),
}
