"""The web page over HTTP:

GET  /                   the page
POST /book/{draft id}    give a draft a number, book it, and redirect to the page

Only a browser on this machine can use it, and only with the forms of this page. server.py checks the Host, so
that no web site reaches it under a name of its own. A form on another site is refused by its Origin, and
because it cannot read the token.
"""

import re
from hmac import compare_digest

from klarna24.sandbox.office.state import OfficeState
from klarna24.sandbox.page import style
from klarna24.sandbox.page.render import anchor, render
from klarna24.sandbox.reply import Incoming, Reply

_BOOK = re.compile(r"/book/([0-9]{1,9})")
_HEADERS = {
    "Content-Security-Policy": f"default-src 'none'; style-src {style.SOURCE}; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


def is_for(path: str) -> bool:
    """Whether the path belongs to the page."""
    return path == "/" or _BOOK.fullmatch(path) is not None


def answer(office: OfficeState, token: str, incoming: Incoming) -> Reply:
    """The answer to a request whose path belongs to the page. The page says why a request is refused."""
    booking = _BOOK.fullmatch(incoming.path)
    if booking is None:
        if incoming.method in ("GET", "HEAD"):
            return _page(200, render(office, token))
        return _refused(405, "This page can only be read, with GET.", office, token, "GET, HEAD")
    if incoming.method != "POST":
        return _refused(405, "A draft is booked with its button, by POST.", office, token, "POST")
    if not _own_form(token, incoming):
        message = "Nothing was booked: the button was on another site, or the sandbox has been restarted since."
        return _refused(403, message, office, token)
    return _book(office, token, int(booking[1]))


def _own_form(token: str, incoming: Incoming) -> bool:
    """Whether the form is one of this page. Every current browser sends Origin; without it the token decides."""
    origin = incoming.headers.get("Origin")
    if origin is not None and origin != f"http://{incoming.headers.get('Host')}":
        return False
    return compare_digest(incoming.body, f"token={token}".encode())  # the form has no other field


def _book(office: OfficeState, token: str, draft_id: int) -> Reply:
    try:
        company, draft = office.draft(draft_id)
    except KeyError:
        return _refused(404, f"Draft {draft_id} no longer exists: it was booked or deleted.", office, token)
    try:
        number = office.book(draft_id)
    except KeyError as error:
        return _refused(409, f"Draft {draft_id} cannot be booked: {error.args[0]}.", office, token)
    place = anchor(company, draft.year, draft.sort, number)
    return Reply(303, b"", "text/plain", {**_HEADERS, "Location": f"/#{place}"})


def _refused(status: int, message: str, office: OfficeState, token: str, allow: str = "") -> Reply:
    reply = _page(status, render(office, token, message))
    if allow:
        reply.headers["Allow"] = allow
    return reply


def _page(status: int, text: str) -> Reply:
    return Reply(status, text.encode(), "text/html; charset=utf-8", dict(_HEADERS))
