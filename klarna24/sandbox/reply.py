"""HTTP requests and replies, apart from the sockets that carry them."""

from dataclasses import dataclass, field
from email.message import Message
from typing import NamedTuple


class Incoming(NamedTuple):
    """A request as it was received. `headers` finds a name in upper or lower case."""

    method: str
    path: str
    query: str
    headers: Message
    body: bytes


class Request(NamedTuple):
    """The record of an answered request. `status` is None if the connection was closed without an answer."""

    method: str
    path: str
    operation: str | None
    status: int | None
    query: str = ""
    body: bytes = b""


@dataclass
class Reply:
    """An HTTP answer, sent after `delay` seconds; if `cut` is set, the connection is closed instead."""

    status: int = 200
    body: bytes = b""
    content_type: str = "text/xml; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0
    cut: bool = False
