"""What starts a run every day: a crontab line, or a systemd service with its timer. Text only: changes nothing.

A frequency other than daily is kept by the run itself (due.py), so that a machine that was off on the day makes
up for it on the next. Nothing here relies on the shell of whoever asked: cron and systemd have an environment,
a HOME and a PATH of their own.
"""

import os
import re
import shlex
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from klarna24.config.loading import Config
from klarna24.config.tables import Email, Profile
from klarna24.config.values import Secret
from klarna24.errors import UsageFault
from klarna24.text import clean

FIRST_HOUR, HOURS = 3, 3  # 03:00 to 05:59: after the hour that clock changes skip or repeat, before office hours
STOP_SECONDS = 150  # more than the 120 s that an answer from 24SevenOffice may take: a save under way is ended
HOMES = ("/home", "/root", "/run/user")
TEMPORARY = ("/tmp", "/var/tmp")  # noqa: S108 - to know what PrivateTmp would hide

NOTES = {
    "crontab": {
        "env": "cron has no {value}: set it on a line of its own above, {value}=…",
        "systemd": "cron has no systemd credentials: klarna24 schedule --systemd",
        "keyring": "a keyring seldom answers when nobody is logged in",
    },
    "systemd": {
        "env": 'a service has no {value}, and Environment= can be read by all: use {{ systemd = "…" }}',
        "keyring": "a keyring seldom answers when nobody is logged in",
        "command": "if {value} must write in the home folder, relax ProtectHome",
    },
}


def program() -> list[str]:
    """How the klarna24 that is running is started, wherever one stands."""
    script = Path(sys.argv[0])
    if script.name == "klarna24" and script.is_file():
        return [str(script.absolute())]
    return [sys.executable, "-P", "-m", "klarna24"]  # -P: no folder klarna24 of cron's working directory


# cron


def crontab(config: Config, names: list[str] | None) -> str:
    """Lines to add to a crontab, each with comments on what cron has not. ``names`` is None for --all."""
    lines = ["# Every day; a shop that is not due ends at once. Add this to your crontab: crontab -e"]
    for name in names or (None,):
        lines += [*_notes(config, name, "crontab"), crontab_line(config, name)]
    return "\n".join(lines)


def crontab_line(config: Config, name: str | None) -> str:
    """A daily line for one profile, or for all of them if None. Raises UsageFault where cron could not hold it."""
    hour, minute = _time_of_day(config, name)
    command = shlex.join(_command(config, name))
    if "\\" in command or not command.isprintable():
        raise UsageFault(
            f"a crontab line cannot hold a backslash or a control character: {clean(command)}", "rename the folder"
        )
    command = command.replace("%", "\\%")  # at a bare % cron ends the command
    return f"{minute} {hour} * * *  {command}"


# systemd


def systemd(config: Config, names: list[str] | None) -> str:
    """The units one after the other, with comments on where each is to be put."""
    parts, timers = [], []
    for name in names or (None,):
        for file, unit in systemd_units(config, name).items():
            parts.append(f"# /etc/systemd/system/{file}\n{unit}")
            timers += [file] if file.endswith(".timer") else []
    last = f"# Then: systemctl daemon-reload; systemctl enable --now {' '.join(timers)}\n"
    return "\n".join(["# As root, put each part into the file that is named above it.", *parts, last]).rstrip("\n")


def systemd_units(config: Config, name: str | None) -> dict[str, str]:
    """File name → text of the service and its timer, for one profile or for all of them if None."""
    unit = f"klarna24-{name}" if name else "klarna24"
    what = f"Klarna payouts to 24SevenOffice, {name or 'all profiles'}"
    hour, minute = _time_of_day(config, name)
    first, *rest = _command(config, name)
    service = SERVICE.format(
        what=what,
        notes="".join(f"{note}\n" for note in _notes(config, name, "systemd")),
        command=" ".join([_unit_word(first), *(_unit_word(word).replace("$", "$$") for word in rest)]),
        user=user()[0],
        stop=STOP_SECONDS,
        writable=_writable(config.state_dir),
        home="read-only" if _needs_home(config, name) else "tmpfs",
        tmp="no" if _below(TEMPORARY, _paths(config, name)) else "yes",
        credentials="".join(f"{line}\n" for line in _load_credentials(config, name)),
    )
    timer = TIMER.format(what=what, time=f"{hour:02}:{minute:02}:00")
    return {f"{unit}.service": service, f"{unit}.timer": timer}


SERVICE = """\
[Unit]
Description={what}
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
{notes}ExecStart={command}
User={user}
TimeoutStartSec=2h
TimeoutStopSec={stop}
{credentials}{writable}
UMask=0077
ProtectSystem=strict
ProtectHome={home}
PrivateTmp={tmp}
PrivateDevices=yes
ProtectProc=invisible
ProtectClock=yes
ProtectHostname=yes
ProtectControlGroups=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
NoNewPrivileges=yes
CapabilityBoundingSet=
LockPersonality=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
"""

TIMER = """\
[Unit]
Description={what}, every day

[Timer]
OnCalendar=*-*-* {time}
RandomizedDelaySec=15min
Persistent=true

[Install]
WantedBy=timers.target
"""


def _writable(state_dir: Path) -> str:
    """systemd makes and owns what is below /var/lib; any other folder must be there before the first run."""
    if below := re.fullmatch(r"/var/lib/([\w./-]+)", str(state_dir), re.ASCII):  # takes no quotes as others do
        return f"StateDirectory={below[1]}\nStateDirectoryMode=0700"
    folder = _unit_word(str(state_dir))
    return f"# must exist: mkdir -p -m 700 {shlex.quote(str(state_dir))}\nReadWritePaths={folder}"


def _load_credentials(config: Config, name: str | None) -> Iterator[str]:
    names = dict.fromkeys(
        str(secret.value).replace("%", "%%") for _, secret in _secrets(config, name) if secret.source == "systemd"
    )
    if names:
        yield "# a file of root's, 0600, with the password alone; or LoadCredentialEncrypted=, see systemd-creds"
    for credential in names:
        yield f"LoadCredential={credential}:/etc/credstore/{credential}"


def _needs_home(config: Config, name: str | None) -> bool:
    """What a command or a keyring reads is unknown, so that it may be anything."""
    for _, secret in _secrets(config, name):
        if secret.source in {"command", "keyring"} or str(secret.value).startswith("~"):
            return True
    return _below((*HOMES, user()[1]), _paths(config, name))


def _paths(config: Config, name: str | None) -> list[Path]:
    """Every place that a run reads or writes, as far as it is known."""
    files = (Path(str(secret.value)) for _, secret in _secrets(config, name) if secret.source == "file")
    python = [Path(program()[0]), Path(sys.prefix), Path(sys.base_prefix), Path(__file__)]
    return [config.path, config.state_dir, *files, *python]


def _below(folders: tuple[str, ...], paths: list[Path]) -> bool:
    return any(path.is_relative_to(folder) for path in paths for folder in folders if folder)


def _unit_word(text: str) -> str:
    """One word of a unit file: quoted where needed, % doubled as it begins a specifier."""
    if any(ord(character) < ord(" ") for character in text):
        raise UsageFault(f"a unit file cannot hold a control character: {clean(text)}", "rename the folder")
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"' if set(text) & set(" \"'\\;") else escaped


# What both need


def _command(config: Config, name: str | None) -> list[str]:
    """Config and state are named unless a run would find the same by itself, in an environment that is bare."""
    home = user()[1]
    command = program()
    if config.path != Path(home, ".config/klarna24/profiles.toml"):
        command += ["--config", str(config.path)]
    if config.state_dir != (config.state_dir_in_file or Path(home, ".local/state/klarna24")):
        command += ["--state-dir", str(config.state_dir)]
    return [*command, "sync", *(["--profile", name] if name else ["--all"])]


def user() -> tuple[str, str]:
    """Name and home of whoever runs this, by the system's own list: HOME may be another's."""
    try:
        import pwd  # noqa: PLC0415 - where there is none (Windows) the texts can still be made

        user = pwd.getpwuid(os.geteuid())
    except (ImportError, KeyError):
        return str(getattr(os, "geteuid", lambda: "klarna24")()), ""
    return user.pw_name, user.pw_dir


def _time_of_day(config: Config, name: str | None) -> tuple[int, int]:
    """Hour and minute, always the same for the same shops and hardly ever those of another's: not everybody
    asks Klarna at 03:00. The company counts too, as many a profile is called shop1."""
    seed = " ".join(f"{one.name}/{one.twentyfour.client_id}" for one in _profiles(config, name))
    hour, minute = divmod(int.from_bytes(sha256(seed.encode()).digest()[:4], "big") % (HOURS * 60), 60)
    return FIRST_HOUR + hour, minute


def _profiles(config: Config, name: str | None) -> list[Profile]:
    return [config.profile(name)] if name else list(config.profiles.values())


def _secrets(config: Config, name: str | None) -> Iterator[tuple[str, Secret]]:
    """Every password of a run with its place in profiles.toml."""
    mails: list[tuple[str, Email | None]] = [("notify.email", config.notify.email)]
    for profile in _profiles(config, name):
        yield f"profiles.{profile.name}.klarna", profile.klarna.password
        yield f"profiles.{profile.name}.24sevenoffice", profile.twentyfour.password
        mails.append((f"profiles.{profile.name}.notify.email", profile.notify.email))
    yield from ((where, mail.password) for where, mail in mails if mail and mail.password)


def _notes(config: Config, name: str | None, kind: str) -> Iterator[str]:
    """Comments on the passwords that cron or systemd may not have."""
    for where, secret in _secrets(config, name):
        value = secret.value if isinstance(secret.value, str) else secret.value[0]
        if text := NOTES[kind].get(secret.source):
            yield clean(f"# [{where}] password: " + text.format(value=value))
