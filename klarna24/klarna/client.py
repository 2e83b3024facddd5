"""The client of Klarna's Settlements API (docs/vendors/klarna.md). It only reads: any request may be repeated."""

import json
import logging
import random
import re
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Literal, TypeVar
from urllib.parse import quote
from zoneinfo import ZoneInfo

import requests
import tenacity
import urllib3
from requests.auth import HTTPBasicAuth

from klarna24.bookkeeping.payout import Listed, PayoutKey, Transaction, may_be_same
from klarna24.config.tables import Klarna
from klarna24.errors import BadAnswer, CredentialsFault, Unavailable
from klarna24.http.exchange import AnswerTooLong, Exchange, new_session
from klarna24.http.faults import no_answer, permanent_fault
from klarna24.http.pace import pace_of
from klarna24.http.server_time import ServerTime
from klarna24.klarna import answers
from klarna24.klarna.answers import Unreadable
from klarna24.klarna.contract import FIRST_DAY, LAST_DAY
from klarna24.klarna.listing import PAGE_SIZE, NotReadable, Progress, read_payouts, read_rows
from klarna24.logs.redaction import register_secret
from klarna24.text.sentences import Sentence, joined, sentence

TIMEOUT = (10, 60)  # seconds to connect, and between two bytes
ANSWER_SECONDS = 120.0  # from connecting to the answer's last byte
ANSWER_BYTES = 8 * 2**20  # 500 records have less than 1 MiB, 2,000 objects and 30,000 values
MOST_OBJECTS, MOST_VALUES = 5_000, 100_000
REPORT_BYTES = 64 * 2**20  # a report of a hundred thousand transactions has some 20 MiB
REPORTS = {"pdf": ("/reports/payout", "application/pdf"), "csv": ("/reports/payout-with-transactions", "text/csv")}
RETRY_SECONDS = 30.0
RETRIED = {502, 503, 504}
# docs/vendors/klarna.md, "Authentication, limits, errors"
REQUESTS_A_SECOND = {"live": 200, "playground": 50}
CHECK = "klarna24 check"
NEXT_RUN = sentence("the next run carries on")
REPORT = sentence("please report this to the maintainers of klarna24")

T = TypeVar("T")
log = logging.getLogger(__name__)


class _TryAgain(Unavailable):
    """The same request may succeed in a moment; ``wait`` is how many seconds Klarna asks to wait."""

    def __init__(self, message: str, wait: float = 0.0) -> None:
        super().__init__(message, NEXT_RUN)
        self.wait = wait


class _Refused(Unavailable):
    """Klarna answered with a status that another attempt will not change."""


class _Forbidden(CredentialsFault):
    """HTTP 403: the credentials are known, and may not read this."""


class _NotFound(_Refused):
    """Klarna does not have what was asked for (HTTP 404)."""


class _TooLong(Unavailable):
    """An answer did not end at its limit; of a document, this one alone cannot be had."""


class KlarnaClient:
    """Reads payouts and their transactions. Every method raises Unavailable or CredentialsFault when Klarna cannot
    be read. ``server_time`` is that of the last answer; ``merchants`` and ``currencies`` are those of all payouts
    that the login has listed, other profiles' among them."""

    server_time: ServerTime | None = None

    def __init__(self, settings: Klarna, password: str) -> None:
        self.merchants: set[str] = set()
        self.currencies: set[str] = set()
        self._settings = settings
        self._base = f"{settings.url}/settlements/v1"
        most = REQUESTS_A_SECOND[settings.environment]
        self._pace = pace_of(("Klarna", settings.url, settings.username), most, 1.0)
        self._session = new_session(settings.url)
        register_secret(password)
        self._session.auth = HTTPBasicAuth(settings.username.encode(), password.encode())

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def payouts(self, since: date, until: date, zone: ZoneInfo) -> list[Listed]:
        """Return the profile's payouts from ``since`` to ``until``, both local days included, the oldest first.

        The bounds are sent as full date-times (docs/vendors/klarna.md, "Collections"). Payouts of other currencies
        and merchants than the profile's are left out here.
        """
        since, until = max(since, FIRST_DAY), min(until, LAST_DAY)
        if since > until:
            return []  # a start date in the future: how Klarna answers such a window is not documented
        start = datetime.combine(since, datetime.min.time(), zone).astimezone(UTC)
        end = datetime.combine(until + timedelta(days=1), datetime.min.time(), zone).astimezone(UTC)
        try:
            found = read_payouts(
                lambda query: self._get("/payouts", query, answers.parse_payouts),
                start,
                end - timedelta(seconds=1),
            )
        except NotReadable as error:
            raise Unavailable(_about("/payouts", error.why), NEXT_RUN) from None
        self.merchants |= {payout.merchant_id for payout in found if payout.merchant_id}
        self.currencies |= {payout.currency for payout in found if payout.currency}
        own = [payout for payout in found if self._is_own(payout, since, until, zone)]
        log.info("Klarna: %d payouts from %s to %s, %d of them the profile's", len(found), since, until, len(own))
        earliest = datetime.min.replace(tzinfo=UTC)
        return sorted(own, key=lambda payout: (payout.payout_date or earliest, payout.key))

    def _is_own(self, payout: Listed, since: date, until: date, zone: ZoneInfo) -> bool:
        """Whether the profile's filters and days do not exclude it; what cannot be read excludes nothing."""
        day = payout.payout_date and payout.payout_date.astimezone(zone).date()
        filters = self._settings
        return (
            (day is None or since <= day <= until)
            and (not payout.merchant_id or filters.covers_merchant(payout.merchant_id))
            and (not payout.currency or filters.covers_currency(payout.currency))
        )

    def payout(self, key: PayoutKey) -> Listed | None:
        """Return one payout by its reference, however old; None if Klarna no longer has it, or has it only in
        another currency or for another merchant."""
        if key.payment_reference in {".", ".."}:
            return None  # however it is quoted, such a path leads elsewhere
        path = f"/payouts/{quote(key.payment_reference, safe='')}"
        try:
            payout = self._get(path, {}, answers.parse_payout)
        except _NotFound:
            return None
        return payout if may_be_same(payout.key, key) else None

    def transactions(self, payment_reference: str, progress: Progress | None = None) -> list[Transaction]:
        """Return all transactions of a payout, in Klarna's order. Raises BadAnswer where only this payout's rows
        cannot be had, and Unavailable or CredentialsFault where Klarna answers nobody."""
        path = "/transactions"
        try:
            return read_rows(
                lambda query: self._get(path, query, answers.parse_transactions), payment_reference, progress
            )
        except NotReadable as error:
            raise BadAnswer(_about(path, error.why), REPORT) from None
        except (_Refused, _Forbidden) as error:
            raise BadAnswer(error.message, error.hint) from None

    def raw_payout(self, payment_reference: str) -> bytes:
        """Return Klarna's JSON of the payout as received. Raises as :meth:`transactions`, and BadAnswer for what
        is no JSON."""
        if payment_reference in {".", ".."}:  # see payout()
            raise BadAnswer(_about("/payouts", sentence("no address has this reference")), NEXT_RUN)
        path = f"/payouts/{quote(payment_reference, safe='')}"
        body = self._document(path, {}, "application/json", ANSWER_BYTES)
        try:
            json.loads(body)
        except (ValueError, RecursionError):
            raise BadAnswer(
                _about(path, sentence("the answer is no {kind} file", kind="JSON")), NEXT_RUN
            ) from None
        return body

    def raw_rows(self, payment_reference: str) -> list[bytes]:
        """Return Klarna's JSON of all rows as received, an answer a page. Raises as :meth:`transactions`."""
        pages: list[bytes] = []
        seen = 0
        while True:
            query = {"payment_reference": payment_reference, "size": str(PAGE_SIZE), "offset": str(seen)}
            pages.append(self._document("/transactions", query, "application/json", ANSWER_BYTES))
            try:
                page = answers.parse_transactions(pages[-1])
            except Unreadable as error:
                raise BadAnswer(_about("/transactions", error.why), CHECK) from None
            seen += len(page.items)
            if not page.items or page.is_last(seen, PAGE_SIZE):
                return pages

    def report(self, payment_reference: str, kind: Literal["pdf", "csv"], seconds: float | None = None) -> bytes:
        """Return Klarna's settlement report of a payout as received: the PDF, which in the EU is the VAT invoice,
        or the CSV with all transactions; where ``seconds`` are given, within these, all attempts included. Raises
        as :meth:`transactions`, and BadAnswer for what is neither."""
        path, accept = REPORTS[kind]
        body = self._document(path, {"payment_reference": payment_reference}, accept, REPORT_BYTES, seconds)
        is_page = body.lstrip()[:1] == b"<"
        if not body.strip() or (not body.startswith(b"%PDF-") if kind == "pdf" else is_page):
            raise BadAnswer(_about(path, sentence("the answer is no {kind} file", kind=kind.upper())), NEXT_RUN)
        return body

    def _document(
        self, path: str, query: dict[str, str], accept: str, most_bytes: int, seconds: float | None = None
    ) -> bytes:
        """Return a body that is kept as it was received."""
        try:
            return self._fetch(path, query, accept, most_bytes, seconds)
        except (_Refused, _Forbidden, _TooLong) as error:
            raise BadAnswer(error.message, error.hint) from None

    def _get(self, path: str, query: dict[str, str], parse: Callable[[bytes], T]) -> T:
        """Return the parsed answer."""
        body = self._fetch(path, query, "application/json", ANSWER_BYTES)
        if body.count(b"{") + body.count(b"[") > MOST_OBJECTS or body.count(b",") > MOST_VALUES:
            raise Unavailable(_about(path, sentence("an answer with too many elements")), NEXT_RUN)
        try:
            return parse(body)
        except Unreadable as error:
            raise BadAnswer(_about(path, error.why), CHECK) from None

    def _fetch(
        self, path: str, query: dict[str, str], accept: str, most_bytes: int, seconds: float | None = None
    ) -> bytes:
        """Return the body of a 200, after repeated attempts if need be; within ``seconds``, if given."""
        deadline = None if seconds is None else time.monotonic() + seconds
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(_TryAgain),
            stop=tenacity.stop_before_delay(RETRY_SECONDS if seconds is None else min(RETRY_SECONDS, seconds)),
            wait=_wait,
            before_sleep=_log_retry,
            reraise=True,
        )
        return retrying(self._request, path, query, accept, most_bytes, deadline)

    def _request(
        self, path: str, query: dict[str, str], accept: str, most_bytes: int, deadline: float | None
    ) -> bytes:
        """Send one request and return the body of a 200."""
        asked_at = time.monotonic()
        limit = ANSWER_SECONDS if deadline is None else min(ANSWER_SECONDS, max(deadline - asked_at, 0.0))
        self._pace.wait(longest=ANSWER_SECONDS)
        try:
            with (
                Exchange(limit, most_bytes) as exchange,
                self._session.get(
                    self._base + path,
                    params=query,
                    headers={"Accept": accept},
                    timeout=TIMEOUT,
                    allow_redirects=False,
                    stream=True,
                ) as response,
            ):
                self.server_time = ServerTime.of(response)
                body = exchange.read(response)
        except AnswerTooLong as error:
            raise _TooLong(_about(path, error.why), NEXT_RUN) from None
        except (OSError, urllib3.exceptions.HTTPError) as error:  # RequestException is an OSError
            if fault := permanent_fault(error, self._base):
                raise fault from None
            raise _TryAgain(_about(path, no_answer(error, self._base))) from None
        milliseconds = (time.monotonic() - asked_at) * 1000
        log.debug("Klarna: %s: HTTP %d, %d bytes, %.0f ms", path, response.status_code, len(body), milliseconds)
        if response.status_code != 200:
            raise self._refusal(path, response, body)
        return body

    def _refusal(self, path: str, response: requests.Response, body: bytes) -> Exception:
        """Return the exception for a status other than 200."""
        status, text = response.status_code, answers.error_text(body)
        if status in {401, 403}:
            return (CredentialsFault if status == 401 else _Forbidden)(
                sentence(
                    "Klarna refused the credentials at {address} (HTTP {status}){said}",
                    address=self._settings.url,
                    status=status,
                    said=text,
                ),
                joined(
                    ": ",
                    (
                        sentence(
                            "check username, password, region ({region}) and environment ({environment})",
                            region=self._settings.region,
                            environment=self._settings.environment,
                        ),
                        CHECK,
                    ),
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
        return (_NotFound if status == 404 else _Refused)(message, CHECK)


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
