"""Fetches secrets from where profiles.toml says they are.

Nothing here ever prompts, and no secret is ever in a message. Every trouble is a CredentialsFault.
"""

import contextlib
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

from klarna24.config import Secret
from klarna24.errors import CredentialsFault

COMMAND_SECONDS = 10


def fetch(secret: Secret, path: str) -> str:
    """The secret itself. ``path`` is its place in profiles.toml (``shop1.klarna``): it stands in messages,
    and is the user name under which a keyring has the secret."""
    where = f"[profiles.{path}] password"
    match secret.source:
        case "env":
            value = _from_env(str(secret.value), where)
        case "file":
            value = _from_file(Path(str(secret.value)).expanduser(), where)
        case "command":
            value = _from_command(tuple(secret.value), where)
        case "systemd":
            value = _from_systemd(str(secret.value), where)
        case "keyring":
            # the library's own command, so that a keyring that waits for an unlock ends like any command
            value = _from_command((sys.executable, "-m", "keyring", "get", "klarna24", path), where)
    if not value:
        raise CredentialsFault(f"{where}: the password is empty", "correct it in profiles.toml")
    return value


def _from_env(name: str, where: str) -> str:
    try:
        return os.environ[name]
    except KeyError:
        raise CredentialsFault(
            f"{where}: the environment variable {name} is not set", f"set {name}, or use another source"
        ) from None


def _from_file(file: Path, where: str) -> str:
    try:
        with file.open("rb") as opened:
            mode = os.fstat(opened.fileno()).st_mode
            if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise CredentialsFault(
                    f"{where}: {file} can be read by others (mode {stat.S_IMODE(mode):o})", f"chmod 600 {file}"
                )
            return _text(opened.read(65_537), where)
    except OSError as error:
        raise CredentialsFault(f"{where}: {file} cannot be read: {error.strerror}", f"ls -l {file}") from None


def _from_systemd(name: str, where: str) -> str:
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    if not folder:
        raise CredentialsFault(
            f"{where}: not run by systemd with LoadCredential={name}: there is no CREDENTIALS_DIRECTORY",
            "klarna24 schedule --systemd",
        )
    try:
        return _text((Path(folder) / name).read_bytes(), where)
    except OSError as error:
        raise CredentialsFault(
            f"{where}: the systemd credential {name} cannot be read: {error.strerror}",
            f"add LoadCredential={name}:… to the service",
        ) from None


def _from_command(arguments: tuple[str, ...], where: str) -> str:
    """Run without a shell, in a session of its own, so that all it started ends with it."""
    word = arguments[0] if arguments[0] != sys.executable else "keyring"
    try:
        process = subprocess.Popen(  # noqa: S603 - the owner's own command, from a file only they can write
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError as error:
        raise CredentialsFault(
            f"{where}: {word} cannot be run: {error.strerror}", "correct it in profiles.toml"
        ) from None
    with process:
        try:
            output, _ = process.communicate(timeout=COMMAND_SECONDS)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            raise CredentialsFault(
                f"{where}: {word} did not end within {COMMAND_SECONDS} s", "run it by hand: does it ask?"
            ) from None
    if process.returncode:
        raise CredentialsFault(
            f"{where}: {word} ended with {process.returncode}", "run it by hand, as the user of the run"
        )
    return _text(output, where)


def _text(raw: bytes, where: str) -> str:
    """UTF-8, less one trailing newline."""
    try:
        return raw.decode("utf-8").removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise CredentialsFault(f"{where}: the password is not UTF-8 text", "correct it in profiles.toml") from None
