"""Fixtures for all tests: an empty home, no network but loopback, and a process that remembers no other test."""

import os
import signal
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from klarna24.http.pace import reset_paces
from klarna24.logs import redaction
from klarna24.run import stopping
from klarna24.state import damage
from klarna24.text import sentences
from klarna24.twentyfour import client, sessions
from tests.support.contracts import service
from tests.support.mail_server import open_mail, plain_mail
from tests.support.postgres import base, cluster, worker_base
from tests.support.sandbox_calls import box
from tests.support.secrets import keyring_of
from tests.support.shops import OpenShop, Shop, open_shop

__all__ = [
    "base",
    "box",
    "cluster",
    "keyring_of",
    "open_mail",
    "open_shop",
    "plain_mail",
    "service",
    "worker_base",
]  # fixtures defined in tests/support

IN_MEMORY = Path("/dev/shm")
if os.access(IN_MEMORY, os.W_OK):
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(IN_MEMORY))  # a state's many fsyncs take no time there


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One worker more than there are processors, for some tests wait for a clock."""
    return (os.cpu_count() or 1) + 1


@pytest.fixture(autouse=True)
def forgotten() -> None:
    """Empties everything that klarna24 keeps for the life of its process."""
    redaction.forget_secrets()
    reset_paces()
    client.reset_numbers()
    sessions._locks.clear()
    damage.forget_checks()
    stopping._pending.signal_number = None
    sentences._catalogue.cache_clear()


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only loopback can be reached, and only its names are looked up."""
    connect, look_up = socket.socket.connect, socket.getaddrinfo

    def guarded_connect(self: socket.socket, address: Any) -> None:
        if self.family in {socket.AF_INET, socket.AF_INET6} and address[0] not in {"127.0.0.1", "::1"}:
            raise AssertionError(f"a test connects to {address}")
        connect(self, address)

    def guarded_look_up(host: Any, *args: Any, **kwargs: Any) -> Any:
        if host not in {"127.0.0.1", "::1", "localhost", None}:
            raise socket.gaierror(socket.EAI_NONAME, f"a test looks up {host}")
        return look_up(host, *args, **kwargs)

    monkeypatch.setattr(socket.socket, "connect", guarded_connect)
    monkeypatch.setattr(socket, "getaddrinfo", guarded_look_up)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty HOME, and nothing from the developer's environment."""
    folder = tmp_path / "home"
    folder.mkdir()
    for name in list(os.environ):
        if name.startswith(("KLARNA24_", "XDG_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("COLUMNS", "80")
    return folder


@pytest.fixture(autouse=True, scope="session")
def ctrl_c_works() -> Iterator[None]:
    """A shell starts background jobs with Ctrl-C ignored, and what the tests start would inherit that."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def shop(open_shop: OpenShop) -> Shop:
    """A shop with the sandbox's own payouts."""
    return open_shop()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls are repeated as usual, but for a fraction of a second only."""
    monkeypatch.setattr("klarna24.klarna.client.RETRY_SECONDS", 0.3)
    monkeypatch.setattr("klarna24.twentyfour.connection.RETRY_SECONDS", 0.3)


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """A certificate authority of the tests' own."""
    return trustme.CA()


@pytest.fixture
def certificate(authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """A server's TLS context with a certificate for localhost, which klarna24 trusts during the test."""
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    return context


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mail server or monitor that does not answer delays a run by a moment at most."""
    monkeypatch.setattr("klarna24.notify.limit.SECONDS", 0.6)
