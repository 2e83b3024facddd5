"""The mail server: connect, make sure who it is, log in. The only door to smtplib."""

import smtplib
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Thread, Timer

from klarna24.config import Email, is_loopback
from klarna24.errors import ConfigFault, CredentialsFault, Klarna24Error, Unavailable
from klarna24.text import clean

SECONDS = 20.0  # in all, names looked up and the login included


@contextmanager
def connect_and_login(settings: Email, password: str | None) -> Iterator[smtplib.SMTP]:
    """A connection over which mail can be sent, by a certificate that holds; logged in where there is a password.

    Raises Unavailable, ConfigFault or CredentialsFault. What stands inside has the same 20 s, counted anew.
    """
    _check_settings(settings, password)
    smtp = _within_seconds(settings, password)
    guard = Timer(SECONDS, _hang_up, [smtp])
    guard.daemon = True
    guard.start()
    try:
        yield smtp
    except OSError as error:  # smtplib's own are such
        raise _fault(settings, error) from None
    finally:
        guard.cancel()
        with suppress(OSError):
            if smtp.sock:
                smtp.sock.settimeout(1)  # what it says to QUIT changes nothing any more
            smtp.quit()
        smtp.close()


def _check_settings(settings: Email, password: str | None) -> None:
    if bool(settings.username) != bool(password):
        missing, given = ("password", "username") if settings.username else ("username", "password")
        raise ConfigFault(
            f"{_place(settings)}: a {given} without a {missing}", f"add {missing} = …, or take {given} away"
        )
    if password and settings.security == "none" and not is_loopback(settings.host):
        raise ConfigFault(
            f'{_place(settings)}: security = "none" would send the password in the clear',
            'security = "starttls" or "tls"',
        )


def _within_seconds(settings: Email, password: str | None) -> smtplib.SMTP:
    """In a thread of its own: neither a look-up of a name nor a server that drips knows of a time limit."""
    ended: list[smtplib.SMTP | Exception] = []

    def connect() -> None:
        try:
            ended.append(_connect(settings, password))
        except Exception as error:  # noqa: BLE001 - raised again below, where somebody hears it
            ended.append(error)

    thread = Thread(target=connect, daemon=True, name="mail")
    thread.start()
    thread.join(SECONDS)
    match ended:
        case [smtplib.SMTP() as smtp]:
            return smtp
        case [Exception() as error]:
            raise _fault(settings, error) from None
    raise Unavailable(f"{_place(settings)} did not answer within {SECONDS:.0f} s", "ask whoever runs it")


def _connect(settings: Email, password: str | None) -> smtplib.SMTP:
    context = ssl.create_default_context()
    # smtplib would look its own full name up, which can take long and tells the server nothing
    us = socket.gethostname()
    if settings.security == "tls":
        smtp: smtplib.SMTP = smtplib.SMTP_SSL(settings.host, settings.port, us, timeout=SECONDS, context=context)
    else:
        smtp = smtplib.SMTP(settings.host, settings.port, us, timeout=SECONDS)
    try:
        if settings.security == "starttls":
            smtp.starttls(context=context)
        if settings.username and password:
            _log_in(smtp, settings, settings.username, password)
        else:
            smtp.ehlo_or_helo_if_needed()
    except BaseException:
        smtp.close()
        raise
    return smtp


def _log_in(smtp: smtplib.SMTP, settings: Email, username: str, password: str) -> None:
    try:
        smtp.login(username, password)
    except UnicodeEncodeError:
        raise CredentialsFault(
            f"{_place(settings)}: smtplib can send no user or password but in ASCII", "change it to ASCII"
        ) from None


def _hang_up(smtp: smtplib.SMTP) -> None:
    """Whoever waits for an answer gets an error instead."""
    with suppress(OSError):
        if smtp.sock:
            smtp.sock.shutdown(socket.SHUT_RDWR)


def _fault(settings: Email, error: Exception) -> Exception:
    """What went wrong, for the one who can mend it; what is no trouble of the mail server's is a bug."""
    place = _place(settings)
    match error:
        case Klarna24Error():
            return error
        case ssl.SSLCertVerificationError():
            why = clean(error.verify_message)
            return ConfigFault(
                f"{place}: its certificate does not hold: {why}", "correct host, or ask whoever runs it"
            )
        case ssl.SSLError():
            return ConfigFault(f"{place} speaks no TLS ({clean(error.reason)})", _other_security(settings))
        case smtplib.SMTPAuthenticationError():
            return CredentialsFault(f"{place} refused the login: {_said(error)}", "check username and password")
        case smtplib.SMTPNotSupportedError():
            what = "STARTTLS" if "STARTTLS" in str(error) else "login"
            return ConfigFault(f"{place} offers no {what}", _other_security(settings))
        case smtplib.SMTPException() if type(error) is smtplib.SMTPException:
            return ConfigFault(f"{place} offers no login that smtplib knows", "ask whoever runs it")
        case smtplib.SMTPResponseException():
            return Unavailable(f"{place} said: {_said(error)}", "ask whoever runs it")
        case socket.gaierror() | UnicodeError():
            return Unavailable(f"{place}: no such host was found", "correct host, unless the network is down")
        case OSError():
            why = f"no connection ({type(error).__name__})"
            return Unavailable(f"{place}: {why}", "correct host and port, or wait for it")
    return error


def _other_security(settings: Email) -> str:
    others = [f'"{way}"' for way in ("starttls", "tls") if way != settings.security]
    return f"try security = {' or '.join(others)} and its port: 587 for starttls, 465 for tls"


def _said(error: smtplib.SMTPResponseException) -> str:
    text = error.smtp_error.decode("utf-8", "replace") if isinstance(error.smtp_error, bytes) else error.smtp_error
    return f"{error.smtp_code} {clean(text)[:200]}"


def _place(settings: Email) -> str:
    return f"mail server {clean(settings.host)}:{settings.port}"
