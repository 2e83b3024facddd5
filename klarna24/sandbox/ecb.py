"""The European Central Bank's two files of rates, and the answers that only it gives under a fault.

What is in the files: docs/vendors/ecb.md, "The files". The rates are made up, and near those of 2026; there are
rates from Monday to Friday, until the sandbox's day. That there are no other holidays is the sandbox's choice.
"""

import re
from datetime import date, timedelta

from klarna24.sandbox.faults import HTML, Fault, Replies
from klarna24.sandbox.reply import Incoming, Reply

PREFIX = "/stats/eurofxref/"
_FILES = {"eurofxref-hist-90d": 90, "eurofxref-hist": 3 * 365}  # days before the newest
_AROUND = {
    "USD": "1.1610",
    "JPY": "180.30",
    "CZK": "24.180",
    "DKK": "7.4690",
    "GBP": "0.8790",
    "HUF": "381.90",
    "PLN": "4.2310",
    "SEK": "11.0250",
    "CHF": "0.9340",
    "NOK": "11.7850",
    "AUD": "1.7820",
    "CAD": "1.6270",
}
_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<gesmes:Envelope xmlns:gesmes="http://www.gesmes.org/xml/2002-08-01" '
    'xmlns="http://www.ecb.int/vocabulary/2002-08-01/eurofxref"><gesmes:subject>Reference rates</gesmes:subject>'
    "<gesmes:Sender><gesmes:name>European Central Bank</gesmes:name></gesmes:Sender>\n<Cube>\n"
)


class EcbState:
    """What is published: by day, what one euro is worth in each currency. A test may change it."""

    def __init__(self, today: date) -> None:
        days = (today - timedelta(days=back) for back in range(max(_FILES.values())))
        self.days: dict[date, dict[str, str]] = {day: _rates(day) for day in days if day.weekday() < 5}

    def rate(self, day: date, currency: str) -> str:
        """What one euro is worth on the day, as text."""
        return self.days[day][currency]


def _rates(day: date) -> dict[str, str]:
    """The rates of a day: within one per cent of their usual size, with as many decimals."""
    moved = 1 + (day.toordinal() * 7919 % 201 - 100) / 10_000
    return {code: f"{float(usual) * moved:.{len(usual.split('.')[1])}f}" for code, usual in _AROUND.items()}


def operation_of(path: str) -> str | None:
    """The name of the file at the path, without .xml."""
    name = path.removeprefix(PREFIX).removesuffix(".xml")
    return name if path == f"{PREFIX}{name}.xml" and name in _FILES else None


def answer(state: EcbState, incoming: Incoming) -> Reply:
    """The file at the path, newest day first."""
    name = operation_of(incoming.path)
    if name is None or incoming.method != "GET":
        return Reply(404 if name is None else 405, HTML, "text/html")
    newest = max(state.days)
    days = (day for day in sorted(state.days, reverse=True) if (newest - day).days < _FILES[name])
    cubes = "\n".join(_cube(day, state.days[day]) for day in days)
    return Reply(200, f"{_HEAD}{cubes}\n</Cube>\n</gesmes:Envelope>\n".encode(), "text/xml")


def _cube(day: date, rates: dict[str, str]) -> str:
    inner = "".join(f'<Cube currency="{code}" rate="{rate}"/>' for code, rate in rates.items())
    return f'<Cube time="{day}">{inner}</Cube>'


def _changed(fault: Fault, real: Reply) -> Reply:
    value, text = fault.args.get("value"), real.body.decode()
    match fault.name:
        case "ecb-no-day":
            text = re.sub(rf'<Cube time="{value or "[^>]*"}">.*?</Cube>', "", text, count=1)
        case "ecb-no-currency":
            text = re.sub(rf'<Cube currency="{value or "SEK"}" rate="[^"]*"/>', "", text)
        case "ecb-odd":
            rate = "0" if value is None else value
            text = re.sub(r'(currency="SEK" rate=")[^"]*', rf"\g<1>{rate}", text, count=1)
    real.body = text.encode()
    return real


REPLIES: Replies = {
    "ecb-status": lambda fault, _: Reply(fault.args.get("status", 503), HTML, "text/html"),
    "ecb-html": lambda *_: Reply(200, HTML, "text/html"),
    **dict.fromkeys(("ecb-no-day", "ecb-no-currency", "ecb-odd"), _changed),
}
