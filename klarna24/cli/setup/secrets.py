"""Where a typed password is stored: asked in init, with advice for cron, and tested."""

import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from click import echo

from klarna24.cli.setup.draft import Draft
from klarna24.cli.setup.prompts import ask_choice, ask_text, print_error, print_ok
from klarna24.config import credentials
from klarna24.config.values import Secret
from klarna24.errors import CredentialsFault

WAYS = {
    "file": "a file that only you can read; works with cron (usual)",
    "command": "such as pass show …; works with cron if it asks nothing",
    "systemd": "a credential for a systemd timer; does not work with cron",
    "env": "a variable; works with cron if the crontab sets it",
}
KEYRING = "of your desktop; does not work with cron when nobody is logged in"


def ask_where_to_store(draft: Draft) -> None:
    """Put the source of each typed password into the draft. Nothing is stored yet."""
    if draft.typed:
        ways = {**WAYS, "keyring": KEYRING} if credentials.keyring_answers() else WAYS
        way = ask_choice("\nWhere should the passwords be stored?", ways, "file")
        for name, password, table in _typed(draft):
            table["password"] = _ask_source(way, draft.path, name, password)


def store_passwords(draft: Draft) -> None:
    """Store those whose source is a file or the keyring."""
    for name, password, table in _typed(draft):
        match table["password"]:
            case {"file": file}:
                _write(Path(file), password)
            case {"keyring": True}:
                credentials.store_in_keyring(name, password)


def _typed(draft: Draft) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Each typed password, with its name and the table that has its source."""
    for place, password in draft.typed.items():
        if place == "notify.email":
            yield place, password, draft.top["notify"]["email"]
        else:
            yield f"{draft.name}.{place}", password, draft.table[place]


def _ask_source(way: str, path: Path, name: str, password: str) -> dict[str, Any]:
    """The source as profiles.toml will name it."""
    match way:
        case "file":
            return {"file": str(path.absolute().parent / "secrets" / name)}
        case "keyring":
            return {"keyring": True}
        case "command":
            return {"command": _ask_command(name, password)}
        case "systemd":
            credential = name.replace(".", "-")
            echo(f"  Write only the password to /etc/credstore/{credential} (root, mode 0600);")
            echo("  klarna24 schedule --systemd prints a service that loads it.")
            return {"systemd": credential}
    variable = ask_text(f"Variable for {name}", re.sub(r"\W", "_", name.upper()))
    if os.environ.get(variable) != password:
        echo(f"  {variable} does not contain it here yet: set it wherever klarna24 runs.")
    return {"env": variable}


def _ask_command(name: str, password: str) -> list[str]:
    """The words of a command that was run and printed the typed password."""
    question, default = f"Command that prints {name}", f"pass show klarna24/{name}"
    while True:
        words = shlex.split(ask_text(question, default, lambda answer: shlex.join(shlex.split(answer))))
        try:
            printed = credentials.fetch(Secret("command", tuple(words)), name)
        except CredentialsFault as error:
            print_error(error)
            continue
        if printed == password:
            print_ok("the command printed the password that you typed")
            return words
        print_error("the command printed a different password")


def _write(file: Path, password: str) -> None:
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    file.unlink(missing_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as opened:
        opened.write(password)
    print_ok(f"password stored in {file}")
