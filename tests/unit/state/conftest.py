"""A state in an empty folder, and one on a server."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from klarna24.config.address import Server
from klarna24.state.connection import Place
from klarna24.state.store import State
from tests.support.postgres import Base


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def server(base: Base, folder: Path) -> Server:
    """A server without a state yet."""
    return Server(base.url, folder)


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest) -> Place:
    """Where a state can be, one after the other."""
    found: Place = request.getfixturevalue("folder" if request.param == "sqlite" else "server")
    return found


@pytest.fixture
def state(place: Place) -> Iterator[State]:
    with closing(State.open(place)) as opened:
        yield opened


@pytest.fixture
def in_file(folder: Path) -> Iterator[State]:
    """A state in the folder, for what concerns SQLite alone."""
    with closing(State.open(folder)) as opened:
        yield opened
