"""A systemd service and timer, with comments on what has to be prepared for them."""

import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

from klarna24.config.loading import Config
from klarna24.errors import UsageFault
from klarna24.http.exchange import SAVE_SECONDS
from klarna24.schedule.command import DailyRun, comment, daily_runs, program, user
from klarna24.text.clean import clean
from klarna24.text.reader import Reader
from klarna24.text.sentences import sentence

STOP_SECONDS = int(SAVE_SECONDS) + 30  # a save that was sent should get its answer, and be written down
HOMES = ("/home", "/root", "/run/user")  # what ProtectHome hides
TEMPORARY = ("/tmp", "/var/tmp")  # noqa: S108 - nothing is created there: this is what PrivateTmp hides

NOTES = {
    "env": sentence(
        "a service does not have {value}, and all users can read Environment=: use {source}",
        value="",
        source='{ systemd = "…" }',
    ),
    "keyring": sentence("the keyring is often locked when nobody is logged in"),
    "command": sentence("if {value} has to write to the home folder, relax ProtectHome", value=""),
}

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
Description={what}

[Timer]
OnCalendar=*-*-* {time}
RandomizedDelaySec=15min
Persistent=true

[Install]
WantedBy=timers.target
"""


def systemd(config: Config, names: list[str] | None) -> str:
    """The units one after the other, each below a comment with its file; ``names`` as for the crontab."""
    runs = daily_runs(config, names)
    reader = Reader.shared(run.reader.language for run in runs)
    units = {file: text for run in runs for file, text in systemd_units(run).items()}
    parts = [f"# /etc/systemd/system/{file}\n{text}" for file, text in units.items()]
    timers = " ".join(file for file in units if file.endswith(".timer"))
    first = sentence("As root, put each part into the file that is named above it.")
    last = sentence("Then: {command}", command=f"systemctl daemon-reload; systemctl enable --now {timers}")
    return "\n".join([comment(reader.say(first)), *parts, comment(reader.say(last))])


def systemd_units(run: DailyRun) -> dict[str, str]:
    """The texts of the service and of its timer, by file name."""
    unit = f"klarna24-{run.name}" if run.name else "klarna24"
    which = run.name or sentence("all profiles")
    what = run.reader.say(sentence("Klarna payouts to 24SevenOffice, {profiles}", profiles=which))
    hour, minute = run.time_of_day()
    first, *rest = run.command()
    service = SERVICE.format(
        what=what,
        notes=_lines(run.notes(NOTES)),
        command=" ".join([_unit_word(first), *(_unit_word(word).replace("$", "$$") for word in rest)]),
        user=user()[0],
        stop=STOP_SECONDS,
        writable=_writable(run.config.state_dir, run.reader),
        home="read-only" if _needs_home(run) else "tmpfs",
        tmp="no" if _is_below(TEMPORARY, _paths(run)) else "yes",
        credentials=_lines(_load_credentials(run)),
    )
    daily = run.reader.say(sentence("{what}, every day", what=what))
    timer = TIMER.format(what=daily, time=f"{hour:02}:{minute:02}:00")
    return {f"{unit}.service": service, f"{unit}.timer": timer}


def _lines(texts: Iterator[str]) -> str:
    return "".join(f"{text}\n" for text in texts)


def _writable(state_dir: Path, reader: Reader) -> str:
    """systemd creates a folder below /var/lib by itself; any other must exist before the first run."""
    if below := re.fullmatch(r"/var/lib/([\w./-]+)", str(state_dir), re.ASCII):  # it takes no quotes, as others do
        return f"StateDirectory={below[1]}\nStateDirectoryMode=0700"
    folder = _unit_word(str(state_dir))
    must = sentence("must exist: {command}", command=f"mkdir -p -m 700 {shlex.quote(str(state_dir))}")
    return f"# {reader.say(must)}\nReadWritePaths={folder}"


def _load_credentials(run: DailyRun) -> Iterator[str]:
    secrets = [secret for _, secret in run.passwords() if secret.source == "systemd"]
    if secrets:
        text = sentence("a file of root's, mode 0600, with only the password; or use LoadCredentialEncrypted=")
        yield comment(run.reader.say(text))
    for name in dict.fromkeys(str(secret.value).replace("%", "%%") for secret in secrets):
        yield f"LoadCredential={name}:/etc/credstore/{name}"


def _needs_home(run: DailyRun) -> bool:
    """Also true for a command or a keyring, which may read anything."""
    for _, secret in run.passwords():
        if secret.source in {"command", "keyring"} or str(secret.value).startswith("~"):
            return True
    return _is_below((*HOMES, user()[1]), _paths(run))


def _paths(run: DailyRun) -> list[Path]:
    """Every place that the run is known to read or write."""
    files = (Path(str(secret.value)) for _, secret in run.passwords() if secret.source == "file")
    python = [Path(program()[0]), Path(sys.prefix), Path(sys.base_prefix), Path(__file__)]
    return [run.config.path, run.config.state_dir, *files, *python]


def _is_below(folders: tuple[str, ...], paths: list[Path]) -> bool:
    """Whether one of the paths is in one of the folders."""
    return any(path.is_relative_to(folder) for path in paths for folder in folders if folder)


def _unit_word(text: str) -> str:
    """One word of a unit file: in quotes where needed, % doubled as it begins a specifier."""
    if any(ord(character) < ord(" ") for character in text):
        raise UsageFault(
            sentence("a unit file cannot hold a control character: {text}", text=clean(text)),
            sentence("rename the folder"),
        )
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"' if set(text) & set(" \"'\\;") else escaped
