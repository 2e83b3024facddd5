"""Fetches secrets from the sources that profiles.toml names.

Nothing here prompts, and no message contains a secret. Nor does one contain what profiles.toml says of the source,
because people write the password itself there: a message names the key. Whatever goes wrong is a CredentialsFault.
"""

import contextlib
import logging
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path
from shlex import quote

from klarna24.config.values import UTF16, Secret
from klarna24.errors import CredentialsFault
from klarna24.files import belongs_to_others
from klarna24.logs.redaction import register_secret
from klarna24.text.sentences import sentence

COMMAND_SECONDS = 10
MOST_BYTES = 2**16  # a longer password is refused, not cut
# The library's own command, so that a keyring that waits to be unlocked is ended like any other command.
# -P: it imports no keyring.py of the current folder. utf8: it returns the password as stored, in any locale.
KEYRING = (sys.executable, "-P", "-X", "utf8", "-m", "keyring")
log = logging.getLogger(__name__)


def fetch(secret: Secret, path: str) -> str:
    """The secret itself, registered for redaction. ``path`` is its place in profiles.toml (``shop1.klarna``,
    ``notify.email``, ``state``): messages name it, and a keyring keeps the secret under it as the user name."""
    elsewhere = {"notify.email": "[notify.email] password", "state": "state_password"}
    where = elsewhere.get(path, f"[profiles.{path}] password")
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
    value = value.removeprefix("\ufeff")  # some editors put a byte order mark before a text
    register_secret(value)
    log.debug("%s: read from: %s", where, secret.source)
    if not value:
        raise CredentialsFault(
            sentence("{where}: the password is empty", where=where), sentence("correct it in profiles.toml")
        )
    return value


def keyring_answers() -> bool:
    """Whether a keyring that stores passwords is available."""
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
    """Store the secret for service ``klarna24`` and user ``name``. It is passed on standard input, never as an
    argument, which others can see. Raises CredentialsFault unless the keyring then returns it."""
    try:
        done = subprocess.run(  # noqa: S603 - the library's own command
            (*KEYRING, "set", "klarna24", name),
            input=value.encode(),
            capture_output=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        message = sentence("the keyring did not store {name}: {error}", name=name, error=type(error).__name__)
        raise CredentialsFault(message, sentence("use a file")) from None
    if done.returncode or fetch(Secret("keyring"), name) != value:
        raise CredentialsFault(sentence("the keyring did not store {name}", name=name), sentence("use a file"))


def _from_env(name: str, where: str) -> str:
    try:
        value = os.environ[name]
    except KeyError:
        raise CredentialsFault(
            sentence("{where}: the environment variable that it names is not set", where=where),
            sentence("set the variable, or use another source"),
        ) from None
    if any("\ud800" <= character <= "\udfff" for character in value):  # a byte that is not UTF-8
        raise _not_utf8(where)
    return value


def _from_file(file: Path, where: str) -> str:
    try:
        file = file.expanduser()
        # O_NONBLOCK: a named pipe that nobody writes to would block for ever.
        with os.fdopen(os.open(file, os.O_RDONLY | os.O_NONBLOCK), "rb") as opened:
            status = os.fstat(opened.fileno())
            mode = status.st_mode
            if not stat.S_ISREG(mode):
                raise CredentialsFault(
                    sentence("{where}: what it names is not a regular file", where=where),
                    sentence("use {source} to read anything else", source="{ command = … }"),
                )
            # From here on it is known to be the path of a file, which may be shown.
            if belongs_to_others(status):
                raise CredentialsFault(
                    sentence("{where}: {file} belongs to another user", where=where, file=str(file)),
                    f"chown {os.geteuid()} {quote(str(file))}",
                )
            if os.name == "posix" and mode & _not_for_others(status):
                raise CredentialsFault(
                    sentence(
                        "{where}: {file} can be read by others (mode {mode})",
                        where=where,
                        file=str(file),
                        mode=f"{stat.S_IMODE(mode):o}",
                    ),
                    f"chmod 600 {quote(str(file))}",
                )
            return _text(opened.read(MOST_BYTES + 1), where)
    except (OSError, UnicodeEncodeError) as error:
        message = sentence(
            "{where}: the file that it names cannot be read: {why}", where=where, why=_reason(error)
        )
        raise CredentialsFault(message, sentence("correct it in profiles.toml")) from None
    except RuntimeError:
        message = sentence("{where}: there is no such home folder", where=where)
        raise CredentialsFault(message, sentence("write the whole path")) from None


def _not_for_others(status: os.stat_result) -> int:
    """The rights that a password's file must not give. One of root's that our group may read is how a container
    gets it; our own needs no group."""
    group = stat.S_IRWXG if status.st_uid == os.geteuid() else stat.S_IWGRP | stat.S_IXGRP
    return group | stat.S_IRWXO


def _from_systemd(name: str, where: str) -> str:
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    if not folder:
        raise CredentialsFault(
            sentence(
                "{where}: CREDENTIALS_DIRECTORY is not set: systemd did not start this with {line}",
                where=where,
                line="LoadCredential=",
            ),
            "klarna24 schedule --systemd",
        )
    try:
        return _text((Path(folder) / name).read_bytes(), where)
    except (OSError, UnicodeEncodeError) as error:
        raise CredentialsFault(
            sentence(
                "{where}: the systemd credential that it names cannot be read: {why}",
                where=where,
                why=_reason(error),
            ),
            sentence("add {line} to the service", line="LoadCredential=NAME:FILE"),
        ) from None


def _from_command(arguments: tuple[str, ...], where: str) -> str:
    """Run without a shell, in a session of its own, so that whatever it started can be ended with it."""
    what = sentence("the keyring") if arguments[: len(KEYRING)] == KEYRING else sentence("the command")
    try:
        process = subprocess.Popen(  # noqa: S603 - the user's command, from a file that others cannot write
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except (OSError, UnicodeEncodeError) as error:
        message = sentence(
            "{where}: {command} cannot be run: {why}", where=where, command=what, why=_reason(error)
        )
        raise CredentialsFault(message, sentence("correct it in profiles.toml")) from None
    with process:
        try:
            output, _ = process.communicate(timeout=COMMAND_SECONDS)
        except BaseException as error:  # Ctrl-C, too: it does not reach another session
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            message = sentence(
                "{where}: {command} did not end within {seconds} s",
                where=where,
                command=what,
                seconds=COMMAND_SECONDS,
            )
            raise CredentialsFault(message, sentence("run it by hand: it may be prompting")) from None
    if process.returncode:
        message = sentence(
            "{where}: {command} ended with {code}", where=where, command=what, code=process.returncode
        )
        raise CredentialsFault(message, sentence("run it by hand, as the user that runs klarna24"))
    return _text(output, where)


def _text(raw: bytes, where: str) -> str:
    """The bytes as UTF-8, without one trailing line break."""
    if len(raw) > MOST_BYTES:
        message = sentence(
            "{where}: the password is longer than {kibibytes} KiB", where=where, kibibytes=MOST_BYTES // 1024
        )
        raise CredentialsFault(message, sentence("correct it"))
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        if raw.startswith(UTF16):
            message = sentence("{where}: the password is saved as UTF-16, not UTF-8", where=where)
            raise CredentialsFault(message, sentence("store it as UTF-8")) from None
        raise _not_utf8(where) from None
    return text.removesuffix("\r\n") if text.endswith("\r\n") else text.removesuffix("\n")


def _reason(error: OSError | UnicodeEncodeError) -> str:
    """UnicodeEncodeError: the name has a letter that this machine's locale does not have."""
    return str(getattr(error, "strerror", None) or type(error).__name__)


def _not_utf8(where: str) -> CredentialsFault:
    return CredentialsFault(
        sentence("{where}: the password is not UTF-8 text", where=where), sentence("store it as UTF-8")
    )
