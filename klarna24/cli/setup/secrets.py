"""Where a typed secret is kept from now on: asked in init, with advice for cron, and tested."""

import os
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

from klarna24.cli.setup.prompts import choose, right, say, text, wrong
from klarna24.config import credentials
from klarna24.config.values import Secret
from klarna24.errors import CredentialsFault

WAYS = {
    "file": "only you can read it; cron can (usual)",
    "command": "such as pass show …; cron can if it asks nothing",
    "systemd": "a credential for a systemd timer; cron cannot",
    "env": "a variable; cron has it only if the crontab sets it",
}
KEYRING = "your desktop's; cron cannot while nobody is logged in"


def keep_secrets(
    path: Path, name: str, table: dict[str, Any], top: dict[str, Any], typed: dict[str, str]
) -> Callable[[], None]:
    """Ask where each typed secret goes and put its source into the table. Nothing is stored before the returned
    function is called."""
    if not typed:
        return lambda: None
    ways = {**WAYS, "keyring": KEYRING} if credentials.keyring_answers() else WAYS
    way = choose("\nWhere shall the passwords be kept?", ways, "file")
    todo: list[Callable[[], None]] = []
    for where, value in typed.items():
        source, store = _place(way, path, name, where, value)
        _email_or_profile(where, table, top)["password"] = source
        todo.append(store)

    def keep() -> None:
        for store in todo:
            store()

    return keep


def _email_or_profile(where: str, table: dict[str, Any], top: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = top["notify"]["email"] if where == "notify.email" else table[where]
    return found


def _place(way: str, path: Path, name: str, where: str, value: str) -> tuple[dict[str, Any], Callable[[], None]]:
    """The source as it will stand in profiles.toml, and what stores the secret there."""
    full_name = where if where == "notify.email" else f"{name}.{where}"
    match way:
        case "file":
            file = path.absolute().parent / "secrets" / full_name
            return {"file": str(file)}, lambda: _write(file, value)
        case "keyring":
            return {"keyring": True}, lambda: credentials.store_in_keyring(full_name, value)
        case "command":
            return {"command": _command(full_name, value)}, lambda: None
        case "systemd":
            credential = full_name.replace(".", "-")
            say(f"  Put it, alone, into /etc/credstore/{credential} (root, 0600):")
            say("  klarna24 schedule --systemd prints a service that loads it.")
            return {"systemd": credential}, lambda: None
    variable = "".join(c if c.isalnum() else "_" for c in full_name.upper())
    variable = text(f"Variable for {full_name}", variable)
    if os.environ.get(variable) != value:
        say(f"  {variable} does not hold it here yet: set it wherever klarna24 runs.")
    return {"env": variable}, lambda: None


def _command(full_name: str, value: str) -> list[str]:
    """A command that was run, and printed the very secret."""
    while True:
        words = shlex.split(text(f"Command that prints {full_name}", f"pass show klarna24/{full_name}"))
        try:
            printed = credentials.fetch(Secret("command", tuple(words)), full_name)
        except CredentialsFault as error:
            wrong(f"{error.message} → {error.hint}")
            continue
        if printed == value:
            right("it prints the password that was typed")
            return words
        wrong("it prints something else than was typed")


def _write(file: Path, value: str) -> None:
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    file.unlink(missing_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as opened:
        opened.write(value)
    right(f"password kept in {file}")
