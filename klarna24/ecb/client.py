"""Fetches the files of the European Central Bank, each at most once."""

import logging
from datetime import date
from threading import Lock
from typing import NamedTuple

import requests
import tenacity
import urllib3

from klarna24.bookkeeping.voucher import Rate
from klarna24.ecb.rates import Days, NoRate, Unusable, parse, rate_of
from klarna24.http.exchange import AnswerTooLong, Exchange, new_session
from klarna24.http.faults import no_answer, permanent_fault
from klarna24.text.sentences import Sentence, joined, sentence

TIMEOUT = (10, 30)  # seconds to connect, and between two bytes
ANSWER_SECONDS = 60.0  # from connecting to the answer's last byte
RETRY_SECONDS = 30.0
RETRIED = {429, 502, 503, 504}
log = logging.getLogger(__name__)


class _File(NamedTuple):
    """A file of the bank (docs/vendors/ecb.md, "The files") and the most that it may hold."""

    path: str
    most_bytes: int
    most_marks: int


RECENT = _File("/stats/eurofxref/eurofxref-hist-90d.xml", 2**20, 50_000)  # about 75 kB and 6,000 tags, attributes
WHOLE = _File("/stats/eurofxref/eurofxref-hist.xml", 16 * 2**20, 1_000_000)  # about 9 MB and 700,000 in 2026


class _TryAgain(Exception):
    """The same request may succeed in a moment; ``why`` says why this one did not."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class EcbClient:
    """The rates of one run: shared by the profiles that run side by side. A file that could not be had is not
    asked for again either, so that its absence delays a run once."""

    def __init__(self, rates_url: str) -> None:
        self._base = rates_url
        self._lock = Lock()
        self._files: dict[_File, Days | NoRate] = {}

    def rate(self, day: date, currency: str, home: str) -> Rate:
        """Return what one unit of ``currency`` is worth in ``home`` by the last rates published on or before
        ``day``. Raises NoRate where they are not known, not published, or cannot be had."""
        days = self._days(RECENT)
        if day < min(days):
            days = self._days(WHOLE)
        return rate_of(days, day, currency, home)

    def newest_day(self) -> date:
        """Return the day of the newest rates. Raises NoRate where they cannot be had."""
        return max(self._days(RECENT))

    def _days(self, file: _File) -> Days:
        with self._lock:
            if file not in self._files:
                try:
                    self._files[file] = self._fetch(file)
                except NoRate as error:
                    self._files[file] = error
            found = self._files[file]
        if isinstance(found, NoRate):
            raise NoRate(found.message, found.first)
        return found

    def _fetch(self, file: _File) -> Days:
        """Raises NoRate with the address and the cause."""
        address = self._base + file.path
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(_TryAgain),
            stop=tenacity.stop_before_delay(RETRY_SECONDS),
            wait=tenacity.wait_random_exponential(multiplier=0.5, max=8),
            before_sleep=_log_retry,
            reraise=True,
        )
        try:
            return parse(retrying(self._request, address, file.most_bytes), file.most_marks)
        except (_TryAgain, AnswerTooLong, Unusable) as error:
            raise NoRate(_no_rates(address, error.why)) from None

    def _request(self, address: str, most_bytes: int) -> bytes:
        """Send one request and return the body of a 200."""
        try:
            with (
                new_session(self._base) as session,
                Exchange(ANSWER_SECONDS, most_bytes) as exchange,
                session.get(address, timeout=TIMEOUT, allow_redirects=False, stream=True) as response,
            ):
                body = exchange.read(response)
        except (OSError, urllib3.exceptions.HTTPError) as error:  # RequestException is an OSError
            if fault := permanent_fault(error, self._base, "rates_url"):
                raise NoRate(_no_rates(address, fault.message), fault.hint) from None
            raise _TryAgain(no_answer(error, self._base)) from None
        log.info("ECB: %s: HTTP %d, %d bytes", address, response.status_code, len(body))
        if response.status_code != 200:
            raise self._refusal(address, response)
        return body

    def _refusal(self, address: str, response: requests.Response) -> Exception:
        status = joined(" ", ("HTTP", str(response.status_code)))
        if response.status_code in RETRIED:
            return _TryAgain(status)
        if 300 <= response.status_code < 400:
            status = joined(": ", (status, sentence("a redirect, which is never followed")))
        return NoRate(_no_rates(address, status))


def _no_rates(address: str, why: str) -> Sentence:
    return sentence("no rates from the European Central Bank: {address}: {why}", address=address, why=why)


def _log_retry(state: tenacity.RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    log.info("ECB: %s; asked again in %.1f s", error, state.upcoming_sleep)
