"""A state in an empty folder."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from klarna24.state.store import State


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def state(folder: Path) -> Iterator[State]:
    with closing(State.open(folder)) as opened:
        yield opened
