"""The mail server: connect, make sure who it is, log in, and hand a letter over. The only door to smtplib."""

import logging
import smtplib
import socket
import ssl
from collections.abc import Callable, Iterable
from contextlib import suppress
from email.message import EmailMessage

from klarna24.config.tables import Email
from klarna24.errors import ConfigFault, CredentialsFault, Klarna24Error, Unavailable
from klarna24.logs.redaction import register_secret, server_text
from klarna24.notify import limit
from klarna24.text import clean

log = logging.getLogger(__name__)


def log_in(settings: Email, password: str | None) -> None:
    """On trial: nothing is sent. Raises as :func:`send`."""
    _converse(settings, password, lambda smtp: None)


def send(settings: Email, password: str | None, letter: EmailMessage) -> None:
    """Over a connection whose certificate holds, logged in where there is a password. Raises Unavailable,
    ConfigFault or CredentialsFault; after 20 s at the latest, and then the letter may have left or not."""

    def hand_over(smtp: smtplib.SMTP) -> None:
        refused = smtp.send_message(letter, settings.sender, settings.to)
        for address, (code, text) in refused.items():
            log.warning("%s does not take mail for %s: %s", _place(settings), clean(address), _said(code, text))

    _converse(settings, password, hand_over)


def _converse(settings: Email, password: str | None, work: Callable[[smtplib.SMTP], None]) -> None:
    open_ones: list[smtplib.SMTP] = []

    def conversation() -> None:
        smtp = _connect(settings)
        open_ones.append(smtp)
        try:
            _greet(smtp, settings, password)
            work(smtp)
            with suppress(OSError):  # what it says to QUIT changes nothing any more; smtplib's own are such
                if smtp.sock:
                    smtp.sock.settimeout(1)
                smtp.quit()
        finally:
            smtp.close()

    try:
        limit.within(limit.SECONDS, conversation, lambda: _hang_up(open_ones))
    except TimeoutError:
        text = f"{_place(settings)} did not answer within {limit.SECONDS:.0f} s"
        raise Unavailable(text, "ask whoever runs it") from None
    except Exception as error:  # noqa: BLE001 - sorted out by kind; a bug stays one
        raise _fault(settings, error) from None


def _connect(settings: Email) -> smtplib.SMTP:
    # smtplib would look its own full name up, which can take long and tells the server nothing; a second more than
    # there is in all, so that it is always the limit that speaks
    us = socket.gethostname()
    if settings.security == "tls":
        context = ssl.create_default_context()
        return smtplib.SMTP_SSL(settings.host, settings.port, us, timeout=limit.SECONDS + 1, context=context)
    return smtplib.SMTP(settings.host, settings.port, us, timeout=limit.SECONDS + 1)


def _greet(smtp: smtplib.SMTP, settings: Email, password: str | None) -> None:
    if settings.security == "starttls":
        smtp.starttls(context=ssl.create_default_context())
    if settings.username and password:
        _log_in(smtp, settings, settings.username, password)
    else:
        smtp.ehlo_or_helo_if_needed()


def _log_in(smtp: smtplib.SMTP, settings: Email, username: str, password: str) -> None:
    register_secret(password, *{username} - {settings.sender, *settings.to})  # addresses are no secret
    try:
        smtp.login(username, password)
    except UnicodeEncodeError:
        raise CredentialsFault(
            f"{_place(settings)}: smtplib can send no user or password but in ASCII", "change it to ASCII"
        ) from None


def _hang_up(open_ones: Iterable[smtplib.SMTP]) -> None:
    """Whoever waits for an answer gets an error instead."""
    for smtp in open_ones:
        with suppress(OSError):
            if smtp.sock:
                smtp.sock.shutdown(socket.SHUT_RDWR)


def _fault(settings: Email, error: Exception) -> Exception:
    """What went wrong, for the one who can mend it; what is no trouble of the mail server's is a bug."""
    place = _place(settings)
    match error:
        case Klarna24Error():
            return error
        case smtplib.SMTPException():
            return _refusal(settings, error)
        case ssl.SSLCertVerificationError():
            why = clean(error.verify_message)
            return ConfigFault(
                f"{place}: its certificate does not hold: {why}", "correct host, or ask whoever runs it"
            )
        case ssl.SSLError():
            return ConfigFault(f"{place} speaks no TLS ({clean(error.reason)})", _other_security(settings))
        case socket.gaierror() | UnicodeError():
            return Unavailable(f"{place}: no such host was found", "correct host, unless the network is down")
        case OSError():
            return _no_connection(settings, error)
    return error


def _refusal(settings: Email, error: smtplib.SMTPException) -> Klarna24Error:
    """What the server said, or does not offer."""
    place = _place(settings)
    match error:
        case smtplib.SMTPAuthenticationError(smtp_code=code, smtp_error=text):
            said = _said(code, text)
            return CredentialsFault(f"{place} refused the login: {said}", "check username and password")
        case smtplib.SMTPNotSupportedError() if "SMTPUTF8" in str(error):
            return ConfigFault(f"{place} takes no address with other letters than ASCII", "change from and to")
        case smtplib.SMTPNotSupportedError():
            what = "STARTTLS" if "STARTTLS" in str(error) else "login"
            return ConfigFault(f"{place} offers no {what}", _other_security(settings))
        case smtplib.SMTPRecipientsRefused(recipients=recipients):
            (address, (code, text)), *_ = recipients.items()
            said = _said(code, text)
            return ConfigFault(f"{place} takes no mail for {clean(address)}: {said}", "correct to, or ask there")
        case smtplib.SMTPResponseException(smtp_code=code, smtp_error=text):
            return Unavailable(f"{place} said: {_said(code, text)}", "ask whoever runs it")
    if type(error) is smtplib.SMTPException:
        return ConfigFault(f"{place} offers no login that smtplib knows", "ask whoever runs it")
    return _no_connection(settings, error)


def _no_connection(settings: Email, error: Exception) -> Unavailable:
    text = f"{_place(settings)}: no connection ({type(error).__name__})"
    return Unavailable(text, "correct host and port, or wait for it")


def _other_security(settings: Email) -> str:
    others = [f'"{way}"' for way in ("starttls", "tls") if way != settings.security]
    return f"try security = {' or '.join(others)} and its port: 587 for starttls, 465 for tls"


def _said(code: int, text: bytes | str) -> str:
    shown = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return f"{code} {server_text(shown, 200)}"


def _place(settings: Email) -> str:
    return f"mail server {clean(settings.host)}:{settings.port}"
