"""Pings a monitor such as healthchecks.io, which raises the alarm when pings stop, or when one reports a failure.

    url/start    a run begins
    url          it ended with exit code 0
    url/3 …      it ended with this exit code

Pings carry no figures and no names. A monitor that does not answer delays the run by at most 20 s for each ping,
and changes nothing else.
"""

import logging
from urllib.parse import urlsplit

import requests
import tenacity

from klarna24.config.contacts import Heartbeat
from klarna24.http.exchange import new_session
from klarna24.http.faults import no_answer, permanent_fault
from klarna24.logs.redaction import register_secret
from klarna24.notify import limit
from klarna24.text.clean import clean

ATTEMPTS = 3
log = logging.getLogger(__name__)


def started(heartbeat: Heartbeat) -> None:
    """Tell the monitor that a run begins. If no end follows, the monitor raises the alarm."""
    _ping(heartbeat, "/start")


def ended(heartbeat: Heartbeat, exit_code: int) -> None:
    """Tell the monitor how a run ended."""
    _ping(heartbeat, f"/{exit_code}" if exit_code else "")


def _ping(heartbeat: Heartbeat, suffix: str) -> None:
    url = urlsplit(heartbeat.url)
    host = clean(url.netloc)
    register_secret(url.path.strip("/"))  # whoever knows it can report that all is well
    try:
        limit.within(limit.SECONDS, lambda: _get(heartbeat.url + suffix))
    except OSError as error:  # TimeoutError and requests' exceptions are OSErrors
        fault = permanent_fault(error, heartbeat.url)
        why = f"{fault.message}: {fault.hint}" if fault else no_answer(error, heartbeat.url)
        log.warning("heartbeat: %s could not be pinged (%s); the run goes on", host, why)
    else:
        log.debug("heartbeat: %s was pinged", host)


def _get(url: str) -> None:
    """Repeated where the monitor may recover: one lost ping would be a false alarm."""
    with new_session(url) as session:
        for attempt in tenacity.Retrying(
            retry=tenacity.retry_if_exception(lambda error: _may_recover(error, url)),
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


def _may_recover(error: BaseException, url: str) -> bool:
    if not isinstance(error, requests.RequestException) or permanent_fault(error, url):
        return False
    response = getattr(error, "response", None)
    return response is None or response.status_code >= 500
