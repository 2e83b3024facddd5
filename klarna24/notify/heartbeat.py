"""A monitor's check, in the manner of healthchecks.io: it raises the alarm when it hears nothing, or a failure.

    url/start    a run begins
    url          it ended, and all is well
    url/3 …      it ended with this exit code

No figures, no names. A monitor that is down costs 20 s a ping at most, and changes nothing else.
"""

import logging
from urllib.parse import urlsplit

import requests
import tenacity

from klarna24.config.tables import Heartbeat
from klarna24.http import new_session
from klarna24.logs.redaction import register_secret
from klarna24.notify import limit
from klarna24.text import clean

ATTEMPTS = 3
log = logging.getLogger(__name__)


def started(heartbeat: Heartbeat) -> None:
    """A run begins. Without :func:`ended` the check hears of no end, which is what it waits for."""
    _ping(heartbeat, "start")


def ended(heartbeat: Heartbeat, exit_code: int) -> None:
    """A run has come to its end."""
    _ping(heartbeat, str(exit_code) if exit_code else "")


def _ping(heartbeat: Heartbeat, what: str) -> None:
    url, host = heartbeat.url, clean(urlsplit(heartbeat.url).netloc)
    register_secret(urlsplit(url).path.strip("/"))  # whoever knows it can pretend that all is well
    try:
        limit.within(limit.SECONDS, lambda: _ask(f"{url}/{what}" if what else url))
    except (TimeoutError, requests.RequestException) as error:
        log.warning("heartbeat: %s did not take it (%s); the run goes on", host, type(error).__name__)
    else:
        log.debug("heartbeat: %s was told", host)


def _ask(url: str) -> None:
    """Repeated while there is hope: one lost ping would be a false alarm."""
    with new_session(url) as session:
        for attempt in tenacity.Retrying(
            retry=tenacity.retry_if_exception(_may_pass),
            stop=tenacity.stop_after_attempt(ATTEMPTS),
            wait=tenacity.wait_fixed(1),
            reraise=True,
        ):
            with (
                attempt,
                session.get(url, timeout=limit.SECONDS / 2, allow_redirects=False, stream=True) as answer,
            ):
                if not answer.ok or answer.is_redirect:
                    raise requests.HTTPError(f"HTTP {answer.status_code}", response=answer)


def _may_pass(error: BaseException) -> bool:
    response = getattr(error, "response", None)
    return isinstance(error, requests.RequestException) and (response is None or response.status_code >= 500)
