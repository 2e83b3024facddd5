"""A monitor's check: told of each sync's beginning and end, by a real HTTP server; whatever it does, nothing else
changes."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

import pytest

from tests.support.mail_server import odd
from tests.support.shops import OpenShop, Shop, simple


class Monitor(ThreadingHTTPServer):
    """Keeps the path of each ping; answers ``status``, or not at all (``silent``), or drip by drip."""

    daemon_threads = True

    def __init__(self, status: int = 200, silent: bool = False, drips: bool = False) -> None:
        self.status, self.silent, self.drips = status, silent, drips
        self.pings: list[str] = []
        self.headers: list[str] = []
        self.closing = Event()
        super().__init__(("127.0.0.1", 0), _Check)

    @property
    def table(self) -> dict[str, Any]:
        """[notify.heartbeat] for it."""
        return {"notify": {"heartbeat": {"url": f"http://127.0.0.1:{self.server_port}/ping/3f0c-secret"}}}

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that has gone."""


class _Check(BaseHTTPRequestHandler):
    server: Monitor

    def do_GET(self) -> None:
        self.server.pings.append(self.path.removeprefix("/ping/3f0c-secret"))
        self.server.headers.append(str(self.headers))
        if self.server.silent:
            self.server.closing.wait(30)
            return
        while self.server.drips and not self.server.closing.wait(0.05):
            self.wfile.write(b"H")
        self.send_response(self.server.status)
        self.send_header("Location", "/elsewhere")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@contextmanager
def monitor(**how: Any) -> Iterator[Monitor]:
    server = Monitor(**how)
    Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield server
    finally:
        server.closing.set()
        server.shutdown()
        server.server_close()


def test_told_of_the_beginning_and_of_a_good_end(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[simple("GOOD")])
    with monitor() as it:
        shop.write(it.table)
        assert shop.sync().code == 0
        assert it.pings == ["/start", ""]
        assert not any("GOOD" in headers or "962" in headers for headers in it.headers), "no figures"


def test_told_of_the_exit_code_of_a_bad_end(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[odd("ODD1")])
    with monitor() as it:
        shop.write(it.table)
        assert shop.sync().code == 7
        assert it.pings == ["/start", "/7"]


def test_told_of_a_run_that_is_not_due_too_for_cron_is_alive(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[simple("GOOD")])
    shop.sync()
    with monitor() as it:
        shop.write(it.table)
        assert shop.sync().code == 0
        assert it.pings == ["/start", ""]


def test_not_told_of_what_a_person_does(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[simple("GOOD")])
    with monitor() as it:
        shop.write(it.table)
        for command in (["dry-run", "--all"], ["status"], ["log"], ["check"], ["schedule", "--all"]):
            shop.run(*command)
        assert it.pings == []


def test_one_check_of_the_command_and_one_of_each_profile(open_shop: OpenShop) -> None:
    """The command's own begins first and ends last, with the exit code of the whole."""
    shop = open_shop(payouts=[simple("GOOD"), odd("ODD1")])
    shop.box.klarna.payouts[1]["merchant_id"] = "M2"
    with monitor() as common, monitor() as own:
        shop.write(
            {"klarna": {"merchant_ids": ["N100198"]}, **own.table}, shop2={"klarna": {"merchant_ids": ["M2"]}}
        )
        table = f'\n[notify.heartbeat]\nurl = "{common.table["notify"]["heartbeat"]["url"]}"\n'
        shop.config.write_text(shop.config.read_text() + table)
        assert shop.run("sync", "--all").code == 7
        assert own.pings == ["/start", ""]
        assert common.pings == ["/start", "/7"]


def test_told_of_a_file_with_faults(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[])
    with monitor() as it:
        url = it.table["notify"]["heartbeat"]["url"]
        shop.config.write_text(f'{shop.config.read_text()}\n[notify.heartbeat]\nurl = "{url}"\n[nonsense]\n')
        assert shop.sync().code == 3
        assert it.pings == ["/3"]


def test_not_told_of_the_end_of_a_run_that_was_killed(
    open_shop: OpenShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    shop = open_shop(payouts=[simple("GOOD")])
    monkeypatch.setattr("klarna24.klarna.client.KlarnaClient.payouts", killed)
    with monitor() as it:
        shop.write(it.table)
        assert shop.sync().code == 130
        assert it.pings == ["/start"]


@pytest.mark.parametrize(
    "how", [{"silent": True}, {"drips": True}, {"status": 404}, {"status": 503}, {"status": 301}], ids=str
)
def test_a_monitor_that_is_down_is_said_and_changes_nothing(
    open_shop: OpenShop, impatient: None, how: dict[str, Any]
) -> None:
    shop = open_shop(payouts=[simple("GOOD")])
    with monitor(**how) as it:
        shop.write(it.table)
        started = time.monotonic()
        result = shop.sync()
        assert time.monotonic() - started < 8
        assert (result.code, shop.drafts() != []) == (0, True)
        assert it.pings
        assert [line for line in result.lines() if "heartbeat: 127.0.0.1" in line]
        assert "3f0c" not in result.err, "whoever knows the address can pretend that all is well"


def test_nobody_listens(open_shop: OpenShop, impatient: None) -> None:
    shop = open_shop(payouts=[simple("GOOD")])
    with monitor() as it:
        table = it.table
    shop.write(table)
    assert shop.sync().code == 0
    assert shop.drafts()


def test_a_lost_ping_is_sent_again(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is lost would be a false alarm at night."""
    with monitor(status=503) as it:
        wait = Event.wait

        def recovers(*_: object, **__: object) -> None:
            it.status = 200
            wait(Event(), 0.01)

        monkeypatch.setattr("tenacity.nap.time.sleep", recovers)
        shop.write(it.table)
        shop.sync()
        assert it.pings[:2] == ["/start", "/start"]
        assert len(it.pings) == 3
