"""Faults that a test or a person arms: which requests meet them, and what is answered instead."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import RLock
from typing import Any, ClassVar
from urllib.parse import quote_plus

from klarna24.sandbox.reply import Reply

TABLE = """
name                 requests  done  answer
cut                  any       no    none: the connection is closed
cut-before-save      save      no    none: the connection is closed
cut-after-save       save      yes   none: the connection is closed
hang-after-save      save      yes   none, and closed after `seconds` (30)
not-saved            save      no    Type NotSaved
exception            save      no    Type Exception
exception-but-saved  save      yes   Type Exception
duplicate            save      no    Type DuplicateData
already-saved        save      no    Type DataAlreadySaved
system-error         save      no    Type SystemError
expire-session       session   yes   as usual, after all sessions have ended
hang                 soap      no    none, and closed after `seconds` (30)
slow                 soap      yes   as usual, after `seconds` (1)
truncated            soap      yes   half of the usual; Content-Length agrees
html-error           soap      no    500 text/html
html-ok              soap      no    200 text/html
redirect             soap      no    302 to `url`
limit-exceeded       soap      no    a SOAP fault with the documented text
too-many             soap      no    429
client-fault         soap      no    a soap:Client fault
server-fault         soap      no    a soap:Server fault
garbage              soap      no    200 text/xml that is not XML
attach-refused       attach    no    a soap:Client fault
attach-error         attach    no    a soap:Server fault
attach-lost          attach    yes   none: the connection is closed
klarna-429           klarna    no    429 with X-Ratelimit-Reset
klarna-503           klarna    no    503 text/html
klarna-401           klarna    no    401
klarna-garbage       klarna    no    200 that is not JSON
klarna-cut           klarna    no    none: the connection is closed
klarna-redirect      klarna    no    302 to `url`
klarna-slow          klarna    yes   as usual, after `seconds` (1)
klarna-hang          klarna    no    none, and closed after `seconds` (30)
klarna-short-page    list      yes   one row less than `count` says
klarna-endless       list      yes   no rows, yet a next page; stays armed
klarna-foreign-next  list      yes   the next page is on the host `url`
klarna-no-total      list      yes   without `pagination.total`
klarna-wrong-total   list      yes   `total` is three more than there are
klarna-shuffled      list      yes   in another order than before
klarna-moved         list      yes   after one payout has gone, and another come
klarna-odd           list      yes   the first has `value` (null) in `field`
klarna-foreign-row   list      yes   the first says it is of another payout
klarna-repeated      list      yes   the last sale or refund is the first again
klarna-status        klarna    no    the HTTP status `status` (500)
ecb-status           ecb       no    the HTTP status `status` (503)
ecb-html             ecb       no    200 text/html
ecb-garbage          ecb       no    200 text/xml that is not XML
ecb-redirect         ecb       no    302 to `url`
ecb-cut              ecb       no    none: the connection is closed
ecb-hang             ecb       no    none, and closed after `seconds` (30)
ecb-no-day           ecb       yes   without the day `value` (the newest)
ecb-no-currency      ecb       yes   without the currency `value` (SEK)
ecb-odd              ecb       yes   the newest rate of SEK is `value` (0)

requests  save: SaveBundleList; soap: all of 24SevenOffice; session: the same,
          but not Authenticate; attach: the uploads of pages; list: payouts and
          transactions; klarna: these and payout; ecb: the files of rates; any:
          all of these. With `reference`: only requests to Klarna that name
          this payout
done      whether the request is processed although the answer is wrong
"""
HTML = b"<html><head><title>Runtime Error</title></head><body><h1>Server Error</h1></body></html>"
_LINES = [line.split(maxsplit=3) for line in TABLE.partition("\n\n")[0].splitlines()[2:]]
# a vendor's own replies: each takes the fault and the usual reply (an empty one if nothing was processed)
Replies = Mapping[str, "Callable[[Fault, Reply], Reply]"]


@dataclass
class Fault:
    """An armed fault. It lets `after` requests pass, then meets `times` requests; None means all of them."""

    name: str
    times: int | None
    after: int
    operation: str | None
    args: dict[str, Any] = field(default_factory=dict)

    def matches(self, side: str, service: str, operation: str | None, address: str) -> bool:
        """Whether the fault is meant for this request. `side` is "soap", "klarna" or "ecb"."""
        if self.operation not in (None, operation) or quote_plus(self.args.get("reference", "")) not in address:
            return False
        return {
            "any": True,
            "save": operation == "SaveBundleList",
            "session": side == "soap" and service != "Authenticate",
            "attach": service == "Attachment",
            "list": operation in ("payouts", "transactions"),
        }.get(Faults.NAMES[self.name], side == Faults.NAMES[self.name])

    def reply(self, proceed: Callable[[], Reply], replies: Replies) -> Reply:
        """What is answered. `proceed` processes the request and returns the usual reply."""
        real = proceed() if self.args.get("saved", self.name in Faults.PROCESSED) else Reply()
        match self.name.removeprefix("klarna-").removeprefix("ecb-"):
            case "cut" | "cut-before-save" | "cut-after-save" | "attach-lost":
                return Reply(cut=True)
            case "hang" | "hang-after-save":
                return Reply(cut=True, delay=self.args.get("seconds", 30))
            case "slow":
                real.delay = self.args.get("seconds", 1)
                return real
            case "redirect":
                return Reply(302, headers={"Location": self.args.get("url", "/elsewhere")})
            case "garbage":
                return Reply(200, b"<soap:Envelope & this is not XML")
        return replies[self.name](self, real)


class Faults:
    """The armed faults. A request meets the first that matches it, in the order in which they were armed."""

    NAMES: ClassVar[dict[str, str]] = {name: requests for name, requests, *_ in _LINES}
    PROCESSED: ClassVar[set[str]] = {name for name, _, done, _ in _LINES if done == "yes"}
    ARGUMENTS: ClassVar[dict[str, Callable[[Any], Any]]] = {
        "seconds": float,
        "url": str,
        "message": str,  # the text in the answer
        "saved": bool,  # whether the request is processed, whatever the table says
        "reference": str,
        "status": int,
        "field": str,
        "value": lambda value: value,
    }

    def __init__(self, lock: RLock) -> None:
        self._lock = lock
        self.armed: list[Fault] = []

    def arm(
        self, name: str, times: int | None = 1, after: int = 0, operation: str | None = None, **args: Any
    ) -> None:
        """Arm a fault. Raises ValueError for a name, number or argument that does not exist."""
        if name not in self.NAMES:
            raise ValueError(f"unknown fault {name!r}; known are {', '.join(self.NAMES)}")
        if set(args) - set(self.ARGUMENTS):
            raise ValueError(f"unknown argument {sorted(set(args) - set(self.ARGUMENTS))}")
        if (times is not None and times < 1) or after < 0:
            raise ValueError("times must be at least 1, after at least 0")
        values = {key: self.ARGUMENTS[key](value) for key, value in args.items()}
        with self._lock:
            self.armed.append(Fault(name, None if name == "klarna-endless" else times, after, operation, values))

    def clear(self) -> None:
        """Disarm all faults."""
        with self._lock:
            self.armed.clear()

    def take(self, side: str, service: str, operation: str | None, address: str = "") -> Fault | None:
        """The fault that this request meets, if any. One that has met all its requests is disarmed."""
        with self._lock:
            for fault in self.armed:
                if not fault.matches(side, service, operation, address):
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
        """NAME or NAME:TIMES, as on a command line, as name and number. Raises ValueError."""
        name, colon, times = text.partition(":")
        if name not in cls.NAMES or (colon and not (times.isdecimal() and int(times))):
            raise ValueError(f"{text!r} is not NAME[:TIMES]; names are {', '.join(cls.NAMES)}")
        return name, int(times) if colon else 1
