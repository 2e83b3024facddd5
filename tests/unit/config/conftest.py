"""What the tests of config share."""

from pathlib import Path

import pytest

from tests.support.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(tmp_path)
