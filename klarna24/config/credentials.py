"""Fetches secrets from where profiles.toml says they are.

Nothing here ever prompts, and no secret is ever in a message. Every trouble is a CredentialsFault.
"""

import contextlib
import logging
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

from klarna24.config.values import Secret
from klarna24.errors import CredentialsFault
from klarna24.logs.redaction import register_secret
from klarna24.text import sentence

COMMAND_SECONDS = 10
MOST_BYTES = 2**16  # what is longer is no password, and half of it would be none either

# The library's own command, so that a keyring that waits for an unlock ends like any command. -P: no keyring.py of
# the current folder; utf8: whatever the locale of a cron job, the password comes back as it was stored.
KEYRING = (sys.executable, "-P", "-X", "utf8", "-m", "keyring")
log = logging.getLogger(__name__)


def fetch(secret: Secret, path: str) -> str:
    """The secret itself. ``path`` is its place in profiles.toml (``shop1.klarna``, ``notify.email``): it stands
    in messages, and is the user name under which a keyring has the secret."""
    where = "[notify.email] password" if path == "notify.email" else f"[profiles.{path}] password"
    match secret.source:
        case "env":
            value = _from_env(str(secret.value), where)
        case "file":
            value = _from_file(Path(str(secret.value)), where)
        case "command":
            value = _from_command(tuple(secret.value), where)
        case "systemd":
            value = _from_systemd(str(secret.value), where)
        case "keyring":
            value = _from_command((*KEYRING, "get", "klarna24", path), where)
    register_secret(value)
    log.debug("%s: read from: %s", where, secret.source)
    if not value:
        raise CredentialsFault(
            sentence("{where}: the password is empty", where=where), sentence("correct it in profiles.toml")
        )
    return value


def keyring_answers() -> bool:
    """Whether a real backend is there: one that keeps what it is given (the library names it, or none)."""
    try:
        listed = subprocess.run(  # noqa: S603 - the library's own command
            (*KEYRING, "--list-backends"),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    names = [line for line in listed.stdout.decode("utf-8", "replace").splitlines() if "priority" in line]
    return any(not any(word in line for word in ("fail.", "null.", "chainer.")) for line in names)


def store_in_keyring(name: str, value: str) -> None:
    """Under service ``klarna24``; the secret goes through standard input, never as an argument."""
    try:
        done = subprocess.run(  # noqa: S603 - the library's own command
            (*KEYRING, "set", "klarna24", name),
            input=value.encode(),
            capture_output=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        message = sentence("the keyring did not keep {name}: {error}", name=name, error=type(error).__name__)
        raise CredentialsFault(message, sentence("use a file")) from None
    if done.returncode or fetch(Secret("keyring"), name) != value:
        raise CredentialsFault(sentence("the keyring did not keep {name}", name=name), sentence("use a file"))


def _from_env(name: str, where: str) -> str:
    try:
        value = os.environ[name]
    except KeyError:
        raise CredentialsFault(
            sentence("{where}: the environment variable {name} is not set", where=where, name=name),
            sentence("set {name}, or use another source", name=name),
        ) from None
    if any("\ud800" <= character <= "\udfff" for character in value):  # how Python shows a byte that is not UTF-8
        raise _not_utf8(where)
    return value


def _from_file(file: Path, where: str) -> str:
    try:
        file = file.expanduser()
        # not blocking: a named pipe that nobody writes to would hang for ever
        with os.fdopen(os.open(file, os.O_RDONLY | os.O_NONBLOCK), "rb") as opened:
            mode = os.fstat(opened.fileno()).st_mode
            if not stat.S_ISREG(mode):
                raise CredentialsFault(
                    sentence("{where}: {file} is no plain file", where=where, file=str(file)),
                    sentence("use {source} for anything else", source="{ command = … }"),
                )
            if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise CredentialsFault(
                    sentence(
                        "{where}: {file} can be read by others (mode {mode})",
                        where=where,
                        file=str(file),
                        mode=f"{stat.S_IMODE(mode):o}",
                    ),
                    f"chmod 600 {file}",
                )
            return _text(opened.read(MOST_BYTES + 1), where)
    except OSError as error:
        message = sentence(
            "{where}: {file} cannot be read: {why}", where=where, file=str(file), why=str(error.strerror)
        )
        raise CredentialsFault(message, f"ls -l {file}") from None
    except RuntimeError:
        message = sentence("{where}: {file}: no such home folder", where=where, file=str(file))
        raise CredentialsFault(message, sentence("write the path in full")) from None


def _from_systemd(name: str, where: str) -> str:
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    if not folder:
        raise CredentialsFault(
            sentence(
                "{where}: not run by systemd with {line}: there is no CREDENTIALS_DIRECTORY",
                where=where,
                line=f"LoadCredential={name}",
            ),
            "klarna24 schedule --systemd",
        )
    try:
        return _text((Path(folder) / name).read_bytes(), where)
    except OSError as error:
        raise CredentialsFault(
            sentence(
                "{where}: the systemd credential {name} cannot be read: {why}",
                where=where,
                name=name,
                why=str(error.strerror),
            ),
            sentence("add {line} to the service", line=f"LoadCredential={name}:…"),
        ) from None


def _from_command(arguments: tuple[str, ...], where: str) -> str:
    """Run without a shell, in a session of its own, so that all it started ends with it."""
    word = "keyring" if arguments[: len(KEYRING)] == KEYRING else arguments[0]
    try:
        process = subprocess.Popen(  # noqa: S603 - the owner's own command, from a file only they can write
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError as error:
        message = sentence(
            "{where}: {command} cannot be run: {why}", where=where, command=word, why=str(error.strerror)
        )
        raise CredentialsFault(message, sentence("correct it in profiles.toml")) from None
    with process:
        try:
            output, _ = process.communicate(timeout=COMMAND_SECONDS)
        except BaseException as error:  # Ctrl-C does not reach its session either
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            message = sentence(
                "{where}: {command} did not end within {seconds} s",
                where=where,
                command=word,
                seconds=COMMAND_SECONDS,
            )
            raise CredentialsFault(message, sentence("run it by hand: does it ask?")) from None
    if process.returncode:
        message = sentence(
            "{where}: {command} ended with {code}", where=where, command=word, code=process.returncode
        )
        raise CredentialsFault(message, sentence("run it by hand, as the user of the run"))
    return _text(output, where)


def _text(raw: bytes, where: str) -> str:
    """UTF-8, less one trailing newline (a Windows one too)."""
    if len(raw) > MOST_BYTES:
        message = sentence(
            "{where}: longer than {kibibytes} KiB is no password", where=where, kibibytes=MOST_BYTES // 1024
        )
        raise CredentialsFault(message, sentence("correct it"))
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise _not_utf8(where) from None
    return text.removesuffix("\r\n") if text.endswith("\r\n") else text.removesuffix("\n")


def _not_utf8(where: str) -> CredentialsFault:
    return CredentialsFault(
        sentence("{where}: the password is not UTF-8 text", where=where), sentence("store it as UTF-8")
    )
