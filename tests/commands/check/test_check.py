"""klarna24 check as a whole: what it prints, its exit code, and what it leaves unchanged."""

import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.support.checks import assert_no_password, run_check, write
from tests.support.shops import Shop, snapshot


def test_all_checks_pass_and_nothing_is_drafted_or_stored_of_payouts(healthy: Shop) -> None:
    found = run_check(healthy)
    assert found.code == 0
    assert {check.status for check in found.checks.values()} == {"ok"}
    expected = r"127\.0\.0\.1:\d+ \(europe, live\): 1 payout in the last 30 days"
    assert re.fullmatch(expected, found["klarna"].message)
    assert found["24sevenoffice"].message == "logged in to Exempelbutiken AB (3000024)"
    assert found["account payout"].message == "1940 Övriga bankkonton"
    assert found["voucher.type"].message == "Diverse (9)"
    assert not healthy.drafts()
    with closing(sqlite3.connect(healthy.state / "klarna24.sqlite")) as database:
        assert database.execute("SELECT count(*) FROM payout").fetchone() == (0,)
        assert database.execute("SELECT count(*) FROM event").fetchone() == (0,)
    assert not {"SaveBundleList", "GetEntryId"} & set(healthy.box.calls())


def test_a_check_changes_nothing_that_a_run_has_stored(healthy: Shop) -> None:
    assert healthy.sync().code == 0
    before = snapshot(healthy.state)
    message = run_check(healthy)["24sevenoffice"].message
    assert message == "the session of the last run is valid for Exempelbutiken AB (3000024)"
    after = snapshot(healthy.state)
    lock_note = str(healthy.state / "locks" / "shop1.json")
    assert {**after, lock_note: b""} == {**before, lock_note: b""}
    assert healthy.box.calls()["Login"] == 1


def test_what_a_person_sees_fits_80_columns(shop: Shop) -> None:
    shop.write({"voucher": {"department_id": 10, "project_id": 7, "supplier_id": 1002}})
    result = shop.run("check", "--profile", "shop1")
    assert (result.code, result.err) == (0, "")
    lines = result.out.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0] == "shop1"
    assert lines[-2:] == ["  all checks passed, advice: 7", ""]
    assert "  ✓ account receivable         1580 Fordringar för kontokort och kuponger" in lines
    assert "  ✓ voucher.department_id      10 Butik" in lines
    assert "  ✓ voucher.supplier_id        1002 Klarna Bank AB (leverantör)" in lines
    text = " ".join(result.out.split())
    assert "! voucher.project_id 7: klarna24 cannot ask 24SevenOffice for its projects → look for it in" in text
    assert_no_password(shop, result.out)


def test_quiet_prints_nothing_when_all_is_well_and_a_line_for_each_failure(healthy: Shop) -> None:
    result = healthy.run("-q", "check")
    assert (result.code, result.out, result.err) == (0, "", "")
    write(healthy, {"accounts": {"payout": 1931}})
    result = healthy.run("-q", "check")
    assert (result.code, result.out) == (7, "")
    (line,) = result.lines()
    assert line.startswith("klarna24: shop1: account payout: 1931 is not in 24SevenOffice's chart of accounts → ")


def test_all_profiles_are_checked_unless_one_is_named(healthy: Shop) -> None:
    healthy.write(
        {"klarna": {"currencies": ["SEK"]}},
        shop2={"klarna": {"currencies": ["EUR"]}, "accounts": {"payout": 1931}},
    )
    for arguments in ((), ("--all",)):
        document = healthy.run("check", "--json", *arguments).json
        assert [one["profile"] for one in document["profiles"]] == ["shop1", "shop2"]
        assert document["exit_code"] == 7
    assert healthy.run("check", "--profile", "shop1").code == 0
    assert healthy.run("check", "--profile", "shop1", "--all").code == 2


def test_all_faults_of_the_file_are_listed(healthy: Shop) -> None:
    healthy.write({"transfer": "lumpy", "accounts": {"payout": None}, "voucher": {"typ": "Diverse"}})
    result = healthy.run("check")
    assert (result.code, result.err) == (3, "")
    text = " ".join(result.out.split())
    assert text.count("✗ profiles.toml") == 3
    assert "unknown key; did you mean type?" in text
    assert text.count("→ edit") == 3
    document = healthy.run("check", "--json").json
    (profile,) = document["profiles"]
    assert (document["exit_code"], document["problems"], len(profile["checks"])) == (3, [], 3)


@pytest.mark.parametrize(
    ("spoil", "message", "hint"),
    [
        (lambda path: path.unlink(), "no such file", "klarna24 init"),
        (lambda path: path.chmod(0o666), "others can write this file", "chmod 600"),
        (lambda path: path.write_text("[profiles"), "not valid TOML", "edit"),
    ],
    ids=["missing", "open to all", "no TOML"],
)
def test_a_file_that_cannot_be_used(healthy: Shop, spoil: Callable[[Path], Any], message: str, hint: str) -> None:
    spoil(healthy.config)
    (problem,) = healthy.run("check", "--json").json["problems"]
    assert message in problem["message"]
    assert hint in problem["hint"]
    assert healthy.run("check").code == 3
    assert healthy.run("check", "--as-cron").code == 3


def test_a_profile_that_does_not_exist(healthy: Shop) -> None:
    result = healthy.run("check", "--profile", "shop2")
    assert result.code == 3
    assert "did you mean shop1?" in " ".join(result.out.split())
