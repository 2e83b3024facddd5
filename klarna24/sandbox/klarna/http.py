"""Klarna's Settlements API over HTTP: payouts and their rows, read only. Amounts are integers in minor units.

How pages, dates and errors look: docs/vendors/klarna.md, "Collections" and "Authentication, limits, errors".
That unknown parameters are refused, and in which order payouts and rows are listed, is the sandbox's choice.
"""

import base64
import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode

from klarna24.sandbox.klarna.reports import csv_report, pdf_report
from klarna24.sandbox.klarna.state import KlarnaState
from klarna24.sandbox.reply import Incoming, Reply

PREFIX = "/settlements/v1"
MAX_SIZE = 500
DEFAULT_SIZE = 20
_PARAMETERS = {
    "payouts": {"start_date", "end_date", "currency_code", "size", "offset"},
    "transactions": {"payment_reference", "order_id", "size", "offset"},
    "payout": set[str](),
    "report": {"payment_reference"},
    "csv-report": {"payment_reference"},
}
_REPORTS = {"payout": "report", "payout-with-transactions": "csv-report"}


class _BadRequest(Exception):
    pass


def operation_of(path: str) -> str | None:
    """The operation at the path: payouts, payout, transactions, report or csv-report."""
    parts = path.removeprefix(PREFIX + "/").split("/") if path.startswith(PREFIX + "/") else []
    if parts in (["payouts"], ["transactions"]):
        return parts[0]
    if len(parts) == 2 and parts[0] == "reports":
        return _REPORTS.get(parts[1])
    return "payout" if len(parts) == 2 and parts[0] == "payouts" and parts[1] else None


def answer(state: KlarnaState, incoming: Incoming, base: str) -> Reply:
    """The answer to one request. `base` is the scheme and host of the links in it."""
    operation = operation_of(incoming.path)
    if operation is None:
        return error(404, "NOT_FOUND", "There is nothing at this address.")
    if incoming.method != "GET":
        return error(405, "METHOD_NOT_ALLOWED", "Only GET is allowed.", {"Allow": "GET"})
    expected = base64.b64encode(f"{state.username}:{state.password}".encode()).decode()
    if incoming.headers.get("Authorization") != f"Basic {expected}":
        return error(401, "UNAUTHORIZED", "The credentials were refused.")
    try:
        parameters = _parameters(operation, incoming.query)
        if operation == "payout":
            return _payout(state, unquote(incoming.path.rpartition("/")[2]), base)
        if operation in _REPORTS.values():
            return _report(state, operation, parameters)
        rows = _payouts(state, parameters) if operation == "payouts" else _transactions(state, parameters)
        return _page(operation, rows, parameters, base)
    except _BadRequest as refused:
        return error(400, "BAD_VALUE", str(refused))


def _parameters(operation: str, query: str) -> dict[str, str]:
    """The query as a dict. An unknown or repeated parameter is refused: what it would do is undocumented."""
    pairs = parse_qsl(query, keep_blank_values=True)
    parameters = dict(pairs)
    if len(parameters) != len(pairs) or set(parameters) - _PARAMETERS[operation]:
        raise _BadRequest("unknown or repeated parameter")
    return parameters


def _moment(text: str) -> datetime:
    """A date without a time means 00:00:00Z, for both bounds."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise _BadRequest(f"{text!r} is not an ISO 8601 date") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _is_between(payout_date: object, start: datetime, end: datetime) -> bool:
    """A record whose date cannot be read is in every window: the sandbox's own choice."""
    try:
        return start <= _moment(str(payout_date)) <= end
    except _BadRequest:
        return True


def _payouts(state: KlarnaState, parameters: dict[str, str]) -> list[dict[str, Any]]:
    start = _moment(parameters.get("start_date", "0001-01-01"))
    end = _moment(parameters.get("end_date", "9999-12-31"))
    currency = parameters.get("currency_code")
    return [
        payout
        for payout in state.payouts
        if _is_between(payout["payout_date"], start, end) and currency in (None, payout["currency_code"])
    ]


def _transactions(state: KlarnaState, parameters: dict[str, str]) -> list[dict[str, Any]]:
    reference, order = parameters.get("payment_reference"), parameters.get("order_id")
    lists = state.transactions.values() if reference is None else [state.transactions.get(reference, [])]
    return [row for rows in lists for row in rows if order in (None, row.get("order_id"))]


def _payout(state: KlarnaState, reference: str, base: str) -> Reply:
    for payout in state.payouts:
        if payout["payment_reference"] == reference:
            return _json(_linked(payout, base))
    return error(404, "NOT_FOUND", "There is no payout with this reference.")


def _report(state: KlarnaState, operation: str, parameters: dict[str, str]) -> Reply:
    reference = parameters.get("payment_reference")
    if reference is None:
        raise _BadRequest("payment_reference is missing")
    for payout in state.payouts:
        if payout["payment_reference"] == reference:
            if operation == "report":
                return Reply(200, pdf_report(payout), "application/pdf")
            return Reply(200, csv_report(payout, state.transactions.get(reference, [])), "text/csv; charset=utf-8")
    return error(404, "NOT_FOUND", "There is no payout with this reference.")


def _page(operation: str, rows: list[dict[str, Any]], parameters: dict[str, str], base: str) -> Reply:
    size = _number(parameters, "size", DEFAULT_SIZE, 1, MAX_SIZE)
    offset = _number(parameters, "offset", 0, 0, 2**63 - 1)
    page = rows[offset : offset + size]
    pagination: dict[str, Any] = {"count": len(page), "total": len(rows), "offset": offset}

    def link(start: int) -> str:
        again = urlencode({**parameters, "size": size, "offset": start})
        return f"{base}{PREFIX}/{operation}?{again}"

    if offset + size < len(rows):
        pagination["next"] = link(offset + size)
    if offset:
        pagination["prev"] = link(max(0, offset - size))
    return _json({operation: [_linked(row, base) for row in page], "pagination": pagination})


def _number(parameters: dict[str, str], name: str, default: int, low: int, high: int) -> int:
    text = parameters.get(name, str(default))
    if not (text.isdecimal() and low <= int(text) <= high):
        raise _BadRequest(f"{name} must be a number from {low} to {high}")
    return int(text)


def _linked(item: dict[str, Any], base: str) -> dict[str, Any]:
    """The item with its link: a payout with that of its rows, a row with that of its payout."""
    reference = item.get("payment_reference", "")
    if "totals" in item:
        query = urlencode({"payment_reference": reference})
        return {**item, "transactions": f"{base}{PREFIX}/transactions?{query}"}
    return {**item, "payout": f"{base}{PREFIX}/payouts/{reference}"} if reference else item


def _json(value: object) -> Reply:
    return Reply(200, json.dumps(value).encode(), "application/json")


def error(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> Reply:
    """A reply with Klarna's error body."""
    correlation = "2f6a1c90-0000-4000-8000-5a9db0c0ffee"
    body = {"error_code": code, "error_messages": [message], "correlation_id": correlation}
    return Reply(status, json.dumps(body).encode(), "application/json", headers or {})
