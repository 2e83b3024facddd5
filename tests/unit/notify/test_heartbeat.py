"""A monitor is pinged at the beginning and the end of each sync, over real HTTP; whatever it does, nothing else
changes."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from threading import Event
from typing import Any

import pytest
import tomli_w

from klarna24.config.contacts import Heartbeat
from klarna24.notify import heartbeat
from tests.support.bookkeeping import merged
from tests.support.mail_server import odd, plain_email
from tests.support.raw_server import read_until, serving
from tests.support.shops import OpenShop, Shop, simple
from tests.support.smtp_server import MailServer


@dataclass
class Monitor:
    """Keeps path and headers of each ping, answers with ``status``, the first time if it ``recovers``; or never
    (``silent``); or with a byte now and then without end (``drips``)."""

    status: int = 200
    recovers: bool = False
    silent: bool = False
    drips: bool = False
    port: int = 0
    pings: list[str] = field(default_factory=list)
    headers: list[str] = field(default_factory=list)
    closing: Event = field(default_factory=Event)

    @property
    def table(self) -> dict[str, Any]:
        """``[notify.heartbeat]`` for it, as a part of a profile."""
        return {"notify": {"heartbeat": {"url": f"http://127.0.0.1:{self.port}/ping/3f0c-secret"}}}

    def answer(self, connection: socket.socket) -> None:
        head = read_until(connection, b"\r\n\r\n").decode()
        self.pings.append(head.split()[1].removeprefix("/ping/3f0c-secret"))
        self.headers.append(head)
        while (self.silent or self.drips) and not self.closing.wait(0.05):
            connection.sendall(b"H" if self.drips else b"")
        answer = (
            f"HTTP/1.1 {self.status} OK\r\nLocation: /elsewhere\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        )
        connection.sendall(answer.encode())
        self.status = 200 if self.recovers else self.status


@contextmanager
def monitor(**how: Any) -> Iterator[Monitor]:
    made = Monitor(**how)
    with serving(made.answer) as (made.port, _):
        try:
            yield made
        finally:
            made.closing.set()


@pytest.fixture
def shop(open_shop: OpenShop) -> Shop:
    return open_shop(payouts=[simple("GOOD")])


def test_a_run_is_pinged_at_its_beginning_and_at_its_end_with_its_exit_code_and_no_figures(shop: Shop) -> None:
    """Also a run that is not due, for cron is alive."""
    with monitor() as it:
        shop.write(it.table)
        assert (shop.sync().code, shop.sync().code) == (0, 0)
        shop.box.klarna.add(*odd("ODD1"))
        assert shop.sync("--now").code == 7
        assert it.pings == ["/start", "", "/start", "", "/start", "/7"]
        assert not any("GOOD" in headers or "962" in headers for headers in it.headers)


def test_only_sync_is_pinged(shop: Shop) -> None:
    with monitor() as it:
        shop.write(it.table)
        for command in (["dry-run", "--all"], ["status"], ["log"], ["check"], ["schedule", "--all"]):
            shop.run(*command)
        assert it.pings == []


def test_the_command_and_each_profile_can_have_a_monitor(open_shop: OpenShop) -> None:
    """The command's own is pinged first and last, with the exit code of all profiles."""
    shop = open_shop(payouts=[simple("GOOD"), odd("ODD1")])
    shop.box.klarna.payouts[1]["merchant_id"] = "M2"
    with monitor() as common, monitor() as own:
        shop.write(
            {"klarna": {"merchant_ids": ["N100198"]}, **own.table}, shop2={"klarna": {"merchant_ids": ["M2"]}}
        )
        shop.config.write_text(f"{shop.config.read_text()}\n{tomli_w.dumps(common.table)}")
        assert shop.run("sync", "--all").code == 7
        assert own.pings == ["/start", ""]
        assert common.pings == ["/start", "/7"]


def test_a_file_with_faults_is_pinged(shop: Shop) -> None:
    with monitor() as it:
        shop.config.write_text(f"{shop.config.read_text()}\n{tomli_w.dumps(it.table)}\n[nonsense]\n")
        assert shop.sync().code == 3
        assert it.pings == ["/3"]


def test_of_a_state_on_a_server_that_is_down_only_the_monitor_hears(shop: Shop, plain_mail: MailServer) -> None:
    """What was mailed is in the state: a mail would go out from every host at every run."""
    shop.top["state"] = "postgresql://klarna24@127.0.0.1:1/klarna24"
    with monitor() as it:
        shop.write(merged(it.table, plain_email(shop, plain_mail)))
        for _ in range(2):
            result = shop.run("sync", "--all")
            assert (result.code, len(result.lines())) == (5, 2), result.err
        assert it.pings == ["/start", "/5"] * 2
    assert not plain_mail.mails


def test_the_end_of_a_run_that_was_killed_is_not_pinged(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("klarna24.klarna.client.KlarnaClient.payouts", killed)
    with monitor() as it:
        shop.write(it.table)
        assert shop.sync().code == 130
        assert it.pings == ["/start"]


@pytest.mark.parametrize(
    "how", [{"silent": True}, {"drips": True}, {"status": 404}, {"status": 503}, {"status": 301}, None], ids=str
)
def test_a_monitor_that_is_down_is_reported_and_changes_nothing(
    shop: Shop, impatient: None, how: dict[str, Any] | None
) -> None:
    with nullcontext(Monitor(port=1)) if how is None else monitor(**how) as it:  # nobody listens at port 1
        shop.write(it.table)
        started = time.monotonic()
        result = shop.sync()
        assert time.monotonic() - started < 30
        assert (result.code, shop.drafts() != []) == (0, True)
        assert bool(it.pings) == (how is not None)
        assert [line for line in result.lines() if "heartbeat: 127.0.0.1" in line]
        assert "3f0c" not in result.err, "whoever knows the address can report that all is well"


def test_a_lost_ping_is_repeated(shop: Shop) -> None:
    """Else it would be a false alarm at night."""
    with monitor(status=503, recovers=True) as it:
        shop.write(it.table)
        assert shop.sync().code == 0
        assert it.pings == ["/start", "/start", ""]


def test_what_keeps_a_ping_from_going_out_is_named_at_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/no/such/bundle.pem")
    slept: list[float] = []
    monkeypatch.setattr("time.sleep", slept.append)
    heartbeat.started(Heartbeat(url="https://127.0.0.1:9/ping/3f0c-secret"))
    assert slept == [], "it is not repeated"
    assert "REQUESTS_CA_BUNDLE names no file with certificates: /no/such/bundle.pem" in caplog.text
