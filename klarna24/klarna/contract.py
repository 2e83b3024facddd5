"""Klarna's answers as its contract has them: components.schemas of the Settlements OpenAPI document 1.0.0-rc2.
Unknown fields are ignored, and text loses its control characters."""

from datetime import UTC, date, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from klarna24.text.clean import clean

FIRST_DAY = date(2005, 1, 1)  # Klarna's first year
LAST_DAY = date(9999, 12, 30)  # the last day that can be moved into any time zone


def _not_empty(value: str) -> str:
    if not (text := clean(value)):
        raise ValueError("is empty")
    return text


def utc(value: object) -> object:
    """Read an ISO 8601 date-time; without an offset it is in UTC (docs/vendors/klarna.md, "Collections")."""
    if not isinstance(value, str):
        return value
    try:
        moment = datetime.fromisoformat(value)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("not a date and time") from None
    if not FIRST_DAY < moment.date() < LAST_DAY:
        raise ValueError("not a date that a payout can have")
    return moment


Text = Annotated[str, AfterValidator(clean)]
Name = Annotated[str, AfterValidator(_not_empty)]
Minor = Annotated[int, Field(ge=-(2**63), lt=2**63)]  # int64 minor units; a float or a text is refused


# What no voucher depends on: an odd value is left out, and does not make the row unreadable.
MinorOrNone = Annotated[
    int | None, BeforeValidator(lambda it: it if type(it) is int and abs(it) < 2**63 else None)
]
TextOrNone = Annotated[str | None, BeforeValidator(lambda it: clean(it) if isinstance(it, str) else None)]


class Answer(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)


class Pagination(Answer):
    total: int | None = Field(None, ge=0)
    next: Any = None


class TotalsAnswer(Answer):
    """A total that is left out counts as zero; whether it was, the sum of the totals shows."""

    settlement_amount: Minor
    sale_amount: Minor | None = None
    return_amount: Minor | None = None
    reversal_amount: Minor | None = None
    fee_amount: Minor | None = None
    fee_correction_amount: Minor | None = None
    fee_refund_amount: Minor | None = None
    tax_amount: Minor | None = None
    tax_refund_amount: Minor | None = None
    commission_amount: Minor | None = None
    commission_reversal_amount: Minor | None = None
    charge_amount: Minor | None = None
    credit_amount: Minor | None = None
    holdback_amount: Minor | None = None
    release_amount: Minor | None = None
    repay_amount: Minor | None = None
    deposit_amount: Minor | None = None
    opening_debt_balance_amount: Minor | None = None
    closing_debt_balance_amount: Minor | None = None


class PayoutAnswer(Answer):
    payment_reference: Name
    payout_date: Annotated[datetime, BeforeValidator(utc)]
    currency_code: Name
    currency_code_of_registration_country: Text | None = None
    merchant_settlement_type: Text
    merchant_id: Name
    totals: TotalsAnswer


class TransactionAnswer(Answer):
    type: Name
    amount: Minor
    currency_code: Name
    detailed_type: Text | None = None
    payment_reference: Text | None = None
    capture_id: Text | None = None
    refund_id: Text | None = None
    order_id: Text | None = None
    short_order_id: Text | None = None
    merchant_reference1: Text | None = None
    merchant_reference2: Text | None = None
    vat_amount: MinorOrNone = None
    vat_rate: MinorOrNone = None
    klarna_comment: TextOrNone = None
    tax_in_currency_of_registration_country: Minor | None = None
    currency_code_of_registration_country: Text | None = None


class PayoutsAnswer(Answer):
    payouts: list[PayoutAnswer]
    pagination: Pagination | None = None


class TransactionsAnswer(Answer):
    transactions: list[TransactionAnswer]
    pagination: Pagination | None = None


class ErrorAnswer(Answer):
    error_code: Text = ""
    error_messages: list[Text] = []
    correlation_id: Text = ""
