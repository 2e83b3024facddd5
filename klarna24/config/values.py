"""The types of the values in profiles.toml, with a message for a bookkeeper where a value is refused."""

import ipaddress
import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, Literal, cast, get_args, get_origin
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from klarna24.text.clean import clean
from klarna24.text.sentences import Sentence, sentence

UTF16 = (b"\xff\xfe", b"\xfe\xff")  # how a text in UTF-16 begins
SECRET_SOURCES = ("env", "file", "command", "systemd", "keyring")
SOURCES = '{ env = "NAME" }, { file = "/path" }, { command = ["pass", "show", "name"] }, '
SOURCES += '{ systemd = "name" }, { keyring = true }'


class Table(BaseModel):
    """A table of profiles.toml: no value is converted into another type, and it cannot be changed."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, arbitrary_types_allowed=True)

    @classmethod
    def keys(cls) -> list[str]:
        """Its keys, as they are written in the file."""
        return [field.alias or name for name, field in cls.model_fields.items()]

    @classmethod
    def table(cls, key: str | int) -> "type[Table] | None":
        """The table below this key, if one belongs there."""
        fields = cls.model_fields.items()
        annotation = next((field.annotation for name, field in fields if key == (field.alias or name)), None)
        candidates = (annotation, *get_args(annotation))
        return next((it for it in candidates if isinstance(it, type) and issubclass(it, Table)), None)

    @classmethod
    def tables_by_name(cls) -> list[str]:
        """Those of its keys that hold tables whose keys are Klarna's, not ours."""
        fields = cls.model_fields.items()
        return [name for name, field in fields if get_origin(field.annotation) is dict]


def fault(message: Sentence) -> PydanticCustomError:
    """The error to raise in a validator of one value."""
    return PydanticCustomError("klarna24", "{message}", {"message": message})


def conflict(message: Sentence) -> PydanticCustomError:
    """The error to raise where values, each of which is valid, do not go together."""
    return PydanticCustomError("klarna24-conflict", "{message}", {"message": message})


@dataclass(frozen=True, slots=True)
class Secret:
    """Where a secret is kept. ``value`` is the variable, the path, the command's arguments or the name."""

    source: Literal["env", "file", "command", "systemd", "keyring"]
    value: str | tuple[str, ...] = ""


def secret_source(raw: object) -> Secret:
    """The source in a table such as ``{ env = "NAME" }``. No message shows a value, which may be the secret."""
    if isinstance(raw, str):
        raise fault(sentence("a secret must not be written in this file: use one of {sources}", sources=SOURCES))
    if not isinstance(raw, dict) or len(raw) != 1 or next(iter(raw)) not in SECRET_SOURCES:
        raise fault(sentence("not a place of a secret: use one of {sources}", sources=SOURCES))
    source, value = next(iter(raw.items()))
    match source, value:
        case "keyring", True:
            return Secret("keyring")
        case "command", [str(), *_] if value[0] and all(isinstance(w, str) and "\0" not in w for w in value):
            return Secret("command", tuple(value))
        case (("env" | "file" | "systemd"), str()) if value.strip() and "\0" not in value:
            if source == "env" and not re.fullmatch(r"[A-Za-z_]\w*", value, re.ASCII):
                raise fault(sentence("env: give the name of the variable, not the secret itself"))
            if source == "systemd" and "/" in value:
                raise fault(
                    sentence("systemd: give the name of the credential, as in LoadCredential=name:…, not a path")
                )
            return Secret(source, value)
    raise fault(sentence("{source}: not a valid value: use one of {sources}", source=source, sources=SOURCES))


def title_or_number(raw: object) -> object:
    """Accepts the title or the number of a voucher type."""
    if isinstance(raw, bool) or not isinstance(raw, str | int) or not str(raw).strip():
        raise fault(sentence("give the title or the number of a voucher type"))
    return raw


def foreign_currency(raw: object) -> object:
    """Accepts what is done with a payout in another currency; "rate" was a way of version 0.1."""
    if raw == "rate":
        raise fault(
            sentence(
                '"rate" is gone, because it took the rate of today: write "ecb" for the European Central '
                'Bank\'s rate of the payout date, or "hold"'
            )
        )
    return raw


def vat_rate(raw: object) -> object:
    """Accepts a rate in per cent, as in 25 or 25.5; returns a Decimal."""
    if isinstance(raw, bool) or not isinstance(raw, int | float) or not 0 < raw < 100:
        raise fault(sentence("give the rate in per cent, as in 25"))
    return Decimal(str(raw))


def tax_code(raw: object) -> object:
    """Accepts the number of a VAT code, which 24SevenOffice has as text: "7" or 7."""
    if isinstance(raw, bool) or not re.fullmatch(r"[1-9]\d{0,8}|0", str(raw), re.ASCII):
        raise fault(sentence('give the number of a VAT code of 24SevenOffice, as in "7"'))
    return str(raw)


def _by_detailed_type(raw: object) -> object:
    """Accepts a table of accounts by detailed type, or a number, which is the account of all detailed types."""
    if isinstance(raw, int) and not isinstance(raw, bool):
        return {"other": raw}
    if not isinstance(raw, dict):
        raise fault(sentence("give an account number, or a table of account numbers by Klarna's detailed_type"))
    for name in raw:
        if name != clean(name) or not name:  # as Klarna's names are read: no row could ever have this one
            raise fault(
                sentence(
                    "{name} is not a detailed_type: it is empty, or has characters that do not show",
                    name=ascii(name),
                )
            )
    return raw


_ADDRESS = '"https://api.kustom.co"'


def base_url(raw: object) -> object:
    """Accepts scheme and host; http only on this machine."""
    if not isinstance(raw, str):
        raise fault(sentence("give an address as text"))
    try:
        parts = urlsplit(raw)
        port = parts.port
    except ValueError:  # its message shows what stands for the port, such as the password of user:password@host
        raise fault(sentence("not an address: use scheme and host, as in {example}", example=_ADDRESS)) from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0:
        raise fault(sentence("give scheme and host, as in {example}", example=_ADDRESS))
    if parts.path not in {"", "/"} or parts.query or parts.fragment or parts.username is not None:
        raise fault(sentence("give only scheme and host: no path, no user, no query"))
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise fault(sentence("http would send the password unencrypted: use https"))
    if not re.fullmatch(r"https?://[\w.:\[\]-]+/?", raw, re.IGNORECASE):  # urlsplit accepts blanks and a bare ?
        raise fault(sentence("give scheme and host and nothing else, as in {example}", example=_ADDRESS))
    return raw.rstrip("/")


def heartbeat_url(raw: object) -> object:
    """Accepts the address of one check of a monitor, without query; http only on this machine."""
    if not isinstance(raw, str) or not re.fullmatch(r"https?://[\w.:\[\]-]+/[\w./~%+-]*", raw, re.IGNORECASE):
        raise fault(
            sentence(
                "give the address of a check, as in {example}: no user, no query",
                example='"https://hc-ping.com/your-uuid"',
            )
        )
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
        raise fault(
            sentence(
                "unknown time zone {name}: use a name such as {example}",
                name=repr(raw),
                example='"Europe/Stockholm"',
            )
        ) from None


def _schema(**schema: Any) -> WithJsonSchema:
    return WithJsonSchema(schema)


GUID = r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"
MAIL_ADDRESS = r"^[^@\s\x00-\x1f]+@[^@\s\x00-\x1f]+$"
TEXT = r"^[^\x00-\x1f\x7f]+$"
CURRENCY = r"^[A-Z]{3}$"
# What is said of a text that does not follow the pattern:
OF_PATTERN = {
    GUID: sentence("not an id: it has the form {form}", form="00000000-0000-0000-0000-000000000000"),
    MAIL_ADDRESS: sentence(
        "not a mail address: give one address in each text, as in {example}", example='"a@b.se"'
    ),
    TEXT: sentence("it has a line break, or another character that does not show"),
    CURRENCY: sentence("not a currency: write its three capital letters, as in {example}", example='"SEK"'),
}

AccountNo = Annotated[int, Field(ge=1, le=32767)]
Id = Annotated[int, Field(ge=1, le=2**31 - 1)]
Guid = Annotated[str, Field(pattern=GUID)]
MailAddress = Annotated[str, Field(pattern=MAIL_ADDRESS)]
Text = Annotated[str, Field(min_length=1, pattern=TEXT)]
Currency = Annotated[str, Field(pattern=CURRENCY)]
SecretField = Annotated[
    Secret,
    BeforeValidator(secret_source),
    _schema(
        type="object",
        properties={
            "env": {"type": "string", "pattern": r"^[A-Za-z_]\w*$"},
            "file": {"type": "string", "minLength": 1},
            "command": {"type": "array", "items": {"type": "string"}, "minItems": 1},
            "systemd": {"type": "string", "pattern": "^[^/]+$"},
            "keyring": {"const": True},
        },
        additionalProperties=False,
        minProperties=1,
        maxProperties=1,
    ),
]
TimeZone = Annotated[ZoneInfo, BeforeValidator(zone), _schema(type="string", minLength=1)]
BaseUrl = Annotated[str, BeforeValidator(base_url), _schema(type="string", pattern=r"^https?://[^/?#@]+/?$")]
HeartbeatUrl = Annotated[
    str, BeforeValidator(heartbeat_url), _schema(type="string", pattern=r"^https?://[^/?#@]+/[^?#]*$")
]
_ACCOUNT = {"type": "integer", "minimum": 1, "maximum": 32767}
AccountsByType = Annotated[
    dict[str, AccountNo],
    BeforeValidator(_by_detailed_type),
    _schema(anyOf=[_ACCOUNT, {"type": "object", "additionalProperties": _ACCOUNT}]),
]
ForeignCurrency = Annotated[Literal["hold", "ecb"], BeforeValidator(foreign_currency)]
VatRate = Annotated[
    Decimal,
    BeforeValidator(vat_rate),
    _schema(type="number", exclusiveMinimum=0, exclusiveMaximum=100),
]
TaxCode = Annotated[
    str,
    BeforeValidator(tax_code),
    _schema(anyOf=[{"type": "string", "pattern": r"^([1-9]\d{0,8}|0)$"}, {"type": "integer", "minimum": 0}]),
]
VoucherType = Annotated[str | int, BeforeValidator(title_or_number)]
