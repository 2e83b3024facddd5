"""Output that goes nowhere, to a closed pipe or a full disk, changes no exit code and stops no run."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from klarna24.sandbox.klarna.generate import make_payout
from tests.support.processes import start
from tests.support.shops import AT_ECB_RATES, NOON, OpenShop, Shop, simple


def piped(shop: Shop, lines: int, *arguments: str, errors: int = subprocess.PIPE) -> tuple[int, str]:
    """The exit code and stderr, with stdout closed after so many lines, as ``| head -n`` does."""
    with start(shop, *arguments, stderr=errors) as process:
        assert process.stdout
        for _ in range(lines):
            assert process.stdout.readline()
        process.stdout.close()
        err = process.stderr.read() if process.stderr else ""
    return process.returncode, err


@pytest.mark.parametrize("lines", [0, 1])
def test_a_closed_pipe_changes_no_exit_code(shop: Shop, lines: int) -> None:
    code, err = piped(shop, lines, "dry-run", "--all")
    assert (code, "Traceback" in err, "BrokenPipe" in err) == (7, False, False)


@pytest.mark.parametrize("errors", [subprocess.PIPE, subprocess.STDOUT])
def test_a_closed_pipe_does_not_stop_the_run_of_any_profile(open_shop: OpenShop, errors: int) -> None:
    euro: Any = (make_payout("EURO", NOON, currency="EUR", sale_amount=100), [])
    shop = open_shop(payouts=[simple("GOOD"), simple("BAD", sale_amount=100, settlement_amount=99), euro])
    second = {**AT_ECB_RATES, "klarna": {"currencies": ["EUR"]}}
    shop.write({"klarna": {"currencies": ["SEK"]}}, shop2=second)
    assert piped(shop, 0, "-v", "sync", "--all", errors=errors)[0] == 7
    assert sorted(name.split()[1] for name in shop.drafts()) == ["EURO", "GOOD"]


@pytest.mark.parametrize("command", ["status", "log"])
def test_status_and_log_end_with_0_on_a_closed_pipe(shop: Shop, command: str) -> None:
    assert shop.sync().code == 7
    assert piped(shop, 0, command)[0] == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has a disk that is always full")
def test_a_full_disk_under_the_output_is_reported_in_one_line(shop: Shop) -> None:
    with Path("/dev/full").open("w") as full, start(shop, "dry-run", "--all", stdout=full) as ended:
        _, err = ended.communicate(timeout=30)
    assert ended.returncode == 7
    assert "klarna24: the output could not be written: No space left on device" in err
    assert ("Traceback" in err, "Exception ignored" in err) == (False, False)
