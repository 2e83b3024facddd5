"""The checks of this machine, but for mail: profiles.toml, the passwords, the state, the clock, the monitor."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from klarna24.sandbox.server import Handler
from klarna24.state.lock import only_run
from tests.support.checks import OFFICE, advice, only_failure, run_check, write
from tests.support.secrets import private
from tests.support.shops import Shop


def test_a_file_that_others_can_read_gets_an_advice(healthy: Shop) -> None:
    healthy.config.chmod(0o644)
    assert advice(healthy, "profiles.toml").next == f"chmod 600 {healthy.config}"


# Passwords


@pytest.mark.parametrize(("table", "needed_by"), [("klarna", {"klarna"}), ("24sevenoffice", OFFICE)])
def test_a_password_that_cannot_be_fetched(healthy: Shop, table: str, needed_by: set[str]) -> None:
    write(healthy, {table: {"password": {"env": "NOT_SET", "file": None}}})
    found = run_check(healthy)
    assert (found.code, found.failed.name) == (4, f"{table}.password")
    assert "that it names is not set" in found.failed.message
    assert found.failed.next == "set the variable, or use another source"
    assert found.not_tried == needed_by
    assert all(f"{table}.password" in found[name].message for name in needed_by)
    assert found["clock"].status == "ok", "the other server sends the time"


def test_each_source_is_shown_with_whether_cron_has_it(
    healthy: Shop, keyring_of: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    password = healthy.box.klarna.password
    file = str(private(healthy.folder / "word", password))
    keyring_of(f"return {password!r}")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(healthy.folder))
    monkeypatch.setenv("SHOP1", password)
    sources: list[tuple[dict[str, Any], str, str, str]] = [
        ({"file": file}, "ok", f"from the file {file} (available to cron)", ""),
        ({"command": ["cat", file]}, "ok", "from the command cat (available to cron)", ""),
        ({"systemd": "word"}, "ok", "systemd credential word, which only its unit has", ""),
        ({"env": "SHOP1"}, "advice", "cron has it only if the crontab sets it", "klarna24 check --as-cron"),
        ({"keyring": True}, "advice", "often locked when nobody is logged in", "file"),
    ]
    for source, status, message, hint in sources:
        write(healthy, {"klarna": {"password": {"env": None, **source}}})
        found = run_check(healthy)
        check = found["klarna.password"]
        assert (found.code, check.status, found["klarna"].status) == (0, status, "ok"), source
        assert message in check.message
        assert hint in check.next


# The state


def no_database(shop: Shop) -> None:
    shop.state.mkdir(mode=0o700)
    (shop.state / "klarna24.sqlite").write_bytes(b"no database at all " * 100)


def no_rollback_journal(shop: Shop) -> None:
    """SQLite opens a database without a complaint although it cannot create this file."""
    assert shop.sync().code == 0
    (shop.state / "klarna24.sqlite-journal").mkdir()


def another_company(shop: Shop) -> None:
    assert shop.sync().code == 0
    other = shop.box.office.default
    write(shop, {"24sevenoffice": {"client_id": other.client_id, "identity_id": other.identity_id}})


@pytest.mark.parametrize(
    ("spoil", "message", "hint"),
    [
        (lambda shop: shop.state.write_text("a file"), "shop-1/state", ""),
        (no_database, "", "move it away, or choose another folder: --state-dir"),
        (no_rollback_journal, "", ""),
        (another_company, "were drafted in company 3000024", ""),
    ],
    ids=["no folder", "no database", "not writable", "another company"],
)
def test_a_state_that_cannot_be_used(healthy: Shop, spoil: Callable[[Shop], Any], message: str, hint: str) -> None:
    spoil(healthy)
    assert only_failure(healthy, 3, "state", message).next.startswith(hint)
    if spoil is no_database:
        assert not (healthy.state / "sessions").exists(), "no session is stored beside it"


def test_a_run_under_way_is_reported_as_by_a_run(healthy: Shop) -> None:
    with only_run(healthy.state, "shop1"):
        assert only_failure(healthy, 5, "state").next == "wait for it to end"


def test_a_folder_without_locks(healthy: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_locks(*_: object, **__: object) -> None:
        raise NotImplementedError("no locks here")

    monkeypatch.setattr("filelock.FileLock.acquire", no_locks)
    assert only_failure(healthy, 3, "state").next == "use a folder on a local disk: --state-dir"


def test_a_disk_that_is_nearly_full_gets_an_advice(healthy: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=49_000_000))
    advice(healthy, "state", "only 49 MB free")


# The clock


@pytest.mark.parametrize(
    ("ahead", "code", "message"),
    [
        (timedelta(minutes=4, seconds=50), 0, "s of "),
        (timedelta(minutes=6), 3, "clock is 0:0"),
        (timedelta(hours=1), 3, "behind "),
        (-timedelta(hours=1), 3, "ahead of "),
        (None, 0, "no server sent the time"),
    ],
    ids=str,
)
def test_the_clock_is_compared_with_the_servers(
    healthy: Shop, monkeypatch: pytest.MonkeyPatch, ahead: timedelta | None, code: int, message: str
) -> None:
    def header(_: Handler) -> str:
        return f"{datetime.now(UTC) + ahead:%a, %d %b %Y %H:%M:%S GMT}" if ahead is not None else "soon"

    monkeypatch.setattr(Handler, "date_time_string", header)
    found = run_check(healthy)
    check = found["clock"]
    assert found.code == code
    assert check.status == ("failed" if code else "not-tried" if ahead is None else "ok")
    assert message in check.message
    assert check.next == ("set it: timedatectl set-ntp true" if code else "")


@pytest.mark.parametrize("odd", ["Mon, 1 Jan 99999999999999999999 00:00:00 GMT", "Mon, 99 Jan 2026", "\xff", "-"])
def test_no_date_header_ends_a_run(healthy: Shop, monkeypatch: pytest.MonkeyPatch, odd: str) -> None:
    monkeypatch.setattr(Handler, "date_time_string", lambda _: odd)
    assert run_check(healthy)["clock"].status == "not-tried"
    assert healthy.sync().code == 0


# The monitor


def test_the_monitor_is_shown_without_its_secret_path_and_not_pinged(healthy: Shop) -> None:
    write(healthy, {"notify": {"heartbeat": {"url": "https://hc.example.com/3f0c"}}})
    check = run_check(healthy)["notify.heartbeat"]
    assert check.status == "ok"
    assert check.message == "hc.example.com is pinged by each sync; this check did not ping it"
