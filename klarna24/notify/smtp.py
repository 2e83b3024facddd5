"""Sends mail: the only module that imports smtplib."""

import logging
import smtplib
import socket
import ssl
from collections.abc import Callable
from contextlib import closing, suppress
from email.message import EmailMessage
from threading import Lock

from klarna24.config.contacts import Email
from klarna24.errors import ConfigFault, CredentialsFault, Klarna24Error, Unavailable
from klarna24.logs.redaction import register_secret, server_text
from klarna24.notify import limit
from klarna24.text.clean import clean
from klarna24.text.sentences import Sentence, joined, sentence

ASK = sentence("ask whoever runs it")
log = logging.getLogger(__name__)


class MayHaveLeft(Unavailable):
    """The message was being sent, and no reply says what became of it."""


# Replies, and what smtplib refuses by itself: the server has not taken the message.
_REFUSALS = (smtplib.SMTPResponseException, smtplib.SMTPRecipientsRefused, smtplib.SMTPNotSupportedError)


def log_in(settings: Email, password: str | None) -> None:
    """Log in and send nothing. Raises as :func:`send`."""
    _converse(settings, password, lambda smtp: None)


def send(settings: Email, password: str | None, message: EmailMessage) -> None:
    """Send the message, over TLS unless ``security`` is none, logged in where there is a password. Raises
    Unavailable, ConfigFault or CredentialsFault after 20 s at most; the message has left only where it is
    MayHaveLeft."""
    claim = Lock()  # taken by the transfer that may succeed, or by whoever has given up before one began

    def transfer(smtp: smtplib.SMTP) -> None:
        if not claim.acquire(blocking=False):
            return
        try:
            refused = smtp.send_message(message, settings.sender, settings.to)
        except _REFUSALS:
            claim.release()
            raise
        for address, (code, text) in refused.items():
            reply = _reply(code, text)
            log.warning("mail server %s does not accept mail for %s: %s", _server(settings), clean(address), reply)

    try:
        _converse(settings, password, transfer)
    except Klarna24Error as error:
        if claim.acquire(blocking=False):
            raise
        raise MayHaveLeft(error.message, error.hint) from None


def _converse(settings: Email, password: str | None, work: Callable[[smtplib.SMTP], None]) -> None:
    def conversation() -> None:
        with closing(_connect(settings)) as smtp:  # not smtplib's own context, which raises what QUIT is answered
            _greet(smtp, settings, password)
            work(smtp)
            with suppress(OSError):  # the answer to QUIT no longer matters; smtplib's exceptions are OSErrors
                if smtp.sock:
                    smtp.sock.settimeout(1)
                smtp.quit()

    try:
        limit.within(limit.SECONDS, conversation)
    except TimeoutError:
        message = sentence(
            "mail server {server} did not answer within {seconds} s",
            server=_server(settings),
            seconds=f"{limit.SECONDS:.0f}",
        )
        raise Unavailable(message, ASK) from None
    except Exception as error:  # noqa: BLE001 - sorted by kind below; a bug is raised again
        raise _fault(settings, error) from None


def _connect(settings: Email) -> smtplib.SMTP:
    """A connection, after the server's greeting. It is given our host name, which smtplib would look up, and a
    second more than the time limit, so that it is always the limit that reports a server which does not answer."""
    host, port, name, seconds = settings.host, settings.port, socket.gethostname(), limit.SECONDS + 1
    if settings.security == "tls":
        return smtplib.SMTP_SSL(host, port, name, timeout=seconds, context=ssl.create_default_context())
    return smtplib.SMTP(host, port, name, timeout=seconds)


def _greet(smtp: smtplib.SMTP, settings: Email, password: str | None) -> None:
    if settings.security == "starttls":
        smtp.starttls(context=ssl.create_default_context())
    if settings.username and password:
        _log_in(smtp, settings, settings.username, password)
    else:
        smtp.ehlo_or_helo_if_needed()


def _log_in(smtp: smtplib.SMTP, settings: Email, username: str, password: str) -> None:
    register_secret(password, *{username} - {settings.sender, *settings.to})  # mail addresses are no secret
    try:
        smtp.login(username, password)
    except UnicodeEncodeError:
        message = sentence("mail server {server}: user name and password must be ASCII", server=_server(settings))
        raise CredentialsFault(message, sentence("change it to ASCII")) from None


def _fault(settings: Email, error: Exception) -> Exception:
    """The fault to report for an exception; a bug is returned as it is."""
    server = _server(settings)
    match error:
        case Klarna24Error():
            return error
        case smtplib.SMTPException():
            return _refusal(settings, error)
        case ssl.SSLCertVerificationError():
            message = sentence(
                "mail server {server}: certificate verification failed: {reason}",
                server=server,
                reason=clean(error.verify_message),
            )
            return ConfigFault(message, sentence("correct host, or ask whoever runs the mail server"))
        case ssl.SSLError():
            message = sentence(
                "mail server {server} does not support TLS ({reason})", server=server, reason=clean(error.reason)
            )
            return ConfigFault(message, _other_security(settings))
        case socket.gaierror() | UnicodeError():
            return Unavailable(
                sentence("mail server {server}: no such host was found", server=server),
                sentence("correct host, unless the network is down"),
            )
        case OSError():
            return _no_connection(settings, error)
    return error


def _refusal(settings: Email, error: smtplib.SMTPException) -> Klarna24Error:
    """The fault to report for what the server replied, or does not support."""
    server = _server(settings)
    match error:
        case smtplib.SMTPAuthenticationError(smtp_code=code, smtp_error=text):
            message = sentence(
                "mail server {server} refused the login: {reply}", server=server, reply=_reply(code, text)
            )
            return CredentialsFault(message, sentence("check username and password"))
        case smtplib.SMTPNotSupportedError() if "SMTPUTF8" in str(error):
            message = sentence("mail server {server} only accepts addresses in ASCII", server=server)
            return ConfigFault(message, sentence("change from and to"))
        case smtplib.SMTPNotSupportedError():
            feature = "STARTTLS" if "STARTTLS" in str(error) else sentence("a login")
            message = sentence("mail server {server} does not support {feature}", server=server, feature=feature)
            return ConfigFault(message, _other_security(settings))
        case smtplib.SMTPRecipientsRefused(recipients=recipients):
            (address, (code, text)), *_ = recipients.items()
            message = sentence(
                "mail server {server} does not accept mail for {address}: {reply}",
                server=server,
                address=clean(address),
                reply=_reply(code, text),
            )
            return ConfigFault(message, sentence("correct to, or ask there"))
        case smtplib.SMTPResponseException(smtp_code=code, smtp_error=text):
            message = sentence("mail server {server} replied: {reply}", server=server, reply=_reply(code, text))
            return Unavailable(message, ASK)
    if type(error) is smtplib.SMTPException:  # smtplib's only use of it: no common login method
        message = sentence(
            "mail server {server} does not support any login method that klarna24 knows", server=server
        )
        return ConfigFault(message, ASK)
    return _no_connection(settings, error)


def _no_connection(settings: Email, error: Exception) -> Unavailable:
    message = sentence(
        "mail server {server}: no connection ({name})", server=_server(settings), name=type(error).__name__
    )
    return Unavailable(message, sentence("correct host and port, or wait for it"))


def _other_security(settings: Email) -> Sentence:
    others = [f'"{way}"' for way in ("starttls", "tls") if way != settings.security]
    return sentence(
        "try security = {ways} and its port: 587 for starttls, 465 for tls", ways=joined(" / ", others)
    )


def _reply(code: int, text: bytes | str) -> str:
    shown = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return f"{code} {server_text(shown, 200)}"


def _server(settings: Email) -> str:
    return f"{clean(settings.host)}:{settings.port}"
