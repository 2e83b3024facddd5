"""Klarna for the tests of its client: payouts in the sandbox, clients of it, and answers changed on their way."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs
from zoneinfo import ZoneInfo

import pytest

from klarna24.bookkeeping.payout import Listed, PayoutKey
from klarna24.config.tables import Klarna
from klarna24.klarna.client import KlarnaClient
from klarna24.sandbox.klarna.generate import make_payout
from klarna24.sandbox.reply import Incoming, Reply
from klarna24.sandbox.server import Sandbox
from tests.support.bookkeeping import Json

STOCKHOLM = ZoneInfo("Europe/Stockholm")
DAY = date(2026, 11, 19)
NOON = datetime(2026, 11, 19, 12, tzinfo=UTC)
MERCHANT = "N100198"
XISA93DJ = PayoutKey(MERCHANT, "XISA93DJ", "SEK")
PASSWORD = "hemligt-åäö:€"

OpenBox = Callable[..., Sandbox]


def a_payout(reference: str, when: datetime | str = NOON, **totals: Any) -> Json:
    return make_payout(reference, when, **(totals or {"sale_amount": 100000}))


def some_payouts(count: int) -> list[Json]:
    return [a_payout(f"REF{number:02}") for number in range(count)]


def settings(url: str | None, **over: Any) -> Klarna:
    raw = {"username": "K100198_5a9db0c0ffee", "password": {"env": "X"}, "base_url": url, **over}
    return Klarna.model_validate({key: value for key, value in raw.items() if value is not None})


def client(at: Sandbox | str | None, password: str = PASSWORD, **over: Any) -> KlarnaClient:
    return KlarnaClient(settings(at.url if isinstance(at, Sandbox) else at, **over), password)


def payouts(at: Sandbox | str | None, **over: Any) -> list[Listed]:
    """Return what was paid in the week of :data:`DAY`."""
    return client(at, **over).payouts(DAY - timedelta(days=7), DAY, STOCKHOLM)


def references(at: Sandbox | str, **over: Any) -> list[str]:
    return [payout.payment_reference for payout in payouts(at, **over)]


def queries(box: Sandbox, operation: str = "payouts") -> list[dict[str, str]]:
    return [
        {name: values[0] for name, values in parse_qs(request.query).items()}
        for request in box.requests
        if request.operation == operation
    ]


def hook(box: Sandbox, monkeypatch: pytest.MonkeyPatch, after: Callable[[Incoming, Reply], object]) -> None:
    """Call ``after`` with every request and its answer, before the answer is sent."""
    handle = box.handle

    def hooked(incoming: Incoming) -> Reply:
        answer = handle(incoming)
        after(incoming, answer)
        return answer

    monkeypatch.setattr(box, "handle", hooked)


def answer_with(box: Sandbox, monkeypatch: pytest.MonkeyPatch, **fields: Any) -> None:
    """Give every answer this ``status`` or ``body``."""

    def after(incoming: Incoming, answer: Reply) -> None:
        for name, value in fields.items():
            setattr(answer, name, value)

    hook(box, monkeypatch, after)


def tamper(box: Sandbox, monkeypatch: pytest.MonkeyPatch, change: Callable[[Any], object]) -> None:
    """Change the JSON of every answer in place."""

    def after(incoming: Incoming, answer: Reply) -> None:
        page = json.loads(answer.body)
        change(page)
        answer.body = json.dumps(page).encode()

    hook(box, monkeypatch, after)
