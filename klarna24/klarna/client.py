"""The client of Klarna's Settlements API (docs/vendors/klarna.md). It only reads: any request may be repeated."""

import logging
import random
import re
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import TypeVar
from urllib.parse import quote
from zoneinfo import ZoneInfo

import requests
import tenacity
import urllib3
from requests.auth import HTTPBasicAuth

from klarna24.bookkeeping.payout import Payout, PayoutKey, Transaction
from klarna24.config.tables import Klarna
from klarna24.errors import BadAnswer, CredentialsFault, Unavailable
from klarna24.http import AnswerTooLong, Exchange, ServerTime, new_session, pace_of, permanent_fault
from klarna24.klarna import answers
from klarna24.klarna.answers import FIRST_DAY, LAST_DAY, Page, Unreadable
from klarna24.logs.redaction import register_secret
from klarna24.text import Sentence, joined, sentence

PAGE_SIZE = 500  # the largest `size` in the contract
TIMEOUT = (10, 60)  # seconds to connect, and between two bytes
ANSWER_SECONDS = 120.0  # from connecting to the answer's last byte
ANSWER_BYTES = 8 * 2**20  # 500 records have less than 1 MiB, 2,000 objects and 30,000 values
MOST_OBJECTS, MOST_VALUES = 10_000, 100_000
RETRY_SECONDS = 30.0
RETRIED = {502, 503, 504}
# docs/vendors/klarna.md, "Authentication, limits, errors"
REQUESTS_A_SECOND = {"live": 200, "playground": 50}
LISTING_ATTEMPTS = 3  # a list that changes while it is read is read again
CHECK = "klarna24 check"
NEXT_RUN = sentence("the next run carries on")
REPORT = sentence("please report this to the maintainers of klarna24")
ITEMS = {"/payouts": sentence("payouts"), "/transactions": sentence("transactions")}

Progress = Callable[[int, int], None]  # called with the number of rows read, and the number of all rows
T = TypeVar("T")
log = logging.getLogger(__name__)


class _TryAgain(Unavailable):
    """The same request may succeed in a moment; ``wait`` is how many seconds Klarna asks to wait."""

    def __init__(self, message: str, wait: float = 0.0) -> None:
        super().__init__(message, NEXT_RUN)
        self.wait = wait


class _NotFound(Unavailable):
    """Klarna does not have what was asked for (HTTP 404)."""


class _ListChanged(Exception):
    """The list changed while it was read; ``why`` is how that showed."""

    def __init__(self, why: Sentence) -> None:
        super().__init__(why)
        self.why = why


class KlarnaClient:
    """Reads payouts and their transactions. Every method raises Unavailable or CredentialsFault when Klarna cannot
    be read. ``server_time`` is that of the last answer."""

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
        """Close the connections."""
        self._session.close()

    def payouts(self, since: date, until: date, zone: ZoneInfo) -> list[Payout]:
        """Return the profile's payouts from ``since`` to ``until``, both local days included, the oldest first.

        The bounds are sent as full date-times (docs/vendors/klarna.md, "Collections"). Payouts of other currencies
        and merchants than the profile's are left out here.
        """
        since, until = max(since, FIRST_DAY), min(until, LAST_DAY)
        if since > until:
            return []  # a start date in the future: how Klarna answers such a window is not documented
        start = datetime.combine(since, datetime.min.time(), zone).astimezone(UTC)
        end = datetime.combine(until + timedelta(days=1), datetime.min.time(), zone).astimezone(UTC)
        query = {
            "start_date": f"{start:%Y-%m-%dT%H:%M:%SZ}",
            "end_date": f"{end - timedelta(seconds=1):%Y-%m-%dT%H:%M:%SZ}",
        }
        found = self._all_pages("/payouts", query, answers.parse_payouts)
        own = [
            payout
            for payout in found
            if since <= payout.local_date(zone) <= until
            and self._settings.covers(payout.merchant_id, payout.currency)
        ]
        log.info("Klarna: %d payouts from %s to %s, %d of them the profile's", len(found), since, until, len(own))
        return sorted(own, key=lambda payout: (payout.payout_date, payout.key))

    def payout(self, key: PayoutKey) -> Payout | None:
        """Return one payout by its reference, however old; None if Klarna no longer has it, or has it only in
        another currency or for another merchant."""
        if key.payment_reference in {".", ".."}:
            return None  # however it is quoted, such a path leads elsewhere
        path = f"/payouts/{quote(key.payment_reference, safe='')}"
        try:
            payout = self._get(path, {}, answers.parse_payout)
        except _NotFound:
            return None
        return payout if payout.key == key else None

    def transactions(self, payment_reference: str, progress: Progress | None = None) -> list[Transaction]:
        """Return all transactions of a payout, in Klarna's order."""
        query = {"payment_reference": payment_reference}
        return self._all_pages("/transactions", query, answers.parse_transactions, progress)

    def _all_pages(
        self,
        path: str,
        query: dict[str, str],
        parse: Callable[[bytes], Page[T]],
        progress: Progress | None = None,
    ) -> list[T]:
        """Read to the last page and count: stopping after the first page is the commonest fault of such clients
        (docs/vendors/klarna.md, "Collections")."""
        why = sentence("the list changed while it was read")
        for _ in range(LISTING_ATTEMPTS):
            try:
                return self._read_pages(path, query, parse, progress)
            except _ListChanged as changed:
                why = changed.why
        raise Unavailable(
            _about(path, sentence("{why} ({count} attempts)", why=why, count=LISTING_ATTEMPTS)), NEXT_RUN
        )

    def _read_pages(
        self,
        path: str,
        query: dict[str, str],
        parse: Callable[[bytes], Page[T]],
        progress: Progress | None,
    ) -> list[T]:
        fetched: list[T] = []
        total: int | None = None
        while True:
            page = self._get(path, query | {"size": str(PAGE_SIZE), "offset": str(len(fetched))}, parse)
            if page.total is None:
                message = sentence(
                    "Klarna: {path} does not say how many {items} there are", path=path, items=ITEMS[path]
                )
                raise Unavailable(message, REPORT)
            if fetched and page.total != total:
                raise _ListChanged(sentence("the list changed while it was read"))
            total = page.total
            fetched += page.items
            if progress:
                progress(len(fetched), total)
            if len(fetched) == total:
                break
            if not page.items or len(fetched) > total:
                message = sentence(
                    "Klarna: {path} announced {total} {items} and sent {count}",
                    path=path,
                    total=total,
                    items=ITEMS[path],
                    count=len(fetched),
                )
                raise Unavailable(message, NEXT_RUN)
        keys = Counter(item.key for item in fetched if isinstance(item, Payout))
        if twice := [key.payment_reference for key, times in keys.items() if times > 1]:
            raise _ListChanged(sentence("payout {reference} is listed twice", reference=twice[0][:75]))
        return fetched

    def _get(self, path: str, query: dict[str, str], parse: Callable[[bytes], T]) -> T:
        """Return the parsed answer, after repeated attempts if need be."""
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(_TryAgain),
            stop=tenacity.stop_before_delay(RETRY_SECONDS),
            wait=_wait,
            before_sleep=_log_retry,
            reraise=True,
        )
        body = retrying(self._request, path, query)
        try:
            return parse(body)
        except Unreadable as error:
            raise BadAnswer(_about(path, error.why), CHECK) from None

    def _request(self, path: str, query: dict[str, str]) -> bytes:
        """Send one request and return the body of a 200."""
        asked_at = time.monotonic()
        self._pace.wait(longest=ANSWER_SECONDS)
        try:
            with (
                Exchange(ANSWER_SECONDS, ANSWER_BYTES) as exchange,
                self._session.get(
                    self._base + path, params=query, timeout=TIMEOUT, allow_redirects=False, stream=True
                ) as response,
            ):
                self.server_time = ServerTime.of(response)
                body = exchange.read(response)
                if body.count(b"{") + body.count(b"[") > MOST_OBJECTS or body.count(b",") > MOST_VALUES:
                    raise AnswerTooLong(sentence("an answer with too many elements"))
        except AnswerTooLong as error:
            raise Unavailable(_about(path, error.why), NEXT_RUN) from None
        except (OSError, urllib3.exceptions.HTTPError) as error:  # RequestException is an OSError
            if fault := permanent_fault(error, self._base):
                raise fault from None
            raise _TryAgain(_about(path, sentence("no answer ({error})", error=type(error).__name__))) from None
        milliseconds = (time.monotonic() - asked_at) * 1000
        log.debug("Klarna: %s: HTTP %d, %d bytes, %.0f ms", path, response.status_code, len(body), milliseconds)
        if response.status_code != 200:
            raise self._refusal(path, response, body)
        return body

    def _refusal(self, path: str, response: requests.Response, body: bytes) -> Exception:
        """Return the exception for a status other than 200."""
        status, text = response.status_code, answers.error_text(body)
        if status in {401, 403}:
            return CredentialsFault(
                sentence(
                    "Klarna refused the credentials at {address} (HTTP {status}){said}",
                    address=self._settings.url,
                    status=status,
                    said=text,
                ),
                sentence(
                    "check username, password, region ({region}) and environment ({environment}): {command}",
                    region=self._settings.region,
                    environment=self._settings.environment,
                    command=CHECK,
                ),
            )
        message = _about(path, f"HTTP {status}{text}")
        if status == 429:
            wait = _seconds_until_reset(response)
            why = sentence("too many requests, asked to wait {seconds} s", seconds=f"{wait:.0f}")
            return _TryAgain(joined(": ", (message, why)), wait)
        if status in RETRIED:
            return _TryAgain(message)
        if 300 <= status < 400:
            message = joined(": ", (message, sentence("a redirect, which is never followed")))
        return (_NotFound if status == 404 else Unavailable)(message, CHECK)


def _about(path: str, text: str) -> Sentence:
    """Return the text after the path that it is about."""
    return joined(": ", ("Klarna", path, text))


def _wait(state: tenacity.RetryCallState) -> float:
    """Wait exponentially longer with full jitter, and at least as long as Klarna asks."""
    error = state.outcome.exception() if state.outcome else None
    asked = error.wait if isinstance(error, _TryAgain) else 0.0
    backoff = min(8.0, 0.5 * 2**state.attempt_number)
    return asked + random.uniform(0.1, backoff)  # noqa: S311 - jitter need not be unpredictable


def _log_retry(state: tenacity.RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    log.info("%s; asked again in %.1f s", error, state.upcoming_sleep)


def _seconds_until_reset(response: requests.Response) -> float:
    """Read ``X-Ratelimit-Reset``. Whether it is a moment or a duration is not documented; a moment is large."""
    text = response.headers.get("X-Ratelimit-Reset", "")
    if not re.fullmatch(r"\d{1,12}(\.\d+)?", text):
        return 0.0
    value = float(text)
    return max(0.0, value - time.time()) if value > 1e9 else value
