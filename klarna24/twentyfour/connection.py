"""A session in the right company, and calls under it.

read   a call that may be repeated: back-off, half a minute; a lost session is renewed once
once   a call that is never repeated here: the save
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
from klarna24.http import ServerTime
from klarna24.logs.redaction import register_guid, register_secret
from klarna24.text import Sentence, clean, joined, sentence
from klarna24.twentyfour import answers
from klarna24.twentyfour.sessions import Sessions, fits_a_cookie
from klarna24.twentyfour.transport import NoAnswer, NotSent, Transport, Write

CONTRACTS = Path(__file__).parent / "contracts"
RETRY_SECONDS = 30.0
NEXT_RUN = sentence("the next run carries on")
SETTINGS = zeep.Settings(
    # The first two together read past elements that the contract does not name (facts: zeep); that the answer is
    # whole, the transport has made sure.
    strict=False,
    xsd_ignore_sequence_order=True,
    forbid_dtd=True,
    forbid_entities=True,
    forbid_external=True,
)
# What zeep raises on a well-formed answer that is not what the contract says (facts: "zeep (Z)").
UNREADABLE = (zeep.exceptions.Error, AttributeError, ValueError, TypeError, ArithmeticError, LookupError)
log = logging.getLogger(__name__)


class _Session(Enum):
    """In the place of an answer: the session under which it was asked for is gone."""

    LOST = "lost"


class Connection:
    """One user in one company. Raises Unavailable, CredentialsFault or ConfigFault."""

    def __init__(self, profile: Profile, password: Callable[[], str], sessions: Sessions) -> None:
        self._name = profile.name
        self._settings = profile.twentyfour
        register_guid(self._settings.application_id)
        self._password = password
        self._sessions = sessions
        self._transport = Transport(self._settings.base_url, self._settings.username)
        self._services: dict[str, Any] = {}
        self._company_checked = False
        self._unproved = False  # logged in, and nothing has succeeded since

    def close(self) -> None:
        self._transport.session.close()

    @property
    def server_time(self) -> ServerTime | None:
        """Of the last answer."""
        return self._transport.server_time

    def read(self, service: str, operation: str, **arguments: Any) -> Any:
        """The answer; lists and values that .NET left out are None."""
        self._open()
        answer = self._try(service, operation, **arguments)
        if answer is _Session.LOST:
            self.renew()
            answer = self._try(service, operation, **arguments)
            if answer is _Session.LOST:
                raise _refused_again()
        self._unproved = False
        return answer

    def once(self, service: str, operation: str, write: Write, **arguments: Any) -> Any:
        """The answer, on a connection of its own, so that it cannot die on one that the server has dropped.
        ``write`` makes the message of zeep's envelope. Raises what the network and zeep raise, too: what that
        means for the caller is told in answers.py."""
        self._open()
        self._transport.fresh_connection()
        self._transport.write = write
        try:
            answer = self._call(service, operation, **arguments)
        finally:
            self._transport.write = None
        self._unproved = False
        return answer

    def renew(self) -> None:
        """The session is lost: one that a profile beside this one has got meanwhile, or a login."""
        self._renew(self._transport.session_id)

    def _log_in(self) -> None:
        """Log in, and make sure that it is to the pinned company before anything else is asked (facts: posting
        into the default company is a known accident). No login follows one that nothing has succeeded under."""
        if self._unproved:
            raise _refused_again()
        self._company_checked, self._transport.session_id = False, None
        credential = {**self._credential(), "IdentityId": self._settings.identity_id}
        answer = self._try("authenticate", "Login", once_heard=True, credential=credential)
        session_id = "" if answer is _Session.LOST else str(answer or "")
        register_secret(session_id)
        if not session_id:
            raise CredentialsFault(
                sentence("24SevenOffice refused the login of {username}", username=self._settings.username),
                sentence(
                    "check username, password, application_id and identity_id: {command}", command="klarna24 check"
                ),
            )
        if not fits_a_cookie(session_id):
            raise Unavailable(sentence("24SevenOffice gave a session id that no cookie can hold"), NEXT_RUN)
        self._transport.session_id, self._unproved = session_id, True
        self._check_company()
        log.info("24SevenOffice: %s: logged in as %s", self._name, self._settings.username)
        self._sessions.write(self._settings, session_id)

    def identities(self) -> Any:
        """Whom the user may act for: asked with the credentials, before there is a session."""
        return self._try("authenticate", "GetIdentitiesWithCredential", credential=self._credential())

    def _credential(self) -> dict[str, str]:
        password = self._password()
        register_secret(password)
        if any(ord(character) < 32 for character in password):  # XML cannot hold it
            raise CredentialsFault(
                sentence("the password for 24SevenOffice has a line break or control character in it"),
                sentence("store it alone"),
            )
        return {
            "ApplicationId": self._settings.application_id,
            "Password": password,
            "Username": self._settings.username,
        }

    def _open(self) -> None:
        """The kept session if it still stands for the pinned company, else a new one."""
        if not self._company_checked:
            self._renew(None)

    def _renew(self, lost: str | None) -> None:
        """The kept session, unless that is the lost one, else a new one. Profiles of one user that run side by
        side take turns, so that the first logs in for all of them (facts: repeated logins are throttled)."""
        if self._unproved:
            raise _refused_again()
        self._company_checked = False
        with self._sessions.turn(self._settings):
            kept = self._sessions.read(self._settings)
            if kept and kept != lost:
                self._transport.session_id = kept
                identity = self._try("authenticate", "GetIdentity")
                if identity is not _Session.LOST and self._is_pinned(identity):
                    self._company_checked = True
                    return
            self._log_in()

    def _check_company(self) -> None:
        identity = self._try("authenticate", "GetIdentity")
        if identity is _Session.LOST or identity is None:
            raise _refused_again()
        if not self._is_pinned(identity):
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

    def _is_pinned(self, identity: Any) -> bool:
        client = getattr(identity, "Client", None)
        return (
            str(getattr(identity, "Id", "")).lower() == self._settings.identity_id.lower()
            and getattr(client, "Id", None) == self._settings.client_id
        )

    def _try(self, service: str, operation: str, once_heard: bool = False, **arguments: Any) -> Any:
        """The answer, or LOST; asked for again while there is hope, but with ``once_heard`` not after it may have
        been server_text (repeated logins are throttled)."""
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(NotSent if once_heard else (NotSent, NoAnswer))
            & tenacity.retry_if_exception(lambda error: getattr(error, "retry", True)),
            stop=tenacity.stop_before_delay(RETRY_SECONDS),
            wait=tenacity.wait_random_exponential(multiplier=0.5, max=8),
            before_sleep=lambda state: _tell(operation, state),
            reraise=True,
        )
        try:
            return retrying(self._call, service, operation, **arguments)
        except (NotSent, NoAnswer) as error:
            raise Unavailable(_of(operation, error.reason), NEXT_RUN) from None
        except zeep.exceptions.Fault as fault:
            if answers.is_not_authenticated(fault):
                return _Session.LOST
            raise Unavailable(_of(operation, answers.said_by(fault)), NEXT_RUN) from None
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
        """The service of one contract file, made when first used; base_url replaces scheme and host."""
        if name not in self._services:
            client: Any = zeep.Client(  # type: ignore[no-untyped-call]  # zeep has no types
                _contract(name), transport=self._transport, settings=SETTINGS
            )
            binding = next(iter(client.wsdl.bindings))
            address = client.service._binding_options["address"]
            if self._settings.base_url:
                host = urlsplit(self._settings.base_url)
                address = urlunsplit((host.scheme, host.netloc, urlsplit(address).path, "", ""))
            self._services[name] = client.create_service(binding, address)
        return self._services[name]


def _tell(operation: str, state: tenacity.RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    log.info("24SevenOffice: %s: %s; asked again in %.1f s", operation, error, state.upcoming_sleep)


def unreadable(operation: str, error: Exception) -> Unavailable:
    what = sentence("an answer that could not be read ({error})", error=type(error).__name__)
    return Unavailable(_of(operation, what), "klarna24 check")


def _of(operation: str, what: str) -> Sentence:
    """What was asked, and what about it."""
    return joined(": ", ("24SevenOffice", operation, what))


def _refused_again() -> Unavailable:
    return Unavailable(sentence("24SevenOffice does not accept the session that it just gave"), NEXT_RUN)


@cache
def _contract(name: str) -> Any:
    """A contract file, parsed once a process, however many profiles there are."""
    client: Any = zeep.Client(str(CONTRACTS / f"{name}.wsdl"), settings=SETTINGS)  # type: ignore[no-untyped-call]
    return client.wsdl
