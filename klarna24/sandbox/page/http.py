"""The ledger's page over HTTP:

GET  /                   the page
POST /book/{draft id}    numbers and books a draft, then leads back to the page

For a browser on this machine and the forms of this page only. A site elsewhere that gives loopback a name of
its own is sent away by its Host (server.py); one that posts a form to this address, by its Origin, and by the
token, which it cannot read.
"""

import re
from hmac import compare_digest

from klarna24.sandbox.office.world import OfficeWorld
from klarna24.sandbox.page import style
from klarna24.sandbox.page.draft_page import anchor, page
from klarna24.sandbox.reply import Incoming, Reply

_BOOK = re.compile(r"/book/([0-9]{1,9})")
_HEADERS = {
    "Content-Security-Policy": f"default-src 'none'; style-src {style.SOURCE}; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


def is_for(path: str) -> bool:
    """Whether the path is one of the page's."""
    return path == "/" or _BOOK.fullmatch(path) is not None


def answer(office: OfficeWorld, token: str, incoming: Incoming) -> Reply:
    """The answer to a request whose path is the page's. What is refused is said on the page."""
    booking = _BOOK.fullmatch(incoming.path)
    if booking is None:
        if incoming.method in ("GET", "HEAD"):
            return _page(200, page(office, token))
        return _refused(405, "This address is only looked at.", office, token, "GET, HEAD")
    if incoming.method != "POST":
        return _refused(405, "A draft is booked by its button.", office, token, "POST")
    if not _own_form(token, incoming):
        word = (
            "Nothing was booked: the button was not this page's, or was from before the sandbox was started anew."
        )
        return _refused(403, word, office, token)
    return _book(office, token, int(booking[1]))


def _own_form(token: str, incoming: Incoming) -> bool:
    """Origin is sent by every browser of today; where it is not, the token alone decides."""
    origin = incoming.headers.get("Origin")
    if origin is not None and origin != f"http://{incoming.headers.get('Host')}":
        return False
    return compare_digest(incoming.body, f"token={token}".encode())  # the form's one field


def _book(office: OfficeWorld, token: str, draft_id: int) -> Reply:
    try:
        company, draft = office.draft(draft_id)
    except KeyError:
        word = f"Draft {draft_id} is not in the ledger any more: it has been booked already, or deleted."
        return _refused(404, word, office, token)
    try:
        number = office.book(draft_id)
    except KeyError as error:
        return _refused(409, f"Draft {draft_id} cannot be booked: {error.args[0]}.", office, token)
    place = anchor(company, draft.year, draft.sort, number)
    return Reply(303, b"", "text/plain", {**_HEADERS, "Location": f"/#{place}"})


def _refused(status: int, word: str, office: OfficeWorld, token: str, allow: str = "") -> Reply:
    reply = _page(status, page(office, token, word))
    if allow:
        reply.headers["Allow"] = allow
    return reply


def _page(status: int, text: str) -> Reply:
    return Reply(status, text.encode(), "text/html; charset=utf-8", dict(_HEADERS))
