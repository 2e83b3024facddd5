"""Reads and validates profiles.toml: all faults are told at once, each with its line and its path in the file."""

import os
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from shlex import quote
from typing import Any, get_args

from pydantic import ValidationError
from pydantic_core import PydanticCustomError

from klarna24.config.address import EXAMPLE, Server, postgres_url
from klarna24.config.contacts import Email, Notify
from klarna24.config.faults import Fault, faults_of, nearest, unknown_key
from klarna24.config.file import DEFAULTS, PROFILES, File
from klarna24.config.folders import NOWHERE, default_path, default_state_dir
from klarna24.config.lines import Lines, key_lines, line_of
from klarna24.config.profiles import Profiles, read_profiles
from klarna24.config.tables import DEFAULT_LANGUAGE, ECB, Profile
from klarna24.config.values import UTF16, Secret, secret_source
from klarna24.errors import ConfigFault
from klarna24.files import belongs_to_others, is_open_to_all
from klarna24.logs.redaction import register_guid
from klarna24.text.clean import clean
from klarna24.text.sentences import Language, sentence

COMMON_EMAIL = "notify.email"


@dataclass(frozen=True, slots=True)
class BrokenProfile:
    """A profile that cannot run: ``fault`` has all that is wrong with its table. Its language, and whom to notify,
    are as far as they can be read."""

    name: str
    fault: ConfigFault
    language: Language
    notify: Notify


@dataclass(frozen=True, slots=True)
class Config:
    """A profiles.toml that can be used. ``broken`` are the profiles that cannot. ``state_dir`` is the folder to
    use, ``state_dir_in_file`` the one it names; ``server`` has the state if it is not in that folder, and
    ``state_in_file`` is the address in the file."""

    path: Path
    state_dir: Path
    profiles: dict[str, Profile]
    notify: Notify
    state_dir_in_file: Path | None = None
    rates_url: str = ECB
    archive: Path | None = None
    report_day: int | None = None
    broken: Mapping[str, BrokenProfile] = field(default_factory=dict)
    server: Server | None = None
    state_in_file: str | None = None
    state_password: Secret | None = None

    @property
    def state(self) -> Path | Server:
        """Where the state is: on the server if there is one, else in the folder."""
        return self.server or self.state_dir

    @property
    def names(self) -> list[str]:
        """Of all profiles in the file, the broken ones last."""
        return [*self.profiles, *self.broken]

    def email_of(self, profile: Profile | BrokenProfile) -> tuple[Email, str] | None:
        """The profile's own mail settings, else the common ones, with their path in the file; None without any."""
        if profile.notify.email:
            return profile.notify.email, f"{profile.name}.notify.email"
        return (self.notify.email, COMMON_EMAIL) if self.notify.email else None

    def profile(self, name: str) -> Profile:
        """The profile of this name. Raises :class:`ConfigFault` where it is broken, or as :meth:`find`."""
        found = self.find(name)
        if isinstance(found, BrokenProfile):
            raise found.fault
        return found

    def find(self, name: str) -> Profile | BrokenProfile:
        """The profile of this name, broken or not. Raises :class:`ConfigFault` naming the nearest known one."""
        if found := self.profiles.get(name) or self.broken.get(name):
            return found
        file, wrong = str(self.path), repr(clean(name))
        message = sentence("{file}: no profile {name}", file=file, name=wrong)
        if near := nearest(name, self.names):
            message = sentence("{file}: no profile {name}; did you mean {near}?", file=file, name=wrong, near=near)
        raise ConfigFault(message, sentence("profiles in this file: {names}", names=", ".join(self.names)))


def load(path: Path | None = None, state_dir: Path | None = None, state: str | None = None) -> Config:
    """The file at ``path``, or at its default place; the state's folder and a server's address as the command line
    names them, if it does. Raises :class:`ConfigFault` where it is no valid TOML, or has a fault outside the
    profiles: then with all faults of the file."""
    path = absolute_path(path or default_path())
    text = _text(path)
    raw = _parsed(path, text)
    profiles = read_profiles(raw.get(PROFILES), raw.get(DEFAULTS, {}))
    file, faults = _file({key: value for key, value in raw.items() if key not in {PROFILES, DEFAULTS}})
    faults += profiles.common
    if file:
        _check_mail_for_evidence(file, profiles)
        faults += _report_without_readers(file, profiles)
    lines = key_lines(text) if faults or profiles.broken else {}
    if file is None or faults:
        of_profiles = [fault for each in profiles.broken.values() for fault in each]
        raise _config_fault(path, lines, [*faults, *of_profiles])
    for profile in profiles.valid.values():
        register_guid(profile.twentyfour.application_id)
    in_file = absolute_path(Path(file.state_dir), path.parent) if file.state_dir else None
    archive = absolute_path(Path(file.archive), path.parent) if file.archive else None
    server = _address(state, file.state)
    folder = _state_dir(state_dir, in_file, is_needed=server is None)
    return Config(
        path=path,
        state_dir=folder,
        profiles=profiles.valid,
        notify=file.notify,
        state_dir_in_file=in_file,
        rates_url=file.rates_url,
        archive=archive,
        report_day=file.report.day,
        broken={
            name: BrokenProfile(
                name, _config_fault(path, lines, found), profiles.language(name), profiles.notify(name)
            )
            for name, found in profiles.broken.items()
        },
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
        raw = _parsed(path, _text(path))
        notify = Notify.model_validate(raw.get("notify", {}))
        named = raw.get("state_dir")
        in_file = absolute_path(Path(named), path.parent) if isinstance(named, str) and named else None
        server = _address(state, postgres_url(raw["state"]) if "state" in raw else None)
        folder = _state_dir(state_dir, in_file, is_needed=server is None)
        password = secret_source(raw["state_password"]) if server and "state_password" in raw else None
        return Contacts(Server(server, folder, password) if server else folder, notify)
    except (ConfigFault, ValueError):  # pydantic's ValidationError and PydanticCustomError are ValueErrors
        return None


def read_languages(path: Path | None = None) -> set[Language]:
    """The languages of a file's profiles, also where :func:`load` refused it; empty where they cannot be told."""
    try:
        path = absolute_path(path or default_path())
        raw = _parsed(path, _text(path))
        usual = raw.get(DEFAULTS, {}).get("language", DEFAULT_LANGUAGE)
        found = [profile.get("language", usual) for profile in raw[PROFILES].values()]
    except (ConfigFault, KeyError, AttributeError):
        return set()
    return {it for it in get_args(Language) if it in found}


def _text(path: Path) -> str:
    """The file as text, without a byte order mark. Raises ConfigFault."""
    raw = _read(path)
    try:
        if raw.startswith(UTF16):
            message = sentence("{file}: it is saved as UTF-16: save it as UTF-8", file=str(path))
            raise ConfigFault(message, sentence("edit {file}", file=str(path)))
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:  # its own message shows a byte, perhaps of a password
        line = error.object.count(b"\n", 0, error.start) + 1
        message = sentence("{file}, line {line}: it is not saved as UTF-8", file=str(path), line=line)
        raise ConfigFault(message, sentence("edit {file}", file=str(path))) from None


def _parsed(path: Path, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # TOMLDecodeError is a ValueError
        message = sentence("{file}: not valid TOML: {error}", file=str(path), error=str(error))
        raise ConfigFault(message, sentence("edit {file}", file=str(path))) from None


def _file(raw: dict[str, Any]) -> tuple[File | None, list[Fault]]:
    """What stands around the profiles, or its faults."""
    try:
        return File.model_validate(raw), []
    except ValidationError as error:
        known = [*File.keys(), PROFILES, DEFAULTS]
        return None, [
            Fault(it.path, unknown_key(str(it.path[0]), known)) if it.is_unknown and len(it.path) == 1 else it
            for it in faults_of(error, File, ())
        ]


def _config_fault(path: Path, lines: Lines, faults: list[Fault]) -> ConfigFault:
    in_order = sorted(faults, key=lambda fault: line_of(lines, fault.path) or 0)
    return ConfigFault(
        sentence("{file}: {number} faults", file=str(path), number=len(faults)),
        sentence("edit {file}", file=str(path)),
        faults=tuple(fault.in_file(str(path), lines) for fault in in_order),
    )


def _check_mail_for_evidence(file: File, profiles: Profiles) -> None:
    """A profile whose reports are to be mailed, where no mail server is configured, is broken."""
    message = sentence('"mail" needs a mail server: add [notify.email]')
    for name, profile in [*profiles.valid.items()]:
        if profile.evidence == "mail" and not (profile.notify.email or file.notify.email):
            profiles.breaks(name, Fault((PROFILES, name, "evidence"), message))


def _report_without_readers(file: File, profiles: Profiles) -> list[Fault]:
    notified = (file.notify, *(profiles.notify(name) for name in profiles.raw))
    if not file.report.day or any(it.email for it in notified):
        return []
    message = sentence("it names a day, but there is nobody to mail the report to: add [notify.email]")
    return [Fault(("report", "day"), message)]


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
        context = error.context or {}
        message = sentence("{name}: {what}", name=name, what=context["message"])
        raise ConfigFault(message, f"{name} {EXAMPLE}") from None


def absolute_path(path: Path, folder: Path | None = None) -> Path:
    """``path`` with ~ expanded, relative to ``folder`` or else to the current folder. Raises ConfigFault."""
    try:
        path = path.expanduser()
        return (folder / path if folder else path).absolute()
    except FileNotFoundError:
        message = sentence("{file}: the current folder no longer exists", file=str(path))
        raise ConfigFault(message, sentence("write the whole path")) from None
    except RuntimeError:
        message = sentence("{file}: there is no such home folder", file=str(path))
        raise ConfigFault(message, sentence("write the whole path")) from None


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            others_write = status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
            if os.name == "posix" and (others_write or belongs_to_others(status)):
                raise ConfigFault(
                    sentence("{file}: others can write this file, and it can contain commands", file=str(path)),
                    f"chown {os.geteuid()} {quote(str(path))}; chmod 600 {quote(str(path))}",
                )
            _refuse_open_folders(path)
            return file.read()
    except FileNotFoundError:
        message = sentence("{file}: no such file", file=str(path))
        raise ConfigFault(
            message, sentence("{command}, or {option}", command="klarna24 init", option="--config FILE")
        ) from None
    except OSError as error:
        message = sentence("{file}: cannot be read: {why}", file=str(path), why=str(error.strerror))
        raise ConfigFault(message, f"ls -l {quote(str(path))}") from None


def _refuse_open_folders(path: Path) -> None:
    """A folder in which everybody can replace the file, or a folder on the way to it; of a link's target, too."""
    for folder in {*path.parents, *path.resolve().parents}:
        if is_open_to_all(folder.stat()):
            message = sentence(
                "{file}: others can replace this file, which can contain commands: all can write to {folder}",
                file=str(path),
                folder=str(folder),
            )
            raise ConfigFault(message, f"chmod o-w {quote(str(folder))}")
