"""What is logged to stderr at each level, and under systemd."""

import logging
import os
import re
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from klarna24.http.exchange import new_session
from klarna24.logs.configure import logging_to
from tests.support import ROOT
from tests.support.shops import OpenShop, Shop, simple

BAD = simple("BAD", sale_amount=100, settlement_amount=99)  # does not add up


@pytest.fixture
def shop(open_shop: OpenShop) -> Shop:
    """A shop whose payouts are all drafted."""
    return open_shop(payouts=[simple("XISA93DJ"), simple("XNXP9NA8", 2)])


def sync(shop: Shop, *options: str) -> list[str]:
    return shop.run(*options, "sync", "--profile", "shop1", "--now").lines()


def test_a_run_that_is_well_prints_nothing_whatever_libraries_log(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    loggers: list[str] = []

    def noisy(url: str | None) -> object:
        for name in loggers:
            logging.getLogger(name).error("Connection pool is full")
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.warn("versions do not match", stacklevel=1)
        return new_session(url)

    monkeypatch.setattr("klarna24.klarna.client.new_session", noisy)
    loggers += ["urllib3.connectionpool", "zeep", "klarna", "klarna24x"]
    assert sync(shop) == []
    loggers += ["klarna24.x"]
    assert sync(shop) == ["klarna24: Connection pool is full"], "klarna24's own warnings are printed"


def test_verbose_shows_what_is_done(shop: Shop) -> None:
    lines = sync(shop, "-v")
    assert [line for line in lines if "XISA93DJ" in line] == [
        "klarna24: shop1: payout XISA93DJ SEK: seen",
        f"klarna24: shop1: payout XISA93DJ SEK: sending: {shop.drafts()[1]}",
        "klarna24: shop1: payout XISA93DJ SEK: drafted: Ok",
    ]
    assert f"klarna24: 24SevenOffice: shop1: logged in as {shop.box.office.username}" in lines
    assert any(re.fullmatch(r"klarna24: Klarna: 2 payouts from \S+ to \S+, 2 of .*", line) for line in lines)
    assert not [line for line in lines if "urllib3" in line or " ms" in line]


def test_debug_output_shows_each_request_and_the_libraries_lines(shop: Shop) -> None:
    lines = sync(shop, "-vv")
    for pattern in (
        r"klarna24: 24SevenOffice: shop1: SaveBundleList: \D+, \d+ ms",
        r"klarna24: Klarna: /payouts: HTTP 200, \d+ bytes, \d+ ms",
        r'klarna24: .*urllib3.connectionpool: http.* "GET /settlements/v1/payouts\?start.* 200.*',
        r"klarna24: \[profiles.shop1.klarna\] password: read from: env",
    ):
        assert [line for line in lines if re.fullmatch(pattern, line)], (pattern, lines)


def test_a_retry_is_shown(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("random.uniform", lambda low, high: 0.01)
    shop.box.faults.arm("klarna-503")
    shop.box.faults.arm("html-error", operation="GetTypeList")
    lines = sync(shop, "-v")
    assert [line for line in lines if re.fullmatch(r"klarna24: Klarna: /payouts: HTTP 503; .* in 0\.0 s", line)]
    assert [line for line in lines if "GetTypeList: " in line and "HTTP 500" in line]


def test_handlers_do_not_pile_up(shop: Shop) -> None:
    before = list(logging.getLogger().handlers)
    for _ in range(3):
        assert len([line for line in sync(shop, "-v") if "payouts from" in line]) == 1
    assert logging.getLogger().handlers == before
    assert logging.getLogger().level == logging.WARNING


def test_a_context_inside_another_replaces_it_meanwhile(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As in the demo, which runs commands."""
    log = logging.getLogger("klarna24.x")
    with logging_to(1, tmp_path / "outer.log"):
        log.info("one")
        with logging_to(0, None):
            log.info("two")
        log.info("three")
    assert capsys.readouterr().err.splitlines() == ["klarna24: one", "klarna24: three"]
    assert len((tmp_path / "outer.log").read_text().splitlines()) == 2


def test_a_value_that_cannot_be_shown_ends_no_run(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger(), "handlers", [])  # pytest's own would raise

    class Unshowable:
        def __str__(self) -> str:
            raise ZeroDivisionError

    log = logging.getLogger("klarna24.x")
    with logging_to(1, None):
        log.info("%d payouts", "no number")
        log.info("it is %s", Unshowable())
        log.info("\x1b[31mred\nnext\x00")
    assert capsys.readouterr().err.splitlines() == [
        "klarna24: %d payouts (its values cannot be shown: TypeError)",
        "klarna24: it is %s (its values cannot be shown: ZeroDivisionError)",
        "klarna24: [31mred next",
    ]


def test_a_stderr_that_is_closed_ends_no_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    stderr = (tmp_path / "stderr").open("w")
    monkeypatch.setattr("sys.stderr", stderr)
    with logging_to(1, None):
        stderr.close()
        logging.getLogger("klarna24.x").info("nobody reads this")


def test_of_a_librarys_messages_only_those_known_to_be_harmless_are_shown(
    capsys: pytest.CaptureFixture[str],
) -> None:
    zeep = logging.getLogger("zeep.xsd.types.simple")
    with logging_to(2, None):
        zeep.debug("HTTP Post to %s:\n%s", "address", "<Password>")
        zeep.error("a text without values, which may be made of anything")
        zeep.error("value %s", "of an answer", exc_info=ValueError("another value"))
        logging.getLogger("urllib3.connectionpool").debug(
            "Starting new HTTPS connection (%d): %s:%s", 1, "host", 443
        )
    assert capsys.readouterr().err.splitlines() == [
        "klarna24: zeep.xsd.types.simple: ERROR (details are not shown)",
        "klarna24: zeep.xsd.types.simple: value %s (details are not shown)",
        "(ValueError)",
        "klarna24: urllib3.connectionpool: Starting new HTTPS connection (1): host:443",
    ]


def test_the_lines_of_profiles_that_run_side_by_side_name_the_profile(shop: Shop) -> None:
    shop.write({"klarna": {"currencies": ["SEK"]}}, shop2={"klarna": {"currencies": ["EUR"]}})
    lines = shop.run("-v", "sync", "--all").lines()
    listings = sorted(line.partition("Klarna:")[0] for line in lines if "payouts from" in line)
    assert listings == ["klarna24: shop1: ", "klarna24: shop2: "]


# systemd


def run_under_systemd(shop: Shop, folder: Path, journal_stream: str | None, *options: str) -> list[str]:
    """The lines that reach the journal; ``journal_stream`` is what systemd says of it, None for the truth."""
    with (folder / "journal").open("w+", encoding="utf-8") as journal:
        found = os.fstat(journal.fileno())
        subprocess.run(
            [sys.executable, "-m", "klarna24", "--config", shop.config, *options, "sync", "--all", "--now"],
            env={**os.environ, "JOURNAL_STREAM": journal_stream or f"{found.st_dev}:{found.st_ino}"},
            cwd=ROOT,
            stderr=journal,
            timeout=60,
            check=False,
        )
        journal.seek(0)
        return journal.read().splitlines()


def test_under_systemd_each_line_has_its_level(open_shop: OpenShop, tmp_path: Path) -> None:
    lines = run_under_systemd(open_shop(payouts=[simple("GOOD"), BAD]), tmp_path, None, "-vv")
    assert all(re.match(r"<[3467]>klarna24: ", line) for line in lines)
    (problem,) = [line for line in lines if line.startswith("<3>")]
    assert "BAD is blocked" in problem
    assert "<6>klarna24: shop1: payout GOOD SEK: drafted: Ok" in lines
    assert any(line.startswith("<7>") and "SaveBundleList" in line for line in lines)


def test_where_stderr_does_not_lead_to_systemd_no_line_has_a_level(open_shop: OpenShop, tmp_path: Path) -> None:
    """A service's JOURNAL_STREAM is inherited by whatever it starts."""
    (line,) = run_under_systemd(open_shop(payouts=[BAD]), tmp_path, "8:1")
    assert line.startswith("klarna24: shop1: payout BAD is blocked")
