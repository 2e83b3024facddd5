"""What the tests stand on: the sandbox on loopback, an empty home, and no way out to any network."""

import os
import socket
import ssl
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.support.contracts import service
from tests.support.mail_server import open_mail
from tests.support.sandbox_calls import box
from tests.support.secrets import keyring_of
from tests.support.shops import OpenShop, Shop, open_shop

__all__ = ["box", "keyring_of", "open_mail", "open_shop", "service"]  # fixtures that stand elsewhere


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing but loopback can be reached, and no other name is looked up."""
    connect, look_up = socket.socket.connect, socket.getaddrinfo

    def guarded_connect(self: socket.socket, address: Any) -> None:
        if self.family in {socket.AF_INET, socket.AF_INET6} and address[0] not in {"127.0.0.1", "::1"}:
            raise AssertionError(f"a test reaches for {address}")
        connect(self, address)

    def guarded_look_up(host: Any, *args: Any, **kwargs: Any) -> Any:
        if host not in {"127.0.0.1", "::1", "localhost", None}:
            raise socket.gaierror(socket.EAI_NONAME, f"a test looks up {host}")
        return look_up(host, *args, **kwargs)

    monkeypatch.setattr(socket.socket, "connect", guarded_connect)
    monkeypatch.setattr(socket, "getaddrinfo", guarded_look_up)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty HOME, and nothing of the developer's environment."""
    folder = tmp_path / "home"
    folder.mkdir()
    for name in list(os.environ):
        if name.startswith(("KLARNA24_", "XDG_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("COLUMNS", "80")
    return folder


@pytest.fixture
def shop(open_shop: OpenShop) -> Shop:
    """The seeded sandbox."""
    return open_shop()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Back-off is the same, but gives up within a moment."""
    monkeypatch.setattr("klarna24.klarna.client.RETRY_SECONDS", 0.3)
    monkeypatch.setattr("klarna24.twentyfour.connection.RETRY_SECONDS", 0.3)


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def certificate(authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """Of localhost, by an authority that is trusted here."""
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    return context


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mail server or a monitor that does not answer costs a second."""
    monkeypatch.setattr("klarna24.notify.limit.SECONDS", 1.0)
