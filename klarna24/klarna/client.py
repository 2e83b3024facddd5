"""Klarna's Settlements API: the only door to it.

Contract: the settlements OpenAPI document, version 1.0.0-rc2; what it leaves out: facts "Klarna". Only GET is
used, so every call may be repeated. Minor units become Decimal here, once; text loses its control characters.
"""

import logging
import random
import re
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, TypeVar
from urllib.parse import quote
from zoneinfo import ZoneInfo

import requests
import tenacity
import urllib3
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from requests.auth import HTTPBasicAuth

from klarna24.bookkeeping.payout import SIGNS, Payout, PayoutKey, Totals, Transaction
from klarna24.config.tables import Klarna
from klarna24.errors import BadAnswer, CredentialsFault, Unavailable
from klarna24.http import AnswerTooLong, ServerTime, new_session, pace_of, read_whole
from klarna24.logs.redaction import register_secret, server_text
from klarna24.text import Sentence, clean, joined, sentence

PAGE_SIZE = 500  # contract: the most that `size` takes
TIMEOUT = (10, 60)  # seconds to connect, and between two bytes
ANSWER_SECONDS = 120.0  # one answer in all: a server that drips bytes is cut off
ANSWER_BYTES = 64 * 2**20
RETRY_SECONDS = 30.0
RETRIED = {502, 503, 504}
REQUESTS_A_SECOND = {"live": 200, "playground": 50}  # facts: Auth, limits, errors
FIRST_DAY = date(2005, 1, 1)  # Klarna's first year
LAST_DAY = date(9999, 12, 30)  # the last that any time zone can still shift
RESTARTS = 3  # a list that grows while it is read is read again
CHECK = "klarna24 check"
NEXT_RUN = sentence("the next run carries on")
ITEMS = {"payouts": sentence("payouts"), "transactions": sentence("transactions")}  # what a list holds

Progress = Callable[[int, int], None]  # rows so far, rows in all
Model = TypeVar("Model", bound=BaseModel)
log = logging.getLogger(__name__)


def _money(minor: int) -> Decimal:
    return Decimal(minor).scaleb(-2)


def _named(value: str) -> str:
    if not (name := clean(value)):
        raise ValueError("is empty")
    return name


# The answers (contract: components.schemas). Unknown fields are ignored; an amount is an integer or it is no
# answer. A total that is left out is zero: whether that is so, the identity of the totals decides.

Text = Annotated[str, AfterValidator(clean)]
Name = Annotated[str, AfterValidator(_named)]
Minor = Annotated[int, Field(ge=-(2**63), lt=2**63)]  # contract: int64, minor units


class _Answer(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)


class _Pagination(_Answer):
    total: int | None = Field(None, ge=0)


class _Totals(_Answer):
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


def _utc(value: object) -> object:
    """An ISO 8601 date-time; without an offset it is UTC (facts: "payout_date is UTC")."""
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


class _Payout(_Answer):
    payment_reference: Name
    payout_date: Annotated[datetime, BeforeValidator(_utc)]
    currency_code: Name
    currency_code_of_registration_country: Text | None = None
    merchant_settlement_type: Text
    merchant_id: Name
    totals: _Totals


class _Transaction(_Answer):
    type: Name
    amount: Minor
    currency_code: Name
    detailed_type: Text | None = None
    order_id: Text | None = None
    merchant_reference1: Text | None = None
    merchant_reference2: Text | None = None
    tax_in_currency_of_registration_country: Minor | None = None
    currency_code_of_registration_country: Text | None = None


class _Payouts(_Answer):
    payouts: list[_Payout]
    pagination: _Pagination


class _Transactions(_Answer):
    transactions: list[_Transaction]
    pagination: _Pagination


class _Error(_Answer):
    error_code: Text = ""
    error_messages: list[Text] = []
    correlation_id: Text = ""


def parse_payout(raw: object) -> Payout:
    """Klarna's JSON of one payout as a :class:`Payout`. Raises pydantic's ValidationError."""
    return _payout(_Payout.model_validate(raw))


def parse_transaction(raw: object) -> Transaction:
    """Klarna's JSON of one row as a :class:`Transaction`. Raises pydantic's ValidationError."""
    return _transaction(_Transaction.model_validate(raw))


def _payout(answer: _Payout) -> Payout:
    totals = answer.totals
    return Payout(
        payment_reference=answer.payment_reference,
        payout_date=answer.payout_date,
        currency=answer.currency_code,
        settlement_type=answer.merchant_settlement_type,
        merchant_id=answer.merchant_id,
        registration_currency=answer.currency_code_of_registration_country or None,
        totals=Totals(
            settlement=_money(totals.settlement_amount),
            amounts={total: _money(getattr(totals, f"{total}_amount") or 0) for total in SIGNS},
            opening_debt=_money(totals.opening_debt_balance_amount or 0),
            closing_debt=_money(totals.closing_debt_balance_amount or 0),
        ),
    )


def _transaction(answer: _Transaction) -> Transaction:
    tax = answer.tax_in_currency_of_registration_country
    return Transaction(
        type=answer.type,
        amount=_money(answer.amount),
        currency=answer.currency_code,
        detailed_type=answer.detailed_type or None,
        order_id=answer.order_id or None,
        merchant_reference1=answer.merchant_reference1 or None,
        merchant_reference2=answer.merchant_reference2 or None,
        registration_tax=None if tax is None else _money(tax),
        registration_currency=answer.currency_code_of_registration_country or None,
    )


class _TryAgain(Unavailable):
    """An answer that may be another in a moment; ``wait`` is what Klarna asked for, in seconds."""

    def __init__(self, message: str, wait: float = 0.0) -> None:
        super().__init__(message, NEXT_RUN)
        self.wait = wait


class _Moved(Exception):
    """The list changed while it was read."""

    def __init__(self, why: Sentence) -> None:
        super().__init__(why)
        self.why = why


class KlarnaClient:
    """Reads payouts and their rows. Every method raises Unavailable or CredentialsFault, never anything else
    of the network's. ``server_time`` is of the last answer."""

    server_time: ServerTime | None = None

    def __init__(self, settings: Klarna, password: str) -> None:
        self._settings = settings
        self._base = f"{settings.url}/settlements/v1"
        most = REQUESTS_A_SECOND[settings.environment]
        self._pace = pace_of(("Klarna", settings.url, settings.username), most, 1.0)
        self._session = new_session(settings.url)
        register_secret(password)
        self._session.auth = HTTPBasicAuth(settings.username.encode(), password.encode())
        self._session.headers["Accept"] = "application/json"

    def close(self) -> None:
        self._session.close()

    def payouts(self, since: date, until: date, zone: ZoneInfo) -> list[Payout]:
        """All payouts paid from ``since`` to ``until``, both local days included, oldest first.

        The bounds go out as full date-times (facts: a date alone means 00:00:00Z for both); the profile's
        currencies and merchants are filtered here.
        """
        since, until = max(since, FIRST_DAY), min(until, LAST_DAY)
        if since > until:
            return []  # a start date that lies ahead: what Klarna would say to such a window is not documented
        start = datetime.combine(since, datetime.min.time(), zone).astimezone(UTC)
        end = datetime.combine(until + timedelta(days=1), datetime.min.time(), zone).astimezone(UTC)
        query = {
            "start_date": f"{start:%Y-%m-%dT%H:%M:%SZ}",
            "end_date": f"{end - timedelta(seconds=1):%Y-%m-%dT%H:%M:%SZ}",
        }
        found: list[Payout] = self._all_pages("/payouts", query, _Payouts, "payouts")
        mine = [
            payout
            for payout in found
            if since <= payout.local_date(zone) <= until
            and self._settings.covers(payout.merchant_id, payout.currency)
        ]
        log.info("Klarna: %d payouts from %s to %s, %d of them the profile's", len(found), since, until, len(mine))
        return sorted(mine, key=lambda payout: (payout.payout_date, payout.key))

    def payout(self, key: PayoutKey) -> Payout | None:
        """One payout by its reference, however old; None where Klarna no longer has it (or only under the
        same reference in another currency or of another merchant)."""
        if key.payment_reference in {".", ".."}:
            return None  # however it is quoted, such a path leads elsewhere
        path = f"/payouts/{quote(key.payment_reference, safe='')}"
        answer = self._get(path, {}, _Payout, missing_is_none=True)
        payout = _payout(answer) if answer else None
        return payout if payout and payout.key == key else None

    def transactions(self, payment_reference: str, progress: Progress | None = None) -> list[Transaction]:
        """All rows of a payout, in Klarna's order."""
        query = {"payment_reference": payment_reference}
        return self._all_pages("/transactions", query, _Transactions, "transactions", progress)

    def _all_pages(
        self,
        path: str,
        query: dict[str, str],
        page_model: type[Model],
        items: str,
        progress: Progress | None = None,
    ) -> list[Any]:
        """Page to the end and count: silent truncation is the commonest fault of such clients (facts)."""
        why = sentence("the list changed while it was read")
        for _ in range(RESTARTS):
            try:
                return self._read_pages(path, query, page_model, items, progress)
            except _Moved as moved:
                why = moved.why
        raise Unavailable(
            _of(path, sentence("{why}, at each of {count} readings", why=why, count=RESTARTS)), NEXT_RUN
        )

    def _read_pages(
        self,
        path: str,
        query: dict[str, str],
        page_model: type[Model],
        items: str,
        progress: Progress | None,
    ) -> list[Any]:
        fetched: list[Any] = []
        total: int | None = None
        what, make = ITEMS[items], _payout if items == "payouts" else _transaction
        while True:
            paging = {"size": str(PAGE_SIZE), "offset": str(len(fetched))}
            page: Any = self._get(path, query | paging, page_model)
            rows = [make(answer) for answer in getattr(page, items)]  # a page's models go with the page
            if fetched and page.pagination.total != total:
                raise _Moved(sentence("the list changed while it was read"))
            total = page.pagination.total
            fetched += rows
            if progress and total is not None:
                progress(len(fetched), total)
            if total is None:
                message = sentence("Klarna: {path} does not say how many {items} there are", path=path, items=what)
                raise Unavailable(message, sentence("tell us"))
            if len(fetched) == total:
                break
            if not rows or len(fetched) > total:
                message = sentence(
                    "Klarna: {path} announced {total} {items} and sent {count}",
                    path=path,
                    total=total,
                    items=what,
                    count=len(fetched),
                )
                raise Unavailable(message, NEXT_RUN)
        if items == "payouts":
            keys = Counter(payout.key for payout in fetched)
            if twice := [key.payment_reference for key, times in keys.items() if times > 1]:
                raise _Moved(sentence("payout {reference} is listed twice", reference=twice[0][:75]))
        return fetched

    def _get(
        self, path: str, query: dict[str, str], model: type[Model], missing_is_none: bool = False
    ) -> Model | None:
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(_TryAgain),
            stop=tenacity.stop_before_delay(RETRY_SECONDS),
            wait=_wait,
            before_sleep=_tell,
            reraise=True,
        )
        body = retrying(self._try, path, query, missing_is_none)
        if body is None:
            return None
        try:
            return model.model_validate_json(body)
        except ValidationError as error:
            raise BadAnswer(_of(path, _not_the_contract(error)), CHECK) from None

    def _try(self, path: str, query: dict[str, str], missing_is_none: bool) -> bytes | None:
        asked_at = time.monotonic()
        self._pace.keep(longest_wait=ANSWER_SECONDS)
        try:
            response = self._session.get(
                self._base + path, params=query, timeout=TIMEOUT, allow_redirects=False, stream=True
            )
            with response:
                self.server_time = ServerTime.of(response)
                body = read_whole(response, ANSWER_SECONDS, ANSWER_BYTES)
        except AnswerTooLong as error:
            raise Unavailable(_of(path, error.why), NEXT_RUN) from None
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            raise _TryAgain(_of(path, sentence("no answer ({error})", error=type(error).__name__))) from None
        except OSError as error:  # requests' own, where REQUESTS_CA_BUNDLE names no file
            raise Unavailable(_of(path, server_text(error, 300)), CHECK) from None
        milliseconds = (time.monotonic() - asked_at) * 1000
        log.debug("Klarna: %s: HTTP %d, %d bytes, %.0f ms", path, response.status_code, len(body), milliseconds)
        if response.status_code == 404 and missing_is_none:
            return None
        if response.status_code == 200:
            return body
        raise self._refusal(path, response, body)

    def _refusal(self, path: str, response: requests.Response, body: bytes) -> Exception:
        status, said = response.status_code, _error_text(body)
        if status in {401, 403}:
            return CredentialsFault(
                sentence(
                    "Klarna refused the credentials at {address} (HTTP {status}){said}",
                    address=self._settings.url,
                    status=status,
                    said=said,
                ),
                sentence(
                    "check username, password, region ({region}) and environment ({environment}): {command}",
                    region=self._settings.region,
                    environment=self._settings.environment,
                    command=CHECK,
                ),
            )
        message = _of(path, f"HTTP {status}{said}")
        if status == 429:
            wait = _seconds_until_reset(response)
            why = sentence("too many requests, asked to wait {seconds} s", seconds=f"{wait:.0f}")
            return _TryAgain(joined(": ", (message, why)), wait)
        if status in RETRIED:
            return _TryAgain(message)
        if 300 <= status < 400:
            message = joined(": ", (message, sentence("a redirect, which is never followed")))
        return Unavailable(message, CHECK)


def _of(path: str, why: str) -> Sentence:
    """What was asked, and what about it."""
    return joined(": ", ("Klarna", path, why))


def _wait(state: tenacity.RetryCallState) -> float:
    """Exponential with full jitter, or what Klarna asks for (facts: 429)."""
    error = state.outcome.exception() if state.outcome else None
    asked = error.wait if isinstance(error, _TryAgain) else 0.0
    backoff = min(8.0, 0.5 * 2**state.attempt_number)
    return asked + random.uniform(0.1, backoff)  # noqa: S311 - jitter is no secret


def _tell(state: tenacity.RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    log.info("%s; asked again in %.1f s", error, state.upcoming_sleep)


def _seconds_until_reset(response: requests.Response) -> float:
    """``X-Ratelimit-Reset``: whether it is a moment or a duration is not documented; a moment is large."""
    text = response.headers.get("X-Ratelimit-Reset", "")
    if not re.fullmatch(r"\d{1,12}(\.\d+)?", text):
        return 0.0
    value = float(text)
    return max(0.0, value - time.time()) if value > 1e9 else value


def _error_text(body: bytes) -> str:
    """What Klarna says of the error, with the correlation id that its support asks for."""
    try:
        error = _Error.model_validate_json(body)
    except ValidationError:
        return ""
    said = server_text("; ".join(filter(None, [error.error_code, *error.error_messages])), 300)
    correlation = f" [correlation id {server_text(error.correlation_id, 60)}]" if error.correlation_id else ""
    return f": {said}{correlation}" if said else correlation


def _not_the_contract(error: ValidationError) -> Sentence:
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    if first["type"] == "json_invalid":
        return sentence("the answer is not JSON")
    detail = clean(f"{where}: {first['msg']}")
    return sentence("the answer is not what the contract says: {detail}", detail=detail)
