"""Things that go wrong on purpose.

For SOAP. Second column: "save" only SaveBundleList; "soap" any operation; "work" any but Authenticate's.
`operation=` narrows a fault to one operation. Answers in the third column stand in place of the real one.

    name                on    what happens
    cut-before-save     save  read, not saved, connection closed without an answer
    cut-after-save      save  saved, connection closed without an answer
    hang-after-save     save  saved, no answer for `seconds` (30), then closed
    not-saved           save  Type NotSaved; nothing is saved
    exception           save  Type Exception; nothing is saved
    exception-but-saved save  Type Exception; saved all the same
    duplicate           save  Type DuplicateData; nothing is saved
    already-saved       save  Type DataAlreadySaved; nothing is saved
    system-error        save  Type SystemError; nothing is saved
    expire-session      work  all sessions end, then the request is answered
    hang                soap  not processed, no answer for `seconds` (30), then closed
    slow                soap  answered after `seconds` (1)
    html-error          soap  500 text/html
    html-ok             soap  200 text/html
    redirect            soap  302 to `url`
    limit-exceeded      soap  a fault with the documented message
    too-many            soap  429
    client-fault        soap  a soap:Client fault
    server-fault        soap  a soap:Server fault
    garbage             soap  200 text/xml that is not XML
    truncated           soap  processed; the answer ends in the middle of the XML, Content-Length agrees

For Klarna (operations: payouts, payout, transactions):

    klarna-429          any   429 with X-Ratelimit-Reset
    klarna-503          any   503, not JSON
    klarna-401          any   401
    klarna-garbage      any   200, not JSON
    klarna-cut          any   connection closed without an answer
    klarna-redirect     any   302 to `url`
    klarna-slow         any   answered after `seconds` (1)
    klarna-hang         any   no answer for `seconds` (30), then closed
    klarna-short-page   lists one row less than count says
    klarna-endless      lists count 0 and a next page before total is reached; `times` is ignored, it stays
    klarna-foreign-next lists `next` is on the host `url`

For both: `cut` closes the connection of any request (that matches `operation`) before it is processed.

Arguments: seconds, url, message (the text in the answer), saved (True: process the request, then answer so).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import RLock
from typing import Any, ClassVar

SAVE = "SaveBundleList"


@dataclass
class Fault:
    """An armed fault. `times` None: for ever. `after`: matching requests to let pass first."""

    name: str
    times: int | None
    after: int
    operation: str | None
    args: dict[str, Any] = field(default_factory=dict)

    @property
    def saved(self) -> bool:
        """Whether the request is processed before the answer is spoiled."""
        always = {"cut-after-save", "hang-after-save", "exception-but-saved", "truncated", "slow"}
        return bool(self.args.get("saved", self.name in always))

    def matches(self, side: str, service: str, operation: str | None) -> bool:
        """side: "soap" or "klarna"."""
        if self.operation is not None and self.operation != operation:
            return False
        where = Faults.NAMES[self.name]
        if where == "both":
            return True
        if where == "save":
            return operation == SAVE
        if where == "work":
            return side == "soap" and service != "Authenticate"
        if where == "list":
            return side == "klarna" and operation in ("payouts", "transactions")
        return side == where


class Faults:
    """The armed faults, in the order in which they were armed: the first that matches fires."""

    NAMES: ClassVar[dict[str, str]] = {  # name → where it fires, see the table above
        **dict.fromkeys(("cut-before-save", "cut-after-save", "hang-after-save"), "save"),
        **dict.fromkeys(("not-saved", "exception", "exception-but-saved"), "save"),
        **dict.fromkeys(("duplicate", "already-saved", "system-error"), "save"),
        "expire-session": "work",
        **dict.fromkeys(("hang", "slow", "html-error", "html-ok", "redirect", "limit-exceeded"), "soap"),
        **dict.fromkeys(("too-many", "client-fault", "server-fault", "garbage", "truncated"), "soap"),
        **dict.fromkeys(("klarna-429", "klarna-503", "klarna-401", "klarna-garbage"), "klarna"),
        **dict.fromkeys(("klarna-cut", "klarna-redirect", "klarna-slow", "klarna-hang"), "klarna"),
        **dict.fromkeys(("klarna-short-page", "klarna-endless", "klarna-foreign-next"), "list"),
        "cut": "both",
    }
    ARGUMENTS: ClassVar[dict[str, Callable[[Any], Any]]] = {
        "seconds": float,
        "url": str,
        "message": str,
        "saved": bool,
    }

    def __init__(self, lock: RLock) -> None:
        self._lock = lock
        self.armed: list[Fault] = []
        self.not_authenticated_as = "fault"  # or "type": SaveBundleList then answers Type NotAuthenticated

    def arm(
        self, name: str, times: int | None = 1, after: int = 0, operation: str | None = None, **args: Any
    ) -> None:
        """Arms a fault. Raises ValueError for a name, number or argument that does not exist."""
        if name not in self.NAMES:
            raise ValueError(f"unknown fault {name!r}; known are {', '.join(self.NAMES)}")
        if set(args) - set(self.ARGUMENTS):
            raise ValueError(f"unknown argument {sorted(set(args) - set(self.ARGUMENTS))}")
        if (times is not None and times < 1) or after < 0:
            raise ValueError("times must be at least 1, after at least 0")
        values = {key: self.ARGUMENTS[key](value) for key, value in args.items()}
        forever = name == "klarna-endless"
        with self._lock:
            self.armed.append(Fault(name, None if forever else times, after, operation, values))

    def clear(self) -> None:
        """Nothing goes wrong any more."""
        with self._lock:
            self.armed.clear()

    def take(self, side: str, service: str, operation: str | None) -> Fault | None:
        """The fault that this request meets, if any; uses it up."""
        with self._lock:
            for fault in self.armed:
                if not fault.matches(side, service, operation):
                    continue
                if fault.after:
                    fault.after -= 1
                    continue
                if fault.times is not None:
                    fault.times -= 1
                    if not fault.times:
                        self.armed.remove(fault)
                return fault
        return None

    @classmethod
    def parse(cls, text: str) -> tuple[str, int]:
        """NAME or NAME:TIMES, as on a command line. Raises ValueError."""
        name, colon, times = text.partition(":")
        if name not in cls.NAMES or (colon and not (times.isdecimal() and int(times))):
            raise ValueError(f"{text!r} is not NAME[:TIMES]; names are {', '.join(cls.NAMES)}")
        return name, int(times) if colon else 1
