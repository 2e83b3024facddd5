"""Klarna's Settlements API: payouts and their rows, read only. Amounts are integers in minor units."""

import base64
import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode

from klarna24.sandbox.reply import Incoming, Reply
from klarna24.sandbox.spoil import error

PREFIX = "/settlements/v1"
MAX_SIZE = 500
DEFAULT_SIZE = 20
_PARAMETERS = {
    "payouts": {"start_date", "end_date", "currency_code", "size", "offset"},
    "transactions": {"payment_reference", "order_id", "size", "offset"},
    "payout": set[str](),
}


class KlarnaWorld:
    """One merchant's payouts. `payouts` is in the order of adding, not by date (undocumented)."""

    def __init__(self) -> None:
        self.username = "K100198_5a9db0c0ffee"
        self.password = "sandbox-klarna-password"  # noqa: S105 - opens nothing but the sandbox
        self.payouts: list[dict[str, Any]] = []
        self.transactions: dict[str, list[dict[str, Any]]] = {}

    def add(self, payout: dict[str, Any], rows: list[dict[str, Any]] | None = None) -> None:
        """A payout and its rows. Rows of a second payout with the same reference are added to the first's."""
        self.payouts.append(payout)
        self.transactions.setdefault(payout["payment_reference"], []).extend(rows or [])


class _BadRequest(Exception):
    pass


def operation_of(path: str) -> str | None:
    """The name by which faults and counts know the path."""
    parts = path.removeprefix(PREFIX + "/").split("/") if path.startswith(PREFIX + "/") else []
    if parts in (["payouts"], ["transactions"]):
        return parts[0]
    return "payout" if len(parts) == 2 and parts[0] == "payouts" and parts[1] else None


def answer(world: KlarnaWorld, incoming: Incoming, base: str) -> Reply:
    """The answer to one request. `base` is scheme and host, for the links in it."""
    operation = operation_of(incoming.path)
    if operation is None:
        return error(404, "NOT_FOUND", "There is nothing at this address.")
    if incoming.method != "GET":
        return error(405, "METHOD_NOT_ALLOWED", "Only GET is allowed.", {"Allow": "GET"})
    expected = base64.b64encode(f"{world.username}:{world.password}".encode()).decode()
    if incoming.headers.get("Authorization") != f"Basic {expected}":
        return error(401, "UNAUTHORIZED", "The credentials were refused.")
    try:
        parameters = _parameters(operation, incoming.query)
        if operation == "payout":
            return _payout(world, unquote(incoming.path.rpartition("/")[2]), base)
        rows = _payouts(world, parameters) if operation == "payouts" else _transactions(world, parameters)
        return _page(operation, rows, parameters, base)
    except _BadRequest as refused:
        return error(400, "BAD_VALUE", str(refused))


def _parameters(operation: str, query: str) -> dict[str, str]:
    """The query as a dict. What is unknown or given twice is refused: what it does is undocumented."""
    pairs = parse_qsl(query, keep_blank_values=True)
    parameters = dict(pairs)
    if len(parameters) != len(pairs) or set(parameters) - _PARAMETERS[operation]:
        raise _BadRequest("unknown or repeated parameter")
    return parameters


def _moment(text: str) -> datetime:
    """A date without a time means its first second, for both bounds (fact)."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise _BadRequest(f"{text!r} is not an ISO 8601 date") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _payouts(world: KlarnaWorld, parameters: dict[str, str]) -> list[dict[str, Any]]:
    start = _moment(parameters.get("start_date", "0001-01-01"))
    end = _moment(parameters.get("end_date", "9999-12-31"))
    currency = parameters.get("currency_code")
    return [
        payout
        for payout in world.payouts
        if start <= _moment(payout["payout_date"]) <= end and currency in (None, payout["currency_code"])
    ]


def _transactions(world: KlarnaWorld, parameters: dict[str, str]) -> list[dict[str, Any]]:
    reference, order = parameters.get("payment_reference"), parameters.get("order_id")
    lists = world.transactions.values() if reference is None else [world.transactions.get(reference, [])]
    return [row for rows in lists for row in rows if order in (None, row.get("order_id"))]


def _payout(world: KlarnaWorld, reference: str, base: str) -> Reply:
    for payout in world.payouts:
        if payout["payment_reference"] == reference:
            return _json(_linked(payout, base))
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
    """A payout with the address of its rows, a row with that of its payout."""
    reference = item.get("payment_reference", "")
    if "totals" in item:
        query = urlencode({"payment_reference": reference})
        return {**item, "transactions": f"{base}{PREFIX}/transactions?{query}"}
    return {**item, "payout": f"{base}{PREFIX}/payouts/{reference}"} if reference else item


def _json(value: object) -> Reply:
    return Reply(200, json.dumps(value).encode(), "application/json")
