"""What time it is at the server."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import NamedTuple, Self

import requests


class ServerTime(NamedTuple):
    """The Date header of a response, and when it arrived by our clock. The header is parsed only in
    :meth:`ahead`, so that no header, however malformed, can end a run."""

    date_header: str | None
    received_at: datetime

    @classmethod
    def of(cls, response: requests.Response) -> Self:
        """Take the time from a response that has just arrived."""
        return cls(response.headers.get("Date"), datetime.now(UTC))

    def ahead(self) -> timedelta | None:
        """Return how far the server's clock is ahead of ours; None if it sent no readable date."""
        try:
            moment = parsedate_to_datetime(self.date_header or "")
        except (ValueError, TypeError, LookupError, OverflowError):
            return None
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - self.received_at
