"""What ends a command before anything is sent, in one line: passwords, and a state folder that cannot be used."""

import errno
import fcntl
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.shops import OpenShop, simple

COMMANDS = [("sync", "--all"), ("dry-run", "--all"), ("status",), ("log",)]
WRITING = [("sync", "--all", "--now"), ("resolve", "--profile", "shop1", "A", "--skip", "--yes")]


def test_a_password_that_xml_cannot_hold_is_refused_and_not_shown(
    open_shop: OpenShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = open_shop(payouts=[simple("A")])
    monkeypatch.setenv("KLARNA24_SANDBOX_OFFICE", "hem\x01ligt")
    result = shop.sync()
    assert (result.code, "hem" in result.out + result.err) == (4, False)
    assert shop.box.calls()["Login"] == 0


def test_a_named_pipe_as_a_password_file_is_refused_at_once(open_shop: OpenShop, tmp_path: Path) -> None:
    shop = open_shop(payouts=[simple("A")])
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe, 0o600)
    shop.write({"klarna": {"password": {"env": None, "file": str(pipe)}}})
    result = shop.sync()
    assert (result.code, "what it names is not a regular file" in result.err) == (4, True)


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_a_damaged_database_is_reported_in_one_line(open_shop: OpenShop, arguments: tuple[str, ...]) -> None:
    shop = open_shop(payouts=[simple(f"REF{number:03}", 1, sale_amount=0) for number in range(60)])
    assert shop.sync().code == 0
    file = shop.state / "klarna24.sqlite"
    data = bytearray(file.read_bytes())
    for page in range(2 * 4096, len(data), 4096):
        data[page : page + 200] = b"\xff" * 200
    file.write_bytes(data)
    result = shop.run(*arguments)
    assert (result.code, len(result.lines())) == (3, 1)
    assert "is damaged: " in result.err


@pytest.mark.parametrize("arguments", COMMANDS + WRITING, ids=" ".join)
def test_a_database_locked_by_another_program_ends_the_command_with_5(
    open_shop: OpenShop, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    monkeypatch.setattr("klarna24.state.database.BUSY_SECONDS", 0.05)
    shop = open_shop(payouts=[simple("A", sale_amount=100, settlement_amount=99)])
    assert shop.sync().code == 7
    with closing(sqlite3.connect(shop.state / "klarna24.sqlite", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        result = shop.run(*arguments)
    assert (result.code, len(result.lines())) == (5, 1)
    assert "is locked by another program" in result.err


def test_a_shared_folder_with_other_files_is_refused_as_the_state_folder(
    open_shop: OpenShop, tmp_path: Path
) -> None:
    shop = open_shop(payouts=[simple("A")])
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    (shared / "of-another").touch()
    result = shop.run("--state-dir", str(shared), "sync", "--all")
    assert result.code == 3
    assert "other users can write to the state folder" in result.err
    assert "(mode 1777)" in result.err
    assert shared.stat().st_mode & 0o7777 == 0o1777
    assert not shop.drafts()


def test_without_a_kernel_lock_nothing_is_sent(open_shop: OpenShop, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lock that outlives its process would stop the shop for good."""
    shop = open_shop(payouts=[simple("A")])

    def flock(*_: object) -> None:
        raise OSError(errno.ENOSYS, "Function not implemented")

    with monkeypatch.context() as patched:
        patched.setattr(fcntl, "flock", flock)
        result = shop.sync()
    assert (result.code, "cannot be locked" in result.err) == (3, True)
    assert not shop.box.calls()
    assert shop.sync().code == 0


@pytest.mark.parametrize("option", ["--state-dir", "--state", "--config", "--log-file"])
def test_an_empty_folder_address_or_file_is_refused_and_not_taken_for_the_present_folder(
    open_shop: OpenShop, option: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = open_shop(payouts=[simple("A")])
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    result = shop.run(option, "", "sync", "--all")
    assert (result.code, f"'{option}': it is empty." in result.err) == (2, True)
    assert (shop.drafts(), sorted(tmp_path.rglob("*"))) == ([], before)


def test_more_events_than_the_database_can_count_are_all_of_them(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[simple("A")])
    shop.sync()
    every = shop.run("log")
    assert every.code == 0
    assert shop.run("log", "-n", str(2**70)) == every


@pytest.mark.parametrize("option", ["-q", "--state-dir", "--log-file=x"])
def test_an_option_of_every_command_that_stands_after_the_command_is_told_its_place(
    open_shop: OpenShop, option: str
) -> None:
    result = open_shop().run("sync", "--all", option)
    name = option.partition("=")[0]
    assert result.code == 2
    assert f"{name} stands before the command: klarna24 {name} …" in result.err


@pytest.mark.parametrize(
    ("command", "written", "example"),
    [
        ("log --since", "yesterday", "2026-11-24"),
        ("list --from", "24/11", "2026-11-24"),
        ("list --month", "2026-13", "2026-11"),
    ],
)
def test_a_day_or_month_that_is_written_otherwise_is_answered_with_an_example(
    open_shop: OpenShop, command: str, written: str, example: str
) -> None:
    result = open_shop().run(*command.split(), written)
    assert (result.code, f"'{written}' is not written as in {example}." in result.err) == (2, True)
