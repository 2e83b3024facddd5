"""profiles.toml: read, validated as a whole, every fault named with its path.

The shape is the contract in README ("Set up for real use"). What is valid here may still be refused by the
outside (an account that is not in the chart): that is checked where the outside is known.
"""

import difflib
import ipaddress
import itertools
import os
import re
import stat
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, Self, cast, get_args
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import platformdirs
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails, PydanticCustomError

from klarna24.errors import ConfigFault
from klarna24.text import clean

PROFILE_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
CUSTOMER_LEDGER = range(1500, 1530)  # facts: accounts that refuse entries without a customer or supplier
SUPPLIER_LEDGER = range(2400, 2430)
SECRET_SOURCES = ("env", "file", "command", "systemd", "keyring")
Warning24 = Literal[
    "vatisnotinbalance", "vatismissingfoundation", "invoicealreadyexists", "customermismatchbankaccount"
]
WARNINGS: tuple[str, ...] = get_args(Warning24)
KLARNA_HOSTS = {
    ("europe", "live"): "https://api.klarna.com",
    ("europe", "playground"): "https://api.playground.klarna.com",
    ("north-america", "live"): "https://api-na.klarna.com",
    ("north-america", "playground"): "https://api-na.playground.klarna.com",
    ("oceania", "live"): "https://api-oc.klarna.com",
    ("oceania", "playground"): "https://api-oc.playground.klarna.com",
}


def _fault(message: str) -> PydanticCustomError:
    """A validation message that may hold braces: it is a value, never a template."""
    return PydanticCustomError("klarna24", "{message}", {"message": message})


@dataclass(frozen=True, slots=True)
class Secret:
    """Where a secret is kept. ``value`` is the variable, path, arguments or name."""

    source: Literal["env", "file", "command", "systemd", "keyring"]
    value: str | tuple[str, ...] = ""


def secret_source(raw: object) -> Secret:
    ways = 'use { env = "NAME" }, { file = "/path" }, { command = ["pass", "show", "name"] }, '
    ways += '{ systemd = "name" } or { keyring = true }'
    if isinstance(raw, str):
        raise _fault(f"a secret does not stand in this file as text: {ways}")
    if not isinstance(raw, dict) or len(raw) != 1 or next(iter(raw)) not in SECRET_SOURCES:
        raise _fault(f"not a secret source: {ways}")
    source, value = next(iter(raw.items()))
    match source, value:
        case "keyring", True:
            return Secret("keyring")
        case "command", [str(), *_] if value[0] and all(isinstance(w, str) and "\0" not in w for w in value):
            return Secret("command", tuple(value))
        case (("env" | "file" | "systemd"), str()) if value.strip() and "\0" not in value:
            if source == "env" and not re.fullmatch(r"[A-Za-z_]\w*", value, re.ASCII):
                raise _fault("env: give the variable's name, not the secret itself")
            if source == "systemd" and "/" in value:
                raise _fault("systemd: give the credential's name, as in LoadCredential=name:…, not a path")
            return Secret(source, value)
    raise _fault(f"{source}: not a usable value: {ways}")


def _title_or_number(raw: object) -> object:
    if isinstance(raw, bool) or not isinstance(raw, str | int) or not str(raw).strip():
        raise _fault("give the title or the number of a voucher type")
    return raw


def _by_detailed_type(raw: object) -> object:
    """A single number stands for every detailed type that has no line of its own."""
    if isinstance(raw, int) and not isinstance(raw, bool):
        return {"other": raw}
    if not isinstance(raw, dict):
        raise _fault("give a number, or a table of numbers by Klarna's detailed_type")
    return raw


def base_url(raw: object) -> object:
    if not isinstance(raw, str):
        raise _fault("give an address as text")
    try:
        parts = urlsplit(raw)
        port = parts.port
    except ValueError as error:
        raise _fault(f"not an address: {error}") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0:
        raise _fault('give scheme and host, as in "https://api.kustom.co"')
    if parts.path not in {"", "/"} or parts.query or parts.fragment or parts.username is not None:
        raise _fault("give only scheme and host: no path, no user, no query")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise _fault("plain http would send the password in the clear: use https")
    if not re.fullmatch(r"https?://[\w.:\[\]-]+/?", raw, re.IGNORECASE):  # urlsplit forgives blanks and a bare ?
        raise _fault('give scheme and host and nothing else, as in "https://api.kustom.co"')
    return raw.rstrip("/")


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _zone(raw: object) -> ZoneInfo:
    try:
        return ZoneInfo(cast(str, raw))
    except (KeyError, ValueError, TypeError, OSError):
        raise _fault(f'unknown time zone {raw!r}: use a name such as "Europe/Stockholm"') from None


AccountNo = Annotated[int, Field(ge=1, le=32767)]
Id = Annotated[int, Field(ge=1, le=2**31 - 1)]
Guid = Annotated[str, Field(pattern=r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")]
Text = Annotated[str, Field(min_length=1, pattern=r"^[^\x00-\x1f\x7f]+$")]
SecretField = Annotated[Secret, BeforeValidator(secret_source)]
BaseUrl = Annotated[str, BeforeValidator(base_url)]
AccountsByType = Annotated[dict[str, AccountNo], BeforeValidator(_by_detailed_type)]


class Table(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, arbitrary_types_allowed=True)


class Klarna(Table):
    region: Literal["europe", "north-america", "oceania"] = "europe"
    environment: Literal["live", "playground"] = "live"
    username: Text
    password: SecretField
    currencies: list[Annotated[str, Field(pattern=r"^[A-Z]{3}$")]] | None = Field(None, min_length=1)
    merchant_ids: list[Text] | None = Field(None, min_length=1)
    base_url: BaseUrl | None = None

    @property
    def url(self) -> str:
        return self.base_url or KLARNA_HOSTS[self.region, self.environment]

    def covers(self, merchant_id: str, currency: str) -> bool:
        """Whether a payout of this merchant and currency is this profile's, by its own filters."""
        return (self.currencies is None or currency in self.currencies) and (
            self.merchant_ids is None or merchant_id in self.merchant_ids
        )


def disjoint(one: Klarna, other: Klarna) -> bool:
    """Whether no payout can be both profiles', by their own filters."""
    pairs = [(one.currencies, other.currencies), (one.merchant_ids, other.merchant_ids)]
    return any(a is not None and b is not None and not set(a) & set(b) for a, b in pairs)


class TwentyFour(Table):
    username: Text
    password: SecretField
    application_id: Guid
    identity_id: Guid
    client_id: Annotated[int, Field(ge=1, le=2**63 - 1)]
    base_url: BaseUrl | None = None


class VoucherSettings(Table):
    type: Annotated[str | int, BeforeValidator(_title_or_number)] = "Diverse"
    department_id: Id | None = None
    project_id: Id | None = None
    customer_id: Id | None = None
    supplier_id: Id | None = None
    ledger_accounts: list[AccountNo] = []
    ignore_warnings: list[Warning24] = []
    transaction_no: Literal["none", "next"] = "none"
    fiscal_year: Literal["start", "end"] | None = None
    foreign_currency: Literal["hold", "rate"] = "hold"
    max_entries: Annotated[int, Field(ge=2)] = 20_000

    def ledger(self, account_no: int) -> Literal["customer_id", "supplier_id"] | None:
        """Which of the two an entry on this account must carry, if any."""
        if account_no in CUSTOMER_LEDGER or account_no in self.ledger_accounts:
            return "customer_id"
        return "supplier_id" if account_no in SUPPLIER_LEDGER else None

    def party(self, account_no: int) -> int | None:
        """The customer or supplier of an entry on this account; None where it is no ledger account."""
        key = self.ledger(account_no)
        return getattr(self, key) if key else None


class Accounts(Table):
    payout: AccountNo
    receivable: AccountNo
    fees: AccountNo | None = None
    fees_vat: AccountNo | None = None
    reversals: AccountNo | None = None
    commission: AccountNo | None = None
    holdback: AccountNo | None = None
    debt: AccountNo | None = None
    charges: AccountsByType = {}
    credits: AccountsByType = {}

    def named(self) -> Iterable[tuple[str, int]]:
        """Every account of the profile with its path below ``accounts``."""
        for key in type(self).model_fields:
            value = getattr(self, key)
            if isinstance(value, dict):
                yield from ((f"{key}.{detailed_type}", number) for detailed_type, number in value.items())
            elif value is not None:
                yield key, value


Target = Literal["comment", "invoice_no", "ocr"]


class References(Table):
    order_id: Target | None = None
    merchant_reference1: Target | None = None
    merchant_reference2: Target | None = None

    def by_target(self) -> dict[Target, str]:
        return {target: field for field in type(self).model_fields if (target := getattr(self, field)) is not None}

    @model_validator(mode="after")
    def _each_target_once(self) -> Self:
        targets = [getattr(self, field) for field in type(self).model_fields]
        for target in ("comment", "invoice_no", "ocr"):
            if targets.count(target) > 1:
                raise _fault(f'"{target}" is given to more than one reference: a field takes only one')
        return self


class Email(Table):
    host: Text
    port: Annotated[int, Field(ge=1, le=65535)] = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    username: Text | None = None
    password: SecretField | None = None
    sender: Annotated[str, Field(alias="from", pattern=r"^[^@\s\x00-\x1f]+@[^@\s\x00-\x1f]+$")]
    to: Annotated[list[Annotated[str, Field(pattern=r"^[^@\s\x00-\x1f]+@[^@\s\x00-\x1f]+$")]], Field(min_length=1)]


class Notify(Table):
    email: Email | None = None


WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


class Profile(Table):
    """One web shop. Fields stand in the order in which the checks between them need them."""

    start_date: date
    timezone: Annotated[ZoneInfo, BeforeValidator(_zone)]
    frequency: Literal["daily", "weekly", "monthly"] = "daily"
    weekday: Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"] = "monday"
    day: Annotated[int, Field(ge=1, le=31)] = 1
    transfer: Literal["lump", "itemised", "itemised-fees"] = "lump"
    klarna: Klarna
    twentyfour: TwentyFour = Field(alias="24sevenoffice")
    voucher: VoucherSettings = VoucherSettings()
    accounts: Accounts
    references: References = References()
    notify: Notify = Notify()
    _name: str = PrivateAttr("")

    @property
    def name(self) -> str:
        return self._name

    @field_validator("weekday", "day")
    @classmethod
    def _goes_with_frequency(cls, value: object, info: ValidationInfo) -> object:
        needs = {"weekday": "weekly", "day": "monthly"}[cast(str, info.field_name)]
        if info.data.get("frequency", needs) != needs:
            raise _fault(f'{info.field_name} goes with frequency = "{needs}"')
        return value

    @field_validator("accounts")
    @classmethod
    def _ledger_accounts_have_a_party(cls, accounts: Accounts, info: ValidationInfo) -> Accounts:
        voucher = info.data.get("voucher")
        if not isinstance(voucher, VoucherSettings):
            return accounts
        needed: dict[str, list[str]] = {}
        for path, account_no in accounts.named():
            key = voucher.ledger(account_no)
            if key and getattr(voucher, key) is None:
                needed.setdefault(key, []).append(f"{path} = {account_no}")
        if needed:
            faults = [
                f"{', '.join(named)} {'is a ledger account' if len(named) == 1 else 'are ledger accounts'}: "
                f"add {key} = … (Klarna's number in 24SevenOffice's CRM) under voucher"
                for key, named in needed.items()
            ]
            raise _fault("; ".join(faults))
        return accounts

    @field_validator("references")
    @classmethod
    def _references_need_rows(cls, references: References, info: ValidationInfo) -> References:
        if references.by_target() and info.data.get("transfer") == "lump":
            raise _fault('references go with transfer = "itemised" or "itemised-fees": lump has no rows')
        return references


def _profile_name(name: str) -> str:
    if not PROFILE_NAME.fullmatch(name):
        raise _fault(f"{name!r} is no profile name: lower-case letters, digits, - and _, at most 40")
    return name


class File(Table):
    state_dir: Text | None = None
    profiles: dict[Annotated[str, AfterValidator(_profile_name)], Profile]
    notify: Notify = Notify()

    @field_validator("profiles", mode="before")
    @classmethod
    def _at_least_one(cls, profiles: object) -> object:
        if profiles == {}:
            raise _fault("no profile: add [profiles.NAME], or run klarna24 init")
        return profiles


@dataclass(frozen=True, slots=True)
class Config:
    """``state_dir_in_file`` is what the file by itself says, whatever an option or the environment says."""

    path: Path
    state_dir: Path
    profiles: dict[str, Profile]
    notify: Notify
    state_dir_in_file: Path | None = None

    def profile(self, name: str) -> Profile:
        """Raises :class:`ConfigFault` naming the nearest known profile."""
        try:
            return self.profiles[name]
        except KeyError:
            known = ", ".join(self.profiles)
            raise ConfigFault(
                f"{self.path}: no profile {clean(name)!r}{_did_you_mean(name, self.profiles)}",
                f"profiles in this file: {known}",
            ) from None


def _did_you_mean(word: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean {near[0]}?" if near else ""


def default_path() -> Path:
    """``KLARNA24_CONFIG``, else the platform's user config folder."""
    if from_env := os.environ.get("KLARNA24_CONFIG"):
        return Path(from_env)
    return platformdirs.user_config_path("klarna24") / "profiles.toml"


def default_state_dir() -> Path:
    """``KLARNA24_STATE_DIR``, else the platform's user state folder."""
    return Path(os.environ.get("KLARNA24_STATE_DIR") or platformdirs.user_state_path("klarna24"))


def load(path: Path | None = None, state_dir: Path | None = None) -> Config:
    """Read and validate the file. Raises :class:`ConfigFault` with all faults at once."""
    path = _absolute(path or default_path())
    try:
        raw = tomllib.loads(_read(path).decode("utf-8"))
    except (ValueError, RecursionError) as error:  # too many digits, too many brackets: no TOMLDecodeError
        raise ConfigFault(f"{path}: not valid TOML: {error}", f"edit {path}") from None
    try:
        file = File.model_validate(raw)
    except ValidationError as error:
        faults = tuple(f"{path}: {_describe(detail)}" for detail in error.errors())
        raise ConfigFault(f"{path}: {len(faults)} faults", f"edit {path}", faults=faults) from None
    for name, profile in file.profiles.items():
        profile._name = name
    _check_one_company_each(file.profiles, path)
    in_file = _absolute(Path(file.state_dir), path.parent) if file.state_dir else None
    return Config(path, _state_dir(state_dir, in_file), file.profiles, file.notify, in_file)


def _check_one_company_each(profiles: dict[str, Profile], path: Path) -> None:
    """One payout of Klarna's is booked in one company: a copied profile, half changed, would book it in two."""
    for one, other in itertools.combinations(profiles.values(), 2):
        same_klarna = (one.klarna.url, one.klarna.username) == (other.klarna.url, other.klarna.username)
        if (
            same_klarna
            and one.twentyfour.client_id != other.twentyfour.client_id
            and not disjoint(one.klarna, other.klarna)
        ):
            raise ConfigFault(
                f"{path}: profiles {one.name} and {other.name} would book the same payouts in two companies",
                "give them different currencies or merchant_ids, or each its own Klarna credentials",
            )


def _state_dir(option: Path | None, in_file: Path | None) -> Path:
    if option is not None:
        return _absolute(option)
    if os.environ.get("KLARNA24_STATE_DIR") or in_file is None:
        return _absolute(default_state_dir())
    return in_file


def _absolute(path: Path, folder: Path | None = None) -> Path:
    """``path`` with ~ expanded, from ``folder`` (the current one) where it is relative."""
    try:
        path = path.expanduser()
    except RuntimeError:
        raise ConfigFault(f"{path}: there is no such home folder", "write the path in full") from None
    return (folder / path if folder else path).absolute()


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            others_write = status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
            if os.name == "posix" and (others_write or status.st_uid not in {0, os.geteuid()}):
                raise ConfigFault(
                    f"{path}: others can write this file, and it holds commands",
                    f"chown {os.geteuid()} {path}; chmod 600 {path}",
                )
            return file.read()
    except FileNotFoundError:
        raise ConfigFault(f"{path}: no such file", "klarna24 init, or --config FILE") from None
    except OSError as error:
        raise ConfigFault(f"{path}: cannot be read: {error.strerror}", f"ls -l {path}") from None


def _describe(detail: ErrorDetails) -> str:
    """A fault with its path, as a person would write it: ``profiles.shop1.accounts.payout: …``."""
    path = detail["loc"]
    if detail["type"] == "klarna24" and path[-1:] == ("[key]",):  # pydantic's, where a profile's name is wrong
        path = path[:-1]
    where = ".".join(clean(str(part)) for part in path)
    match detail["type"]:
        case "extra_forbidden":
            return f"{where}: unknown key{_did_you_mean(str(path[-1]), _known_keys(path[:-1]))}"
        case "missing":
            return f"{where}: missing"
        case "string_pattern_mismatch":
            return f"{where}: not a valid value"
        case "date_type":
            return f"{where}: not a date: write it without quotes and time, as in 2026-11-24"
        case "dict_type" | "model_type":
            return f"{where}: not a table: write its settings under [{where}]"
    return f"{where}: {detail['msg']}" if where else detail["msg"]


def _known_keys(path: tuple[str | int, ...]) -> list[str]:
    """The keys of the table at ``path``."""
    in_profile = path[:1] == ("profiles",)
    table: Any = Profile if in_profile else File
    for part in path[2:] if in_profile else path:
        fields = table.model_fields.items()
        table = next((_table_of(field.annotation) for name, field in fields if part in {name, field.alias}), None)
        if table is None:
            return []
    return [field.alias or name for name, field in table.model_fields.items()]


def _table_of(annotation: Any) -> type[Table] | None:
    candidates = [annotation, *getattr(annotation, "__args__", ())]
    return next((c for c in candidates if isinstance(c, type) and issubclass(c, Table)), None)
