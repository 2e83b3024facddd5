"""The secrets of a run: fetched only when needed, reported in one line when they cannot be, and never shown."""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pexpect
import pytest
import tomli_w

from klarna24.config import credentials
from tests.support import ROOT
from tests.support.bookkeeping import PROFILE, merged
from tests.support.secrets import WORD, private
from tests.support.shops import OpenShop, Shop, simple

NULL = "keyring.backends.null.Keyring"


def given(table: str, raw: dict[str, Any]) -> dict[str, Any]:
    return {table: {"password": {"env": None, **raw}}}


@pytest.mark.parametrize(
    ("source", "value", "reason"),
    [
        ("env", "NOT_SET", "the environment variable that it names is not set"),
        ("env", "EMPTY", "is empty"),
        ("env", "LATIN", "is not UTF-8"),
        ("file", "{folder}/missing", "the file that it names cannot be read: No such file"),
        ("file", "{folder}", "cannot be read: Is a directory"),
        ("file", "~no-such-user/word", "no such home folder"),
        ("file", "{folder}/empty", "is empty"),
        ("file", "{folder}/latin", "is not UTF-8"),
        ("command", ["no-such", "hemligt"], "the command cannot be run: "),
        ("command", ["/no/such", "hemligt"], "the command cannot be run: No such file"),
        ("command", ["{folder}/latin", "hemligt"], "the command cannot be run: Permission denied"),
        ("command", ["sh", "-c", "echo hemligt; echo hemligt >&2; exit 3"], "the command ended with 3"),
        ("command", ["sh", "-c", "echo hemligt; kill -9 $$"], "the command ended with -9"),
        ("command", ["sh", "-c", "echo hemligt; sleep 60"], "the command did not end within 0.5 s"),
        ("command", ["true"], "is empty"),
        ("systemd", "shop1", "CREDENTIALS_DIRECTORY is not set"),
        ("keyring", True, "keyring ended with 1"),
    ],
)
def test_a_secret_that_cannot_be_fetched_is_one_line_and_exit_code_4(
    open_shop: OpenShop, monkeypatch: pytest.MonkeyPatch, source: str, value: Any, reason: str
) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    monkeypatch.setenv("EMPTY", "")
    monkeypatch.setenv("LATIN", os.fsdecode(b"hemligt\xe5"))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", NULL)
    if "sleep 60" in str(value):
        monkeypatch.setattr(credentials, "COMMAND_SECONDS", 0.5)
    shop = open_shop(payouts=[])
    private(shop.folder / "empty", "\n")
    private(shop.folder / "latin", b"hemligt\xe5")
    raw = json.loads(json.dumps({source: value}).replace("{folder}", str(shop.folder)))
    shop.write(given("klarna", raw))
    result = shop.sync()
    assert (result.code, result.out) == (4, "")
    (line,) = result.lines()
    assert line.startswith("klarna24: shop1: [profiles.shop1.klarna] password: ")
    assert reason in line
    assert " → " in line
    assert "hemligt" not in line
    assert not shop.box.requests


@pytest.mark.parametrize("mode", [0o640, 0o644])
def test_a_secret_that_others_can_read_is_exit_code_4(open_shop: OpenShop, mode: int) -> None:
    shop = open_shop(payouts=[])
    file = private(shop.folder / "word", shop.box.klarna.password)
    shop.write(given("klarna", {"file": str(file)}))
    assert shop.sync().code == 0
    file.chmod(mode)
    for result in (shop.sync("--now"), shop.dry_run()):
        assert result.code == 4
        assert len(result.lines()) == 1
        assert f"→ chmod 600 {file}" in result.err
        assert shop.box.klarna.password not in result.out + result.err
    document = shop.sync("--now", "--json").json
    (problem,) = document["profiles"][0]["problems"]
    assert (document["exit_code"], problem["code"]) == (4, "credentials")
    assert shop.box.klarna.password not in str(document)


def test_a_secret_of_every_source_works_at_klarna(
    open_shop: OpenShop, keyring_of: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = open_shop(payouts=[])
    shop.box.klarna.password = WORD
    file = private(shop.folder / "word", f"{WORD}\n")
    keyring_of(f"return '{WORD}'")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(shop.folder))
    monkeypatch.setenv("SHOP1", WORD)
    for raw in (
        {"env": "SHOP1"},
        {"file": str(file)},
        {"command": ["cat", str(file)]},
        {"systemd": "word"},
        {"keyring": True},
    ):
        shop.write(given("klarna", raw))
        result = shop.sync("--now")
        assert (result.code, result.err) == (0, ""), raw


def test_24sevenoffices_secret_is_fetched_only_when_there_is_something_to_book(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[])
    shop.write(given("24sevenoffice", {"env": "NOT_SET"}))
    assert shop.sync().code == 0
    shop.box.klarna.add(*simple("XISA93DJ"))
    result = shop.sync("--now")
    assert result.code == 4
    assert (
        "[profiles.shop1.24sevenoffice] password: the environment variable that it names is not set" in result.err
    )
    assert not shop.drafts()


def test_a_secret_that_a_vendor_refuses_is_exit_code_4_and_never_shown(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WRONG", WORD)
    for table in ("klarna", "24sevenoffice"):
        shop.write(given(table, {"env": "WRONG"}))
        result = shop.sync()
        assert result.code == 4
        assert len(result.lines()) == 1
        assert WORD not in result.out + result.err


@pytest.mark.filterwarnings("ignore:.*forkpty:DeprecationWarning")
@pytest.mark.parametrize(
    "raw",
    [
        {"command": ["sh", "-c", "printf 'Passphrase: ' > /dev/tty; read word < /dev/tty; echo $word"]},
        {"keyring": True},
    ],
    ids=["tty", "keyring"],
)
def test_nothing_prompts_even_on_a_terminal(
    tmp_path: Path, keyring_of: Callable[[str], None], raw: dict[str, Any]
) -> None:
    keyring_of("import getpass; return getpass.getpass('Passphrase: ')")
    profile = merged(PROFILE, given("klarna", raw))
    config = private(tmp_path / "profiles.toml", tomli_w.dumps({"profiles": {"shop1": profile}}))
    terminal = pexpect.spawn(
        sys.executable,
        ["-m", "klarna24", "--config", str(config), "dry-run", "--profile", "shop1"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(tmp_path)])},
        timeout=60,
        encoding="utf-8",
    )
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 4
    assert "Passphrase" not in terminal.before
    assert ("keyring" in raw) == (tmp_path / "asked").exists()
    assert "[profiles.shop1.klarna] password: " in terminal.before
