"""A session in the right company, and calls under it.

``read`` may repeat a call: it retries for half a minute, and renews a lost session once. ``once`` never repeats a
call; it is for the save.
"""

import logging
import time
from collections.abc import Callable
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import tenacity
import zeep
import zeep.exceptions

from klarna24.config.tables import Profile
from klarna24.errors import ConfigFault, CredentialsFault, Unavailable
from klarna24.http.server_time import ServerTime
from klarna24.logs.redaction import register_guid, register_secret
from klarna24.text.clean import clean
from klarna24.text.sentences import Sentence, joined, sentence
from klarna24.twentyfour import answers
from klarna24.twentyfour.sessions import Sessions, fits_a_cookie
from klarna24.twentyfour.transport import NoAnswer, NotSent, SharedPace, Transport, Write

CONTRACTS = Path(__file__).parent / "contracts"
RETRY_SECONDS = 30.0
CHECK = "klarna24 check"
NEXT_RUN = sentence("the next run carries on")
SETTINGS = zeep.Settings(
    # These two skip elements that the contract does not name (docs/vendors/24sevenoffice.md, "zeep"). That the
    # answer is complete, the transport has made sure.
    strict=False,
    xsd_ignore_sequence_order=True,
    forbid_dtd=True,  # as SOAP does
    forbid_entities=True,
    forbid_external=True,
)
# What zeep, or our own code, raises when a well-formed answer does not follow the contract.
UNREADABLE = (zeep.exceptions.Error, AttributeError, ValueError, TypeError, ArithmeticError, LookupError)
log = logging.getLogger(__name__)


class _Session(Enum):
    """Stands for an answer when the session under which the call was made has ended."""

    LOST = "lost"


class TooLong(Unavailable):
    """The answer is larger than can be read at once; a narrower question may be answered."""


class Connection:
    """One user in one company. Raises Unavailable, CredentialsFault or ConfigFault."""

    def __init__(
        self,
        profile: Profile,
        password: Callable[[], str],
        sessions: Sessions,
        shared: SharedPace | None = None,
    ) -> None:
        self._name = profile.name
        self._settings = profile.twentyfour
        register_guid(self._settings.application_id)
        self._password = password
        self._sessions = sessions
        self._transport = Transport(self._settings.base_url, self._settings.username, shared)
        self._services: dict[str, Any] = {}
        self._company_checked = False
        self._unproved = False  # true from a login until a call has succeeded under it

    def close(self) -> None:
        """Close the connections; the session stays valid."""
        self._transport.session.close()

    @property
    def server_time(self) -> ServerTime | None:
        """The Date header of the last answer, and when it arrived."""
        return self._transport.server_time

    def read(self, service: str, operation: str, **arguments: Any) -> Any:
        """Return the answer; lists and values that .NET left out are None."""
        self._open()
        answer = self._try(service, operation, **arguments)
        if answer is _Session.LOST:
            self.renew()
            answer = self._try(service, operation, **arguments)
            if answer is _Session.LOST:
                raise _session_refused()
        self._unproved = False
        return answer

    def once(self, service: str, operation: str, write: Write, **arguments: Any) -> Any:
        """Make one call on a new connection, so that it cannot fail on one that the server has dropped, and return
        the answer as it was received. ``write`` makes the message out of zeep's envelope. Also raises what the
        transport and zeep raise; answers.py says what that means."""
        self._open()
        self._transport.close_connections()
        self._transport.write = write
        try:
            with SETTINGS(raw_response=True):
                answer = self._call(service, operation, **arguments)
        finally:
            self._transport.write = None
        self._unproved = False
        return answer

    def attempt(self, service: str, operation: str, seconds: float, **arguments: Any) -> Any:
        """Return the answer within so many seconds, or raise what :meth:`read` raises: without another attempt,
        unless the session had ended, for then nothing was done."""
        self._open()
        self._transport.seconds = seconds
        try:
            answer = self._try(service, operation, attempts=1, **arguments)
            if answer is _Session.LOST:
                self.renew()
                answer = self._try(service, operation, attempts=1, **arguments)
        finally:
            self._transport.seconds = None
        if answer is _Session.LOST:
            raise _session_refused()
        self._unproved = False
        return answer

    def renew(self) -> None:
        """Replace the lost session by one that another profile of the user has got meanwhile, or by a login."""
        self._renew(self._transport.session_id)

    def identities(self) -> Any:
        """Return the identities that the user may act for; the credentials are enough, no session is needed."""
        return self._try("authenticate", "GetIdentitiesWithCredential", credential=self._credential())

    def _log_in(self) -> None:
        """Log in, and make sure that it is to the profile's company before anything else is asked; vouchers saved
        in the user's default company are a known accident (docs/vendors/24sevenoffice.md, "Sessions")."""
        self._transport.session_id = None
        credential = {**self._credential(), "IdentityId": self._settings.identity_id}
        answer = self._try("authenticate", "Login", only_unsent=True, credential=credential)
        session_id = "" if answer is _Session.LOST else str(answer or "")
        register_secret(session_id)
        if not session_id:
            raise CredentialsFault(
                sentence("24SevenOffice refused the login of {username}", username=self._settings.username),
                joined(": ", (sentence("check username, password, application_id and identity_id"), CHECK)),
            )
        if not fits_a_cookie(session_id):
            raise Unavailable(
                sentence("24SevenOffice returned a session id that cannot be sent as a cookie"), NEXT_RUN
            )
        self._transport.session_id, self._unproved = session_id, True
        self._check_company()
        log.info("24SevenOffice: %s: logged in as %s", self._name, self._settings.username)
        self._sessions.write(self._settings, session_id)

    def _credential(self) -> dict[str, str]:
        password = self._password()
        register_secret(password)
        if any(ord(character) < 32 for character in password):  # XML cannot contain them
            raise CredentialsFault(
                sentence("the password for 24SevenOffice has a line break or control character in it"),
                sentence("store the password and nothing else"),
            )
        return {
            "ApplicationId": self._settings.application_id,
            "Password": password,
            "Username": self._settings.username,
        }

    def _open(self) -> None:
        """Make sure that there is a session in the profile's company."""
        if not self._company_checked:
            self._renew(None)

    def _renew(self, lost: str | None) -> None:
        """Use the stored session unless it is the lost one, or else log in. Repeated logins are throttled, so
        profiles of one user that run at the same time take turns, the first one logs in for all of them, and no
        login follows one under which nothing has succeeded."""
        if self._unproved:
            raise _session_refused()
        self._company_checked = False
        with self._sessions.lock(self._settings):
            stored = self._sessions.read(self._settings)
            if stored and stored != lost:
                self._transport.session_id = stored
                identity = self._try("authenticate", "GetIdentity")
                if identity is not _Session.LOST and self._is_expected(identity):
                    self._company_checked = True
                    return
            self._log_in()

    def _check_company(self) -> None:
        identity = self._try("authenticate", "GetIdentity")
        if identity is _Session.LOST or identity is None:
            raise _session_refused()
        if not self._is_expected(identity):
            self._transport.session_id, self._unproved = None, False
            client = getattr(identity, "Client", None)
            message = sentence(
                "24SevenOffice logged in to company {company} ({name}) as identity {identity}, but the profile "
                "says {client_id} and {identity_id}",
                company=str(getattr(client, "Id", None)),
                name=clean(getattr(client, "Name", None)),
                identity=clean(str(getattr(identity, "Id", None))),
                client_id=self._settings.client_id,
                identity_id=self._settings.identity_id,
            )
            table = f"[profiles.{self._name}.24sevenoffice]"
            raise ConfigFault(message, sentence("correct {table}; nothing was sent", table=table))
        self._company_checked = True

    def _is_expected(self, identity: Any) -> bool:
        """Return whether both the identity and the company are the profile's."""
        client = getattr(identity, "Client", None)
        return (
            str(getattr(identity, "Id", "")).lower() == self._settings.identity_id.lower()
            and getattr(client, "Id", None) == self._settings.client_id
        )

    def _try(
        self,
        service: str,
        operation: str,
        only_unsent: bool = False,
        attempts: int | None = None,
        **arguments: Any,
    ) -> Any:
        """Return the answer, or LOST. Retries, ``attempts`` times at most; with ``only_unsent`` not after
        24SevenOffice may have received the request, because repeated logins are throttled."""
        last = tenacity.stop_after_attempt(attempts) if attempts else tenacity.stop_never
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(NotSent if only_unsent else (NotSent, NoAnswer))
            & tenacity.retry_if_exception(lambda error: getattr(error, "retry", True)),
            stop=tenacity.stop_before_delay(RETRY_SECONDS) | last,
            wait=tenacity.wait_random_exponential(multiplier=0.5, max=8),
            before_sleep=lambda state: _log_retry(operation, state),
            reraise=True,
        )
        try:
            return retrying(self._call, service, operation, **arguments)
        except NotSent as error:
            raise error.fault or Unavailable(_about(operation, error.reason), NEXT_RUN) from None
        except NoAnswer as error:
            if error.refused:
                raise refused(operation, error.reason) from None
            raise (TooLong if error.too_long else Unavailable)(_about(operation, error.reason), NEXT_RUN) from None
        except zeep.exceptions.Fault as fault:
            text = answers.fault_text(fault.code, fault.message)
            if answers.is_not_authenticated(fault.message):
                return _Session.LOST
            if answers.is_refusal(fault.message):
                raise refused(operation, text) from None
            raise Unavailable(_about(operation, text), NEXT_RUN) from None
        except UNREADABLE as error:
            raise unreadable(operation, error) from None

    def _call(self, service: str, operation: str, **arguments: Any) -> Any:
        asked_at, outcome = time.monotonic(), "answered"
        try:
            return getattr(self._service(service), operation)(**arguments)
        except BaseException as error:
            outcome = type(error).__name__
            raise
        finally:
            milliseconds = (time.monotonic() - asked_at) * 1000
            log.debug("24SevenOffice: %s: %s: %s, %.0f ms", self._name, operation, outcome, milliseconds)

    def _service(self, name: str) -> Any:
        """Return the service of one contract file, made when first used; base_url replaces scheme and host."""
        if name not in self._services:
            client: Any = zeep.Client(  # type: ignore[no-untyped-call]  # zeep has no types
                _contract(name), transport=self._transport, settings=SETTINGS
            )
            (binding,) = client.wsdl.bindings
            self._services[name] = client.create_service(binding, address_of(name, self._settings.base_url))
        return self._services[name]


def address_of(service: str, base_url: str | None) -> str:
    """Return the address of the service of a contract file; base_url replaces scheme and host."""
    ((port,),) = (each.ports.values() for each in _contract(service).services.values())
    address = str(port.binding_options["address"])
    if base_url:
        base = urlsplit(base_url)
        address = urlunsplit((base.scheme, base.netloc, urlsplit(address).path, "", ""))
    return address


def _log_retry(operation: str, state: tenacity.RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    log.info("24SevenOffice: %s: %s; asked again in %.1f s", operation, error, state.upcoming_sleep)


def unreadable(operation: str, error: Exception) -> Unavailable:
    """Return the exception for one of UNREADABLE."""
    text = sentence("an answer that could not be read ({error})", error=type(error).__name__)
    return Unavailable(_about(operation, text), CHECK)


def refused(operation: str, text: str) -> CredentialsFault:
    """Return the exception for a refusal that no waiting ends."""
    return CredentialsFault(
        sentence("24SevenOffice refuses {operation}: {text}", operation=operation, text=text),
        joined(
            ": ", (sentence("check the user's rights in 24SevenOffice, application_id and identity_id"), CHECK)
        ),
    )


def _about(operation: str, text: str) -> Sentence:
    """Return the text after the operation that it is about."""
    return joined(": ", ("24SevenOffice", operation, text))


def _session_refused() -> Unavailable:
    return Unavailable(sentence("24SevenOffice does not accept the session that it has just given"), NEXT_RUN)


@cache
def _contract(name: str) -> Any:
    """Return a parsed contract file; parsed once a process, however many profiles there are."""
    client: Any = zeep.Client(str(CONTRACTS / f"{name}.wsdl"), settings=SETTINGS)  # type: ignore[no-untyped-call]  # zeep has no types
    return client.wsdl
