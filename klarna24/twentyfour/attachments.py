"""Uploads pages, so that a person sees them beside the draft (docs/vendors/24sevenoffice.md, "Attachments").

All content is sent before the stamp number is asked for: until its Save, an image is nothing that anybody sees, so
that an upload which fails before the first Save has left nothing behind.
"""

import time
from collections.abc import Callable, Sequence
from threading import Lock
from typing import Any, Protocol

from klarna24.errors import Unavailable
from klarna24.text.sentences import sentence
from klarna24.twentyfour.connection import NEXT_RUN

CHUNK = 2**20  # bytes; 1 to 2 MB are documented
# GetStampNo reserves nothing: profiles of one process that upload at the same time take turns, from asking for a
# number until the first page has it.
_numbers = Lock()


class Attempt(Protocol):
    """``Connection.attempt``."""

    def __call__(self, service: str, operation: str, seconds: float, **arguments: Any) -> Any: ...


def upload(attempt: Attempt, pages: Sequence[bytes], seconds: float, before_save: Callable[[int], None]) -> int:
    """Upload the pages, each a PNG, within so many seconds, and return the stamp number that they share.
    ``before_save`` is called with it before the first page is saved. Raises Unavailable and CredentialsFault."""
    deadline = time.monotonic() + seconds
    late = sentence("the upload did not end within {seconds} s", seconds=f"{max(seconds, 0):.0f}")

    def remaining() -> float:
        if (left := deadline - time.monotonic()) > 0:
            return left
        raise Unavailable(late, NEXT_RUN)

    def call(operation: str, **arguments: Any) -> Any:
        return attempt("attachment", operation, remaining(), **arguments)

    images = [_send(call, page) for page in pages]
    if not _numbers.acquire(timeout=remaining()):
        raise Unavailable(late, NEXT_RUN)
    try:
        stamp_no = call("GetStampNo")
        if not isinstance(stamp_no, int) or stamp_no <= 0:
            raise Unavailable(sentence("24SevenOffice gave no stamp number"), NEXT_RUN)
        before_save(stamp_no)
        call("Save", file=_page(images[0], stamp_no, 1), location="Journal")
    finally:
        _numbers.release()
    for number, image in enumerate(images[1:], start=2):
        call("Save", file=_page(image, stamp_no, number), location="Journal")
    return stamp_no


def _send(call: Callable[..., Any], page: bytes) -> dict[str, Any]:
    """Create an image, send its content, and return it as the next calls name it."""
    created = call("Create", type="Png")
    image_id = getattr(created, "Id", None)
    if not isinstance(image_id, int):
        raise Unavailable(sentence("24SevenOffice gave the uploaded file no number"), NEXT_RUN)
    image = {"Id": image_id, "Type": "Png", "StampNo": 0}
    for offset in range(0, len(page), CHUNK):
        call("AppendChunk", file=image, buffer=page[offset : offset + CHUNK], offset=offset)
    return image


def _page(image: dict[str, Any], stamp_no: int, number: int) -> dict[str, Any]:
    frame: dict[str, Any] = {"Id": 1, "StampNo": stamp_no, "Status": 0}
    if number > 1:
        frame["MetaData"] = {"KeyValuePair": [{"Key": "PageNo", "Value": str(number)}]}
    return image | {"StampNo": stamp_no, "FrameInfo": {"ImageFrameInfo": [frame]}}
