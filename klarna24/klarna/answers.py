"""Klarna's answers, checked against the contract and turned into payouts and transactions.

Here minor units become Decimal, once.
"""

import json
import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from hashlib import sha256
from typing import Any, Generic, TypeVar

from pydantic import ValidationError

from klarna24.bookkeeping.payout import SIGNS, Listed, OddPayout, Payout, Totals, Transaction
from klarna24.klarna.contract import (
    ErrorAnswer,
    Pagination,
    PayoutAnswer,
    PayoutsAnswer,
    TransactionAnswer,
    TransactionsAnswer,
    utc,
)
from klarna24.logs.redaction import server_text
from klarna24.text.clean import clean
from klarna24.text.sentences import Sentence, sentence

# The figures of Totals.named() and what the contract calls them.
FIGURES = {name: f"{name}_amount" for name in ("settlement", *SIGNS)} | {
    f"{name}_debt": f"{name}_debt_balance_amount" for name in ("opening", "closing")
}
T = TypeVar("T")


class Unreadable(Exception):
    """The body is not what the contract describes; ``why`` says where it differs."""

    def __init__(self, why: Sentence) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a list, how many elements Klarna says the whole list has, and whether it names a next page."""

    items: list[T]
    total: int | None
    names_next: bool = False

    def is_last(self, so_far: int, size: int) -> bool:
        """Whether the list ends with this page of at most ``size`` elements, after which so many have been read.
        Where Klarna does not say how many there are, a page that is not full and names no next is the last."""
        if self.total is not None:
            return so_far == self.total
        return len(self.items) < size and not self.names_next


@dataclass(frozen=True, slots=True)
class Row:
    """A transaction, and what identifies it: the payout that it says it belongs to, its capture and its refund."""

    transaction: Transaction
    payment_reference: str | None
    capture_id: str | None
    refund_id: str | None

    @property
    def identity(self) -> tuple[str, str] | None:
        """What no other row has (docs/vendors/klarna.md, "Transaction rows"); None for most types."""
        kind = self.transaction.type
        identifier = {"SALE": self.capture_id, "RETURN": self.refund_id, "REVERSAL": self.refund_id}.get(kind)
        return (kind, identifier) if identifier else None


def parse_payout(body: bytes | str) -> Listed:
    """Return the payout in Klarna's JSON, as far as it can be read. Raises Unreadable if it has no reference."""
    record = _json(body)
    if not isinstance(record, dict) or not _as_reference(record.get("payment_reference")):
        raise Unreadable(
            sentence("the answer is not what the contract says: {detail}", detail="payment_reference")
        )
    return _listed(record)


def parse_payouts(body: bytes | str) -> Page[Listed]:
    """Return a page of the list of payouts. A record that does not follow the contract becomes an OddPayout, so
    that it does not block the others. Raises Unreadable."""
    try:
        page = PayoutsAnswer.model_validate_json(body)
    except ValidationError as error:
        answer = _json(body)
        if not isinstance(answer, dict) or not isinstance(answer.get("payouts"), list):
            raise _unreadable(error) from None
        return _page([_listed(record) for record in answer["payouts"]], _pagination(answer))
    return _page([_payout(answer) for answer in page.payouts], page.pagination)


def parse_transactions(body: bytes | str) -> Page[Row]:
    """Return a page of the list of transactions. Raises Unreadable."""
    try:
        page = TransactionsAnswer.model_validate_json(body)
    except ValidationError as error:
        raise _unreadable(error) from None
    return _page([_row(answer) for answer in page.transactions], page.pagination)


def error_text(body: bytes) -> str:
    """Return what Klarna says of an error, beginning with ``: ``, with the correlation id that Klarna's support
    asks for (docs/vendors/klarna.md, "Authentication, limits, errors"); an empty text if the body says nothing."""
    try:
        error = ErrorAnswer.model_validate_json(body)
    except ValidationError:
        return ""
    text = server_text("; ".join(filter(None, [error.error_code, *error.error_messages])), 300)
    correlation = f" [correlation id {server_text(error.correlation_id, 60)}]" if error.correlation_id else ""
    return f": {text}{correlation}" if text else correlation


@lru_cache(2**12)
def _minor_to_decimal(minor: int) -> Decimal:
    return Decimal(minor).scaleb(-2)


def _page(items: list[T], pagination: Pagination | None) -> Page[T]:
    return Page(items, pagination.total, bool(pagination.next)) if pagination else Page(items, None)


def _pagination(answer: dict[str, Any]) -> Pagination | None:
    """The pagination of an answer in which something is odd; None if it cannot be read."""
    try:
        return Pagination.model_validate(answer.get("pagination"))
    except ValidationError:
        return None


def _unreadable(error: ValidationError) -> Unreadable:
    if error.errors(include_url=False, include_input=False)[0]["type"] == "json_invalid":
        return Unreadable(sentence("the answer is not JSON"))
    return Unreadable(sentence("the answer is not what the contract says: {detail}", detail=_difference(error)))


def _difference(error: ValidationError) -> str:
    """Return the first place that differs from the contract, and how."""
    first = error.errors(include_url=False, include_input=False)[0]
    return clean(": ".join(filter(None, [".".join(map(str, first["loc"])), first["msg"]])))


def _json(body: bytes | str) -> Any:
    """Read JSON more leniently than pydantic: a wrong byte in one record becomes a surrogate, an endless number
    infinite, which no model accepts, and the others stay readable."""
    text = body if isinstance(body, str) else body.decode(errors="surrogateescape")
    try:
        return json.loads(text, parse_int=lambda digits: int(digits) if len(digits) < 40 else float("inf"))
    except (ValueError, RecursionError):
        raise Unreadable(sentence("the answer is not JSON")) from None


def _listed(record: Any) -> Listed:
    """The record as a payout, or what can be read of it."""
    try:
        return _payout(PayoutAnswer.model_validate(record))
    except ValidationError as error:
        why = _difference(error)
    fields = record if isinstance(record, dict) else {}
    totals = fields.get("totals")
    figures: dict[str, Any] = totals if isinstance(totals, dict) else {}
    return OddPayout(
        payment_reference=_as_reference(fields.get("payment_reference")) or f"unknown-{_digest(record)}",
        payout_date=_as_moment(fields.get("payout_date")),
        currency=code if re.fullmatch("[A-Z]{3}", code := _as_text(fields.get("currency_code"))) else "",
        merchant_id=_as_text(fields.get("merchant_id")),
        figures={
            name: _minor_to_decimal(minor)
            for name, key in FIGURES.items()
            if type(minor := figures.get(key)) is int and minor and -(2**63) <= minor < 2**63
        },
        why=why,
    )


def _as_text(value: object) -> str:  # empty for all else, because a guess could be another merchant or currency
    return clean(value) if isinstance(value, str) else ""


def _as_reference(value: object) -> str:  # a text or a whole number: what a person would type
    return str(value) if type(value) is int else _as_text(value)


def _as_moment(value: object) -> datetime | None:
    with suppress(ValueError):
        return moment if isinstance(moment := utc(value), datetime) else None
    return None


def _digest(record: Any) -> str:
    """Return a name for a record without a reference, the same as long as the record is the same."""
    text = "nested too deeply"
    with suppress(RecursionError):
        text = json.dumps(record, sort_keys=True)
    return sha256(text.encode()).hexdigest()[:12]


def _payout(answer: PayoutAnswer) -> Payout:
    totals = answer.totals
    return Payout(
        payment_reference=answer.payment_reference,
        payout_date=answer.payout_date,
        currency=answer.currency_code,
        settlement_type=answer.merchant_settlement_type,
        merchant_id=answer.merchant_id,
        registration_currency=answer.currency_code_of_registration_country or None,
        totals=Totals(
            settlement=_minor_to_decimal(totals.settlement_amount),
            amounts={total: _minor_to_decimal(getattr(totals, f"{total}_amount") or 0) for total in SIGNS},
            opening_debt=_minor_to_decimal(totals.opening_debt_balance_amount or 0),
            closing_debt=_minor_to_decimal(totals.closing_debt_balance_amount or 0),
        ),
    )


def _row(answer: TransactionAnswer) -> Row:
    ids = answer.payment_reference, answer.capture_id, answer.refund_id
    return Row(_transaction(answer), *(one or None for one in ids))


def _transaction(answer: TransactionAnswer) -> Transaction:
    return Transaction(
        type=answer.type,
        amount=_minor_to_decimal(answer.amount),
        currency=answer.currency_code,
        detailed_type=answer.detailed_type or None,
        order_id=answer.order_id or None,
        short_order_id=answer.short_order_id or None,
        merchant_reference1=answer.merchant_reference1 or None,
        merchant_reference2=answer.merchant_reference2 or None,
        vat_amount=_minor_or_none(answer.vat_amount),
        vat_rate=_minor_or_none(answer.vat_rate),  # hundredths of a per cent
        registration_tax=_minor_or_none(answer.tax_in_currency_of_registration_country),
        registration_currency=answer.currency_code_of_registration_country or None,
        klarna_comment=answer.klarna_comment or None,
    )


def _minor_or_none(minor: int | None) -> Decimal | None:
    return None if minor is None else _minor_to_decimal(minor)
