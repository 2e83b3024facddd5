"""A request and an answer, before they become bytes on a socket."""

from dataclasses import dataclass, field
from typing import NamedTuple, Protocol


class Headers(Protocol):
    """Header fields, looked up in any case: what http.server gives."""

    def get(self, name: str, /) -> str | None:
        """The field's value."""


class Incoming(NamedTuple):
    """A request as it came in."""

    method: str
    path: str
    query: str
    headers: Headers
    body: bytes


class Request(NamedTuple):
    """What came in, and the status that it got (None: no answer). Kept in order of handling."""

    method: str
    path: str
    operation: str | None
    status: int | None
    query: str = ""
    body: bytes = b""


@dataclass
class Reply:
    """An answer. `delay` in seconds passes before it; `cut` closes the connection in its place."""

    status: int = 200
    body: bytes = b""
    content_type: str = "text/xml; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0
    cut: bool = False
