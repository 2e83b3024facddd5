"""Around a run: printed commands, previews, bad answers, passwords, closed pipes, full disks, the state folder."""

import errno
import fcntl
import os
import re
import shlex
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from klarna24.sandbox.klarna.generate import make_payout
from tests.support import ROOT
from tests.support.processes import statuses
from tests.support.shops import NOON, OpenShop, Shop, simple

Given = tuple[dict[str, Any], list[dict[str, Any]]]
SEK: dict[str, Any] = {"klarna": {"currencies": ["SEK"]}}
EUR: dict[str, Any] = {"klarna": {"currencies": ["EUR"]}, "voucher": {"foreign_currency": "rate"}}
EURO: Given = make_payout("EURO", NOON, currency="EUR", sale_amount=100), []


def blocked(reference: str, days_ago: int = 0) -> Given:
    return simple(reference, days_ago, sale_amount=100, settlement_amount=99)


def with_yes(command: str) -> list[str]:
    """The arguments of a printed command, with --yes, which must come before any ``--``."""
    words = shlex.split(command)[1:]
    return [words[0], "--yes", *words[1:]]


# Commands as they are printed

SAME_REFERENCE: dict[str, list[Given]] = {
    "two currencies": [simple("TWICE"), (make_payout("TWICE", NOON, currency="EUR", sale_amount=500), [])],
    "two merchants": [simple("TWICE"), ({**simple("TWICE", sale_amount=5)[0], "merchant_id": "N2"}, [])],
    "a leading dash": [simple("-abc")],
    "for a shell": [simple("it's $(x)")],
}


@pytest.mark.parametrize("payouts", SAME_REFERENCE.values(), ids=SAME_REFERENCE)
@pytest.mark.parametrize(("before", "after"), [("if it is there: ", ";"), ("if not: ", "\n")])
def test_the_printed_commands_settle_a_doubt(
    open_shop: OpenShop, payouts: list[Given], before: str, after: str
) -> None:
    shop = open_shop(payouts=payouts)
    shop.write({"voucher": EUR["voucher"]})
    shop.box.faults.arm("cut-before-save")
    printed = re.search(rf"{before}(klarna24 resolve .*?){after}", shop.sync().err)
    assert printed
    assert shop.run(*with_yes(printed[1])).code == 0
    assert shop.sync("--now").code == 0
    assert len(shop.drafts()) == len(payouts) - ("--drafted" in printed[1])


def test_the_commands_of_status_tell_payouts_with_the_same_reference_apart(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=SAME_REFERENCE["two currencies"] + SAME_REFERENCE["two merchants"][1:])
    shop.write({"voucher": EUR["voucher"]})
    shop.box.faults.arm("cut-before-save", times=None)
    assert shop.sync().code == 8
    for left in (2, 1, 0):
        (profile,) = shop.run("status", "--json").json["profiles"]
        command = profile["waiting"][0]["command"].partition(", or ")[0]
        assert shop.run(*with_yes(command)).code == 0, command
        assert profile["counts"]["in-doubt"] == left + 1


def test_status_of_an_unknown_profile_names_the_nearest(shop: Shop) -> None:
    result = shop.run("status", "--profile", "shpo1")
    assert result.code == 3
    assert "no profile 'shpo1'; did you mean shop1?" in result.err
    assert result.out == ""


def test_wait_takes_numbers_only(shop: Shop) -> None:
    assert shop.sync("--wait", "nan").code == 2


# The preview


def test_a_preview_shows_what_is_in_doubt_and_what_has_changed(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[simple("LOST"), simple("CHANGED"), simple("SAME")])
    shop.box.faults.arm("cut-after-save", after=1)  # CHANGED, LOST, SAME
    assert shop.sync().code == 8
    shop.box.klarna.payouts[1]["totals"]["settlement_amount"] += 100
    document = shop.dry_run("--json", "--from", str(NOON.date())).json
    assert document["exit_code"] == 8
    payouts = {payout["payment_reference"]: payout for payout in document["profiles"][0]["payouts"]}
    assert {name: payout["status"] for name, payout in payouts.items()} == {
        "LOST": "in-doubt",
        "CHANGED": "drafted",
        "SAME": "drafted",
    }
    assert "changed at Klarna after it was drafted" in payouts["CHANGED"]["reason"]
    assert payouts["SAME"]["reason"] is None


def test_a_preview_to_a_day_before_start_date_needs_its_first_day(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[simple("OLD", 40)])
    shop.write({"start_date": NOON.date() - timedelta(days=2)})
    until = str(NOON.date() - timedelta(days=30))
    result = shop.dry_run("--to", until)
    assert result.code == 2
    assert "give --from as well" in result.err
    assert "Klarna OLD" in shop.dry_run("--from", str(NOON.date() - timedelta(days=50)), "--to", until).out


# One bad payout, one bad answer


def test_a_row_that_cannot_be_read_blocks_its_payout_and_no_other(open_shop: OpenShop) -> None:
    row = {"type": "CHARGE", "amount": 1.5, "currency_code": "SEK", "payment_reference": "BAD"}
    bad = make_payout("BAD", NOON, sale_amount=1000, charge_amount=100), [row]
    shop = open_shop(payouts=[bad, simple("GOOD")])
    result = shop.sync()
    assert result.code == 5
    assert "payout BAD is blocked: Klarna: /transactions" in result.err
    assert shop.drafts() == [f"Klarna GOOD {NOON.date()}"]
    assert statuses(shop) == {"BAD": "blocked"}


def test_an_old_payout_that_cannot_be_fetched_does_not_block_new_ones(open_shop: OpenShop, quick: None) -> None:
    del quick
    shop = open_shop(payouts=[blocked("OLD", 200), simple("NEW", 1)])
    assert shop.sync().code == 7
    shop.box.klarna.add(*simple("NEWER"))
    shop.box.faults.arm("klarna-503", times=None, operation="payout")
    result = shop.sync("--now")
    assert result.code == 5
    assert "payout OLD could not be fetched: Klarna: /payouts/OLD: HTTP 503" in result.err
    assert [name.split()[1] for name in shop.drafts()] == ["NEW", "NEWER"]
    assert statuses(shop) == {"OLD": "blocked"}


def test_a_payout_that_is_listed_twice_is_named(open_shop: OpenShop, quick: None) -> None:
    del quick
    twin = {**simple("A", sale_amount=5)[0], "merchant_settlement_type": "GROSS_FEE"}
    shop = open_shop(payouts=[simple("A"), (twin, []), simple("B")])
    result = shop.sync()
    assert result.code == 5
    assert "payout A is listed twice" in result.err
    assert not shop.drafts()


# Passwords


def test_a_password_that_xml_cannot_hold_is_refused_and_not_shown(
    open_shop: OpenShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = open_shop(payouts=[simple("A")])
    monkeypatch.setenv("KLARNA24_SANDBOX_OFFICE", "hem\x01ligt")
    result = shop.sync()
    assert result.code == 4
    assert "hem" not in result.out + result.err
    assert shop.box.calls()["Login"] == 0


def test_a_named_pipe_as_a_password_file_is_refused_at_once(open_shop: OpenShop, tmp_path: Path) -> None:
    shop = open_shop(payouts=[simple("A")])
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe, 0o600)
    shop.write({"klarna": {"password": {"env": None, "file": str(pipe)}}})
    result = shop.sync()
    assert result.code == 4
    assert "what it names is not a regular file" in result.err


# Closed pipes and full disks


def piped(shop: Shop, lines: int, *arguments: str, errors: int = subprocess.PIPE) -> tuple[int, str]:
    """The exit code and stderr, with stdout closed after so many lines, as ``| head -n`` does."""
    with subprocess.Popen(
        [sys.executable, "-m", "klarna24", "--config", str(shop.config), *arguments],
        cwd=ROOT,
        env={**os.environ, **shop.box.environment()},
        stdout=subprocess.PIPE,
        stderr=errors,
        text=True,
    ) as process:
        assert process.stdout
        for _ in range(lines):
            assert process.stdout.readline()
        process.stdout.close()
        err = process.stderr.read() if process.stderr else ""
    return process.returncode, err


@pytest.mark.parametrize("lines", [0, 1])
def test_a_closed_pipe_changes_no_exit_code(shop: Shop, lines: int) -> None:
    code, err = piped(shop, lines, "dry-run", "--all")
    assert code == 7
    assert "Traceback" not in err
    assert "BrokenPipe" not in err


@pytest.mark.parametrize("errors", [subprocess.PIPE, subprocess.STDOUT])
def test_a_closed_pipe_does_not_stop_the_run_of_any_profile(open_shop: OpenShop, errors: int) -> None:
    shop = open_shop(payouts=[simple("GOOD"), blocked("BAD"), EURO])
    shop.write(SEK, shop2=EUR)
    assert piped(shop, 0, "-v", "sync", "--all", errors=errors)[0] == 7
    assert sorted(name.split()[1] for name in shop.drafts()) == ["EURO", "GOOD"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has a disk that is always full")
@pytest.mark.parametrize("command", ["status", "log"])
def test_status_and_log_end_with_0_on_a_closed_pipe(shop: Shop, command: str) -> None:
    assert shop.sync().code == 7
    assert piped(shop, 0, command)[0] == 0


def test_a_full_disk_under_the_output_is_reported_in_one_line(shop: Shop) -> None:
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "klarna24", "--config", str(shop.config), "dry-run", "--all"],
            cwd=ROOT,
            env={**os.environ, **shop.box.environment()},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=30,
            check=False,
        )
    assert ended.returncode == 7
    assert "klarna24: the output could not be written: No space left on device" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "Exception ignored" not in ended.stderr


# The state folder


@pytest.mark.parametrize(
    "arguments", [("sync", "--all"), ("dry-run", "--all"), ("status",), ("log",)], ids=lambda words: words[0]
)
def test_a_damaged_database_is_reported_in_one_line(open_shop: OpenShop, arguments: tuple[str, ...]) -> None:
    shop = open_shop(payouts=[simple(f"REF{number:03}", 1, sale_amount=0) for number in range(60)])
    assert shop.sync().code == 0
    file = shop.state / "klarna24.sqlite"
    data = bytearray(file.read_bytes())
    for page in range(2 * 4096, len(data), 4096):
        data[page : page + 200] = b"\xff" * 200
    file.write_bytes(data)
    result = shop.run(*arguments)
    assert result.code == 3
    assert len(result.lines()) == 1
    assert "is damaged: " in result.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("sync", "--all"),
        ("sync", "--all", "--now"),
        ("dry-run", "--all"),
        ("status",),
        ("log",),
        ("resolve", "--profile", "shop1", "A", "--skip", "--yes"),
    ],
    ids=" ".join,
)
def test_a_database_locked_by_another_program_ends_the_command_with_5(
    open_shop: OpenShop, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    monkeypatch.setattr("klarna24.state.database.BUSY_SECONDS", 0.05)
    shop = open_shop(payouts=[blocked("A")])
    assert shop.sync().code == 7
    with closing(sqlite3.connect(shop.state / "klarna24.sqlite", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        result = shop.run(*arguments)
    assert result.code == 5
    assert len(result.lines()) == 1
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
    assert result.code == 3
    assert "cannot be locked" in result.err
    assert not shop.box.calls()
    assert shop.sync().code == 0
