"""The web page over HTTP, in the language that the browser asks for:

GET  /                     the page
GET  /?{reason}={draft id} the page, which says why that draft was not booked
POST /book/{draft id}      give a draft a number, book it, and redirect to the page

Every form ends in a redirect, so that to reload the page sends no form again.

Only a browser on this machine can use it, and only with the forms of this page. server.py checks the Host, so
that no web site reaches it under a name of its own. A form on another site is refused by its Origin, and
because it cannot read the token.
"""

import re
from hmac import compare_digest

from klarna24.sandbox.office.state import OfficeState
from klarna24.sandbox.page import style
from klarna24.sandbox.page.render import render
from klarna24.sandbox.page.vouchers import anchor
from klarna24.sandbox.page.words import Words
from klarna24.sandbox.reply import Incoming, Reply

_BOOK = re.compile(r"/book/([0-9]{1,9})")
_REFUSED = re.compile(r"(foreign|gone|type)=([0-9]{1,9})")
_REASONS = {
    "foreign": "Nothing was booked: the button was on another site, or the sandbox has been restarted since.",
    "gone": "Draft {number} no longer exists: it was booked or deleted.",
    "type": "Draft {number} cannot be booked: there is no such voucher type.",
}
_HEADERS = {
    "Content-Security-Policy": f"default-src 'none'; style-src {style.SOURCE}; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Vary": "Accept-Language",
}


def is_for(path: str) -> bool:
    """Whether the path belongs to the page."""
    return path == "/" or _BOOK.fullmatch(path) is not None


def answer(office: OfficeState, token: str, incoming: Incoming) -> Reply:
    """The answer to a request whose path belongs to the page."""
    words = Words.wanted(incoming.headers.get("Accept-Language", ""))
    booking = _BOOK.fullmatch(incoming.path)
    allowed = ("GET", "HEAD") if booking is None else ("POST",)
    if incoming.method not in allowed:
        read, press = "This page can only be read, with GET.", "A draft is booked with its button, by POST."
        reply = _page(405, render(office, token, words, words.say(press if booking else read)))
        reply.headers["Allow"] = ", ".join(allowed)
        return reply
    if booking is None:
        refused = _REFUSED.fullmatch(incoming.query)
        message = words.say(_REASONS[refused[1]], number=refused[2]) if refused else ""
        return _page(200, render(office, token, words, message))
    place = _book(office, int(booking[1])) if _own_form(token, incoming) else f"?foreign={booking[1]}"
    return Reply(303, b"", "text/plain", {**_HEADERS, "Location": f"/{place}"})


def _own_form(token: str, incoming: Incoming) -> bool:
    """Whether the form is one of this page. Every current browser sends Origin; without it the token decides."""
    origin = incoming.headers.get("Origin")
    if origin is not None and origin != f"http://{incoming.headers.get('Host')}":
        return False
    return compare_digest(incoming.body, f"token={token}".encode())  # the form has no other field


def _book(office: OfficeState, draft_id: int) -> str:
    """Book the draft. Returns what to show of the page: the voucher, or why there is none."""
    try:
        company, draft = office.draft(draft_id)
    except KeyError:
        return f"?gone={draft_id}"
    if company.type_of(draft.sort) is None:
        return f"?type={draft_id}"
    number = office.book(draft_id)
    return f"#{anchor(company, (draft.year, draft.sort, number))}"


def _page(status: int, text: str) -> Reply:
    return Reply(status, text.encode(), "text/html; charset=utf-8", dict(_HEADERS))
