"""Reads and validates profiles.toml: all faults are reported at once, each with its path in the file."""

import difflib
import itertools
import os
import stat
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from klarna24.config.file import File
from klarna24.config.folders import default_path, default_state_dir
from klarna24.config.tables import DEFAULT_LANGUAGE, ECB, Email, Notify, Profile, Table, disjoint
from klarna24.errors import ConfigFault
from klarna24.files import belongs_to_others, is_open_to_all
from klarna24.logs.redaction import register_guid
from klarna24.text.clean import clean
from klarna24.text.sentences import Language

COMMON_EMAIL = "notify.email"


@dataclass(frozen=True, slots=True)
class Config:
    """A valid profiles.toml. ``state_dir`` is the one to use, ``state_dir_in_file`` the one it names."""

    path: Path
    state_dir: Path
    profiles: dict[str, Profile]
    notify: Notify
    state_dir_in_file: Path | None = None
    rates_url: str = ECB
    archive: Path | None = None
    report_day: int | None = None

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


def load(path: Path | None = None, state_dir: Path | None = None) -> Config:
    """The file at ``path``, or at its default place. Raises :class:`ConfigFault` with all faults of the file."""
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
    return Config(
        path=path,
        state_dir=_state_dir(state_dir, in_file),
        profiles=file.profiles,
        notify=file.notify,
        state_dir_in_file=in_file,
        rates_url=file.rates_url,
        archive=archive,
        report_day=file.report.day,
    )


@dataclass(frozen=True, slots=True)
class Contacts:
    """Whom to notify of the faults of a file, and where the state is, which records what was mailed."""

    state_dir: Path
    notify: Notify


def read_contacts(path: Path | None = None, state_dir: Path | None = None) -> Contacts | None:
    """The contacts in a file that :func:`load` refused; None where they are invalid, too, or cannot be trusted."""
    try:
        path = absolute_path(path or default_path())
        raw = tomllib.loads(_read(path).decode("utf-8-sig"))
        notify = Notify.model_validate(raw.get("notify", {}))
        named = raw.get("state_dir")
        in_file = absolute_path(Path(named), path.parent) if isinstance(named, str) and named else None
        return Contacts(_state_dir(state_dir, in_file), notify)
    except (ConfigFault, ValueError, RecursionError):  # pydantic's ValidationError is a ValueError
        return None


def read_languages(path: Path | None = None) -> set[Language]:
    """The languages of a file's profiles, also where :func:`load` refused it; empty where they cannot be told."""
    try:
        raw = tomllib.loads(_read(absolute_path(path or default_path())).decode("utf-8-sig"))
        found = [profile.get("language", DEFAULT_LANGUAGE) for profile in raw["profiles"].values()]
    except (ConfigFault, ValueError, RecursionError, KeyError, AttributeError):
        return set()
    return {it for it in get_args(Language) if it in found}


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


def _state_dir(option: Path | None, in_file: Path | None) -> Path:
    if option is not None:
        return absolute_path(option)
    if os.environ.get("KLARNA24_STATE_DIR") or in_file is None:
        return absolute_path(default_state_dir())
    return in_file


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
