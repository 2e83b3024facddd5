"""What the tests stand on: the sandbox on loopback, an empty home, and no way out to any network."""

import json
import os
import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import tomli_w
import trustme

from klarna24 import cli
from klarna24.sandbox import Sandbox
from tests.build import merged


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


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    def lines(self) -> list[str]:
        return self.err.splitlines()


class Shop:
    """A profiles.toml for a sandbox, and the command line on it, in this process."""

    def __init__(self, box: Sandbox, folder: Path, capture: pytest.CaptureFixture[str]) -> None:
        self.box = box
        self.folder = folder
        self.config = folder / "profiles.toml"
        self.state = folder / "state"
        self._capture = capture
        self.write()

    def write(self, over: dict[str, Any] | None = None, **others: dict[str, Any]) -> None:
        """Profile shop1 with ``over`` merged in (None takes a key away); ``others`` are further profiles."""
        base = self.box.profile()
        profiles = {"shop1": merged(base, over or {}), **{name: merged(base, it) for name, it in others.items()}}
        self.config.write_text(tomli_w.dumps({"state_dir": str(self.state), "profiles": profiles}))
        self.config.chmod(0o600)

    def run(self, *arguments: str) -> Result:
        self._capture.readouterr()
        code = cli.run(["--config", str(self.config), *arguments])
        return Result(code, *self._capture.readouterr())

    def sync(self, *arguments: str) -> Result:
        return self.run("sync", "--profile", "shop1", *arguments)

    def dry_run(self, *arguments: str) -> Result:
        return self.run("dry-run", "--profile", "shop1", *arguments)

    def drafts(self) -> list[str]:
        return [draft.name for draft in self.box.office.home.drafts]


OpenShop = Callable[..., Shop]


@pytest.fixture
def open_shop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[OpenShop]:
    """Start a sandbox (arguments as Sandbox's) and give its shop."""
    boxes: list[Sandbox] = []

    def open_it(**arguments: Any) -> Shop:
        box = Sandbox(**arguments).start()
        boxes.append(box)
        for name, value in box.environment().items():
            monkeypatch.setenv(name, value)
        folder = tmp_path / f"shop-{len(boxes)}"
        folder.mkdir()
        return Shop(box, folder, capsys)

    yield open_it
    for box in boxes:
        box.stop()
        assert not box.errors, box.errors


@pytest.fixture
def shop(open_shop: OpenShop) -> Shop:
    """The seeded sandbox."""
    return open_shop()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Back-off is the same, but gives up within a moment."""
    monkeypatch.setattr("klarna24.klarna.RETRY_SECONDS", 0.3)
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
