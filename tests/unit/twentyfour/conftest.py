"""24SevenOffice for the tests of its client."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.office import Office, open_office


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    """The sandbox, the wire to it, and clients of it."""
    with open_office(tmp_path, monkeypatch) as opened:
        yield opened
