"""Where a typed password is stored: asked in init, with advice for cron, and tested."""

import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from klarna24.cli.setup.draft import Draft
from klarna24.cli.setup.prompts import Refused
from klarna24.config import credentials
from klarna24.config.values import Secret
from klarna24.errors import ConfigFault, CredentialsFault
from klarna24.text.sentences import sentence

WAYS = {
    "file": sentence("a file that only you can read; works with cron (usual)"),
    "command": sentence("a command, such as pass show …; works with cron if it asks nothing"),
    "systemd": sentence("a credential for a systemd timer; does not work with cron"),
    "env": sentence("an environment variable; works with cron if the crontab sets it"),
}
KEYRING = sentence("the keyring of your desktop; does not work with cron when nobody is logged in")


def ask_where_to_store(draft: Draft) -> None:
    """Put the source of each typed password into the draft. Nothing is stored yet."""
    if draft.typed:
        ways = {**WAYS, "keyring": KEYRING} if credentials.keyring_answers() else WAYS
        draft.prompts.heading(sentence("Where should the passwords be stored?"))
        way = draft.prompts.choice(sentence("Place"), ways, "file")
        for name, password, table in _typed(draft):
            table["password"] = _ask_source(draft, way, name, password)


def store_passwords(draft: Draft) -> None:
    """Store those whose source is a file or the keyring."""
    for name, password, table in _typed(draft):
        match table["password"]:
            case {"file": file}:
                _write(draft, Path(file), password)
            case {"keyring": True}:
                credentials.store_in_keyring(name, password)


def _typed(draft: Draft) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Each typed password, with its name and the table that has its source."""
    for place, password in draft.typed.items():
        if place == "notify.email":
            yield place, password, draft.top["notify"]["email"]
        else:
            yield f"{draft.name}.{place}", password, draft.table[place]


def _ask_source(draft: Draft, way: str, name: str, password: str) -> dict[str, Any]:
    """The source as profiles.toml will name it."""
    prompts = draft.prompts
    match way:
        case "file":
            return {"file": str(draft.path.absolute().parent / "secrets" / name)}
        case "keyring":
            return {"keyring": True}
        case "command":
            return {"command": _ask_command(draft, name, password)}
        case "systemd":
            credential = name.replace(".", "-")
            prompts.say(
                sentence(
                    "Write only the password to {file} (root, 0600); {command} prints a service that loads it.",
                    file=f"/etc/credstore/{credential}",
                    command="klarna24 schedule --systemd",
                ),
                indent=2,
            )
            return {"systemd": credential}
    usual = re.sub(r"\W", "_", name.upper())
    variable = prompts.text(sentence("Variable for {name}", name=name), usual, _check_variable)
    if os.environ.get(variable) != password:
        prompts.warn(
            sentence("{variable} does not contain it here yet: set it wherever klarna24 runs", variable=variable)
        )
    return {"env": variable}


def _ask_command(draft: Draft, name: str, password: str) -> list[str]:
    """The words of a command that was run and printed the typed password."""
    question, default = sentence("Command that prints {name}", name=name), f"pass show klarna24/{name}"
    while True:
        words = shlex.split(draft.prompts.text(question, default, _check_command))
        try:
            printed = credentials.fetch(Secret("command", tuple(words)), name)
        except CredentialsFault as error:
            draft.prompts.error(error.message, error.hint)
            continue
        if printed == password:
            draft.prompts.ok(sentence("the command printed the password that you typed"))
            return words
        draft.prompts.error(sentence("the command printed a different password"))


def _check_command(answer: str) -> str:
    try:
        return shlex.join(shlex.split(answer))
    except ValueError:
        raise Refused(sentence("a quotation mark is missing")) from None


def _check_variable(answer: str) -> str:
    if not re.fullmatch(r"[A-Za-z_]\w*", answer, re.ASCII):
        raise Refused(sentence("give the name of a variable: letters, digits and _"))
    return answer


def _write(draft: Draft, file: Path, password: str) -> None:
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file.unlink(missing_ok=True)
        with os.fdopen(
            os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8"
        ) as opened:
            opened.write(password)
    except OSError as error:
        message = sentence("{path} cannot be written: {error}", path=str(file), error=str(error.strerror))
        raise ConfigFault(message, f"ls -ld {file.parent}") from None
    draft.prompts.ok(sentence("password stored in {file}", file=str(file)))
