"""The shop of these tests."""

from tests.support.checks import healthy

__all__ = ["healthy"]
