"""Reads and validates profiles.toml: all faults are reported at once, each with its path in the file."""

import difflib
import itertools
import os
import stat
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from klarna24.config.address import EXAMPLE, Server, postgres_url
from klarna24.config.file import File
from klarna24.config.folders import NOWHERE, default_path, default_state_dir
from klarna24.config.tables import ECB, Email, Notify, Profile, Table, disjoint
from klarna24.config.values import Secret, secret_source
from klarna24.errors import ConfigFault
from klarna24.files import belongs_to_others, is_open_to_all
from klarna24.logs.redaction import register_guid
from klarna24.text.clean import clean

COMMON_EMAIL = "notify.email"


@dataclass(frozen=True, slots=True)
class Config:
    """A valid profiles.toml. ``state_dir`` is the folder to use, ``state_dir_in_file`` the one it names;
    ``server`` has the state if it is not in that folder, and ``state_in_file`` is the address in the file."""

    path: Path
    state_dir: Path
    profiles: dict[str, Profile]
    notify: Notify
    state_dir_in_file: Path | None = None
    rates_url: str = ECB
    archive: Path | None = None
    report_day: int | None = None
    server: Server | None = None
    state_in_file: str | None = None
    state_password: Secret | None = None

    @property
    def state(self) -> Path | Server:
        """Where the state is: on the server if there is one, else in the folder."""
        return self.server or self.state_dir

    def email_of(self, profile: Profile) -> tuple[Email, str] | None:
        """The profile's own mail settings, else the common ones, with their path in the file; None without any."""
        if profile.notify.email:
            return profile.notify.email, f"{profile.name}.notify.email"
        return (self.notify.email, COMMON_EMAIL) if self.notify.email else None

    def profile(self, name: str) -> Profile:
        """The profile of this name. Raises :class:`ConfigFault` naming the nearest known profile."""
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


def load(path: Path | None = None, state_dir: Path | None = None, state: str | None = None) -> Config:
    """The file at ``path``, or at its default place; the state's folder and a server's address as the command line
    names them, if it does. Raises :class:`ConfigFault` with all faults of the file."""
    path = absolute_path(path or default_path())
    try:
        raw = tomllib.loads(_read(path).decode("utf-8-sig"))
    except UnicodeDecodeError as error:  # its own message shows a byte, perhaps of a password
        line = error.object.count(b"\n", 0, error.start) + 1
        message = f"{path}: not valid TOML: it is not saved as UTF-8 (at line {line})"
        raise ConfigFault(message, f"edit {path}") from None
    except (ValueError, RecursionError) as error:  # TOMLDecodeError is a ValueError
        raise ConfigFault(f"{path}: not valid TOML: {error}", f"edit {path}") from None
    try:
        file = File.model_validate(raw)
    except ValidationError as error:
        faults = tuple(f"{path}: {_describe(detail)}" for detail in error.errors())
        raise ConfigFault(f"{path}: {len(faults)} faults", f"edit {path}", faults=faults) from None
    for name, profile in file.profiles.items():
        profile._name = name
        register_guid(profile.twentyfour.application_id)
    _check_one_company_each(file.profiles, path)
    _check_mail_for_evidence(file, path)
    in_file = absolute_path(Path(file.state_dir), path.parent) if file.state_dir else None
    archive = absolute_path(Path(file.archive), path.parent) if file.archive else None
    server = _address(state, file.state)
    folder = _state_dir(state_dir, in_file, is_needed=server is None)
    return Config(
        path=path,
        state_dir=folder,
        profiles=file.profiles,
        notify=file.notify,
        state_dir_in_file=in_file,
        rates_url=file.rates_url,
        archive=archive,
        report_day=file.report.day,
        server=Server(server, folder, file.state_password) if server else None,
        state_in_file=file.state,
        state_password=file.state_password,
    )


@dataclass(frozen=True, slots=True)
class Contacts:
    """Whom to notify of the faults of a file, and where the state is, which records what was mailed."""

    state: Path | Server
    notify: Notify


def read_contacts(
    path: Path | None = None, state_dir: Path | None = None, state: str | None = None
) -> Contacts | None:
    """The contacts in a file that :func:`load` refused; None where they are invalid, too, or cannot be trusted."""
    try:
        path = absolute_path(path or default_path())
        raw = tomllib.loads(_read(path).decode("utf-8-sig"))
        notify = Notify.model_validate(raw.get("notify", {}))
        named = raw.get("state_dir")
        in_file = absolute_path(Path(named), path.parent) if isinstance(named, str) and named else None
        server = _address(state, postgres_url(raw["state"]) if "state" in raw else None)
        folder = _state_dir(state_dir, in_file, is_needed=server is None)
        password = secret_source(raw["state_password"]) if server and "state_password" in raw else None
        return Contacts(Server(server, folder, password) if server else folder, notify)
    # pydantic's ValidationError and PydanticCustomError are ValueErrors
    except (ConfigFault, ValueError, RecursionError):
        return None


def _check_one_company_each(profiles: dict[str, Profile], path: Path) -> None:
    """Refuse a copied profile of which only half was changed: it would book each payout in two companies."""
    for one, other in itertools.combinations(profiles.values(), 2):
        same_klarna = (one.klarna.url, one.klarna.username) == (other.klarna.url, other.klarna.username)
        if (
            same_klarna
            and one.twentyfour.client_id != other.twentyfour.client_id
            and not disjoint(one.klarna, other.klarna)
        ):
            raise ConfigFault(
                f"{path}: profiles {one.name} and {other.name} would book the same payouts in two companies",
                "give them different currencies or merchant_ids, or different Klarna credentials",
            )


def _check_mail_for_evidence(file: File, path: Path) -> None:
    """Refuse reports that are to be mailed where no mail server is configured."""
    faults = tuple(
        f'{path}: profiles.{name}.evidence: "mail" needs a mail server: add [notify.email]'
        for name, profile in file.profiles.items()
        if profile.evidence == "mail" and not (profile.notify.email or file.notify.email)
    )
    if faults:
        raise ConfigFault(f"{path}: {len(faults)} faults", f"edit {path}", faults=faults)


def _state_dir(option: Path | None, in_file: Path | None, is_needed: bool) -> Path:
    """``is_needed``: the state is in it. Else it is not missed where there is no home folder."""
    if option is not None:
        return absolute_path(option)
    if in_file is not None and not os.environ.get("KLARNA24_STATE_DIR"):
        return in_file
    try:
        return absolute_path(default_state_dir())
    except ConfigFault:
        if is_needed:
            raise
        return NOWHERE


def _address(option: str | None, in_file: str | None) -> str | None:
    """Where the state is if it is on a server. Raises ConfigFault for an address that is not valid."""
    named = {"--state": option, "KLARNA24_STATE": os.environ.get("KLARNA24_STATE")}
    for name, address in named.items():
        if address:
            return address_of(address, name)
    return in_file


def address_of(address: str, name: str) -> str:
    """The address of a server, as ``name`` gives it. Raises ConfigFault if it is not valid."""
    try:
        return postgres_url(address)
    except PydanticCustomError as error:
        raise ConfigFault(f"{name}: {error.message()}", f"{name} {EXAMPLE}") from None


def absolute_path(path: Path, folder: Path | None = None) -> Path:
    """``path`` with ~ expanded, relative to ``folder`` or else to the current folder. Raises ConfigFault."""
    try:
        path = path.expanduser()
        return (folder / path if folder else path).absolute()
    except FileNotFoundError:
        raise ConfigFault(f"{path}: the current folder no longer exists", "write the whole path") from None
    except RuntimeError:
        raise ConfigFault(f"{path}: there is no such home folder", "write the whole path") from None


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            others_write = status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
            if os.name == "posix" and (others_write or belongs_to_others(status)):
                raise ConfigFault(
                    f"{path}: others can write this file, and it can contain commands",
                    f"chown {os.geteuid()} {path}; chmod 600 {path}",
                )
            _refuse_open_folders(path)
            return file.read()
    except FileNotFoundError:
        raise ConfigFault(f"{path}: no such file", "klarna24 init, or --config FILE") from None
    except OSError as error:
        raise ConfigFault(f"{path}: cannot be read: {error.strerror}", f"ls -l {path}") from None


def _refuse_open_folders(path: Path) -> None:
    """A folder in which everybody can replace the file, or a folder on the way to it; of a link's target, too."""
    for folder in {*path.parents, *path.resolve().parents}:
        if is_open_to_all(folder.stat()):
            raise ConfigFault(
                f"{path}: others can replace this file, which can contain commands: all can write to {folder}",
                f"chmod o-w {folder}",
            )


def _describe(detail: ErrorDetails) -> str:
    """The fault with its path in the file: ``profiles.shop1.accounts.payout: …``."""
    path = detail["loc"]
    if detail["type"] == "klarna24" and path[-1:] == ("[key]",):  # added where a profile's name is wrong
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
            return f"{where}: not a table: write its settings below [{where}]"
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
