"""The types of the values in profiles.toml, with a message for a bookkeeper where a value is refused."""

import ipaddress
import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Literal, cast
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from klarna24.text.clean import clean

SECRET_SOURCES = ("env", "file", "command", "systemd", "keyring")


def fault(message: str) -> PydanticCustomError:
    """The error to raise in a validator. The message may contain braces: it is not used as a template."""
    return PydanticCustomError("klarna24", "{message}", {"message": message})


@dataclass(frozen=True, slots=True)
class Secret:
    """Where a secret is kept. ``value`` is the variable, the path, the command's arguments or the name."""

    source: Literal["env", "file", "command", "systemd", "keyring"]
    value: str | tuple[str, ...] = ""


def secret_source(raw: object) -> Secret:
    """The source in a table such as ``{ env = "NAME" }``. No message shows a value, which may be the secret."""
    ways = 'use { env = "NAME" }, { file = "/path" }, { command = ["pass", "show", "name"] }, '
    ways += '{ systemd = "name" } or { keyring = true }'
    if isinstance(raw, str):
        raise fault(f"a secret must not be written in this file: {ways}")
    if not isinstance(raw, dict) or len(raw) != 1 or next(iter(raw)) not in SECRET_SOURCES:
        raise fault(f"not a secret source: {ways}")
    source, value = next(iter(raw.items()))
    match source, value:
        case "keyring", True:
            return Secret("keyring")
        case "command", [str(), *_] if value[0] and all(isinstance(w, str) and "\0" not in w for w in value):
            return Secret("command", tuple(value))
        case (("env" | "file" | "systemd"), str()) if value.strip() and "\0" not in value:
            if source == "env" and not re.fullmatch(r"[A-Za-z_]\w*", value, re.ASCII):
                raise fault("env: give the name of the variable, not the secret itself")
            if source == "systemd" and "/" in value:
                raise fault("systemd: give the name of the credential, as in LoadCredential=name:…, not a path")
            return Secret(source, value)
    raise fault(f"{source}: not a valid value: {ways}")


def title_or_number(raw: object) -> object:
    """Accepts the title or the number of a voucher type."""
    if isinstance(raw, bool) or not isinstance(raw, str | int) or not str(raw).strip():
        raise fault("give the title or the number of a voucher type")
    return raw


def foreign_currency(raw: object) -> object:
    """Accepts what is done with a payout in another currency; "rate" was a way of version 0.1."""
    if raw == "rate":
        raise fault(
            '"rate" is gone, because it took the rate of today: write "ecb" for the European Central '
            'Bank\'s rate of the payout date, or "hold"'
        )
    return raw


def vat_rate(raw: object) -> object:
    """Accepts a rate in per cent, as in 25 or 25.5; returns a Decimal."""
    if isinstance(raw, bool) or not isinstance(raw, int | float) or not 0 < raw < 100:
        raise fault("give the rate in per cent, as in 25")
    return Decimal(str(raw))


def tax_code(raw: object) -> object:
    """Accepts the number of a VAT code, which 24SevenOffice has as text: "7" or 7."""
    if isinstance(raw, bool) or not re.fullmatch(r"[1-9]\d{0,8}|0", str(raw), re.ASCII):
        raise fault('give the number of a VAT code of 24SevenOffice, as in "7"')
    return str(raw)


def _by_detailed_type(raw: object) -> object:
    """Accepts a table of accounts by detailed type, or a number, which is the account of all detailed types."""
    if isinstance(raw, int) and not isinstance(raw, bool):
        return {"other": raw}
    if not isinstance(raw, dict):
        raise fault("give an account number, or a table of account numbers by Klarna's detailed_type")
    for name in raw:
        if name != clean(name) or not name:  # as Klarna's names are read: no row could ever have this one
            raise fault(f"{name!a} is not a detailed_type: it is empty, or has characters that do not show")
    return raw


def base_url(raw: object) -> object:
    """Accepts scheme and host; http only on this machine."""
    if not isinstance(raw, str):
        raise fault("give an address as text")
    try:
        parts = urlsplit(raw)
        port = parts.port
    except ValueError:  # its message shows what stands for the port, such as the password of user:password@host
        raise fault('not an address: use scheme and host, as in "https://api.kustom.co"') from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0:
        raise fault('give scheme and host, as in "https://api.kustom.co"')
    if parts.path not in {"", "/"} or parts.query or parts.fragment or parts.username is not None:
        raise fault("give only scheme and host: no path, no user, no query")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise fault("http would send the password unencrypted: use https")
    if not re.fullmatch(r"https?://[\w.:\[\]-]+/?", raw, re.IGNORECASE):  # urlsplit accepts blanks and a bare ?
        raise fault('give scheme and host and nothing else, as in "https://api.kustom.co"')
    return raw.rstrip("/")


def heartbeat_url(raw: object) -> object:
    """Accepts the address of one check of a monitor, without query; http only on this machine."""
    if not isinstance(raw, str) or not re.fullmatch(r"https?://[\w.:\[\]-]+/[\w./~%+-]*", raw, re.IGNORECASE):
        raise fault('give the address of a check, as in "https://hc-ping.com/your-uuid": no user, no query')
    base_url(raw[: raw.index("/", len("https://"))])  # raises for a wrong host, and for http elsewhere
    return raw.rstrip("/")


def is_loopback(host: str) -> bool:
    """Whether the host is this machine, without looking up its name."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def zone(raw: object) -> ZoneInfo:
    """Accepts the name of a time zone."""
    try:
        return ZoneInfo(cast(str, raw))
    except (KeyError, ValueError, TypeError, OSError):
        raise fault(f'unknown time zone {raw!r}: use a name such as "Europe/Stockholm"') from None


AccountNo = Annotated[int, Field(ge=1, le=32767)]
Id = Annotated[int, Field(ge=1, le=2**31 - 1)]
Guid = Annotated[str, Field(pattern=r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")]
MailAddress = Annotated[str, Field(pattern=r"^[^@\s\x00-\x1f]+@[^@\s\x00-\x1f]+$")]
Text = Annotated[str, Field(min_length=1, pattern=r"^[^\x00-\x1f\x7f]+$")]
SecretField = Annotated[Secret, BeforeValidator(secret_source)]
BaseUrl = Annotated[str, BeforeValidator(base_url)]
HeartbeatUrl = Annotated[str, BeforeValidator(heartbeat_url)]
AccountsByType = Annotated[dict[str, AccountNo], BeforeValidator(_by_detailed_type)]
ForeignCurrency = Annotated[Literal["hold", "ecb"], BeforeValidator(foreign_currency)]
VatRate = Annotated[Decimal, BeforeValidator(vat_rate)]
TaxCode = Annotated[str, BeforeValidator(tax_code)]
