"""What counts as an answer to SaveBundleList, in one table.

Only ``Ok`` means that the draft was saved. A type that the contract names and nobody documents is in doubt: the
voucher counts neither as drafted nor as rejected, and the call is never repeated
(docs/vendors/24sevenoffice.md, "SaveBundleList").
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from klarna24.logs.redaction import server_text
from klarna24.text.clean import clean
from klarna24.text.sentences import Sentence, joined, sentence
from klarna24.twentyfour import envelope
from klarna24.twentyfour.transport import NoAnswer, NotSent


class Kind(StrEnum):
    """What an answer says of the voucher."""

    DRAFTED = "drafted"
    REJECTED = "rejected"  # the next run tries again
    REJECTED_UNTIL_ORDERED = "rejected-until-ordered"  # a person decides: it may have been saved after all
    LOG_IN = "log-in"  # nothing was saved: log in and repeat once
    NOT_SENT = "not-sent"
    IN_DOUBT = "in-doubt"


BY_TYPE = {  # the names of the contract's ResponsType
    "Ok": Kind.DRAFTED,
    "NotSaved": Kind.REJECTED,
    "Exception": Kind.REJECTED_UNTIL_ORDERED,
    "NotAuthenticated": Kind.LOG_IN,
    "SystemError": Kind.IN_DOUBT,
    "DuplicateData": Kind.IN_DOUBT,
    "DataAlreadySaved": Kind.IN_DOUBT,
}


RESULT = "{http://24sevenOffice.com/webservices}"  # the namespace of the save's answer
# What an ended session is called, with nothing else in the text but what .NET writes before it, and the advice to
# log in: what went wrong elsewhere, in a mail server say, may contain the same words after the voucher was saved
# (docs/vendors/24sevenoffice.md, "Sessions").
NOT_AUTHENTICATED = re.compile(
    r"\W*(Server was unable to process request\. --->)?\W*((The |Your )?(User|Session)\W+)?(is )?"
    r"not[ -]?authenticated\W*((please )?(log|sign) ?in\b[^:;]*)?",
    re.IGNORECASE,
)
# Refusals that no waiting ends (docs/vendors/24sevenoffice.md, "Newer findings"; the others are guesses).
REFUSAL = re.compile(
    r"\bis blocked\b|\b(access|permission|login|logon)( is| was)? (denied|refused)\b"
    r"|\bnot (be )?(authori[sz]ed|permitted|allowed)\b|\bunauthori[sz]ed\b|\bforbidden\b"
    r"|\bno (access|permission)\b|\binvalid (credential|identity|application|user|password)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Answer:
    """``said`` is the server's text, or why there is none: one short line for the person and the log."""

    kind: Kind
    said: str


def of_reply(status: int, body: bytes) -> Answer:
    """Interpret an answer that is a SOAP envelope. It counts only in the exact shape of the contract: one response
    with one result with one type."""
    found = envelope.content(envelope.parse(body)) or []
    if len(found) == 1 and found[0].tag == f"{envelope.SOAP}Fault":
        return _of_fault(found[0].findtext("{*}faultcode") or "", found[0].findtext("{*}faultstring") or "")
    for name in ("SaveBundleListResponse", "SaveBundleListResult"):
        if status != 200 or len(found) != 1 or found[0].tag != f"{RESULT}{name}":
            return Answer(Kind.IN_DOUBT, sentence("an answer of another shape (HTTP {status})", status=status))
        found = envelope.elements(found[0])
    types = [child for child in found if child.tag == f"{RESULT}Type"]
    if len(types) != 1 or len(types[0]):
        return Answer(Kind.IN_DOUBT, sentence("an answer without exactly one type"))
    texts = (child.text or "" for child in found if child.tag == f"{RESULT}Description")
    return _of_result(types[0].text, " ".join(texts))


def _of_result(response_type: str | None, description: str) -> Answer:
    """A type that the contract does not name is in doubt."""
    kind = BY_TYPE.get(clean(response_type), Kind.IN_DOUBT)
    if clean(response_type) in BY_TYPE and kind is not Kind.DRAFTED and (limit := envelope.limit_in(description)):
        return Answer(Kind.NOT_SENT, server_text(limit, 150))
    name, text = server_text(response_type), server_text(description)
    return Answer(kind, joined(": ", (name, text)) if text else name or sentence("an empty answer"))


def _of_fault(code: str, message: str) -> Answer:
    """Only a fault of the client, or of its session, says that nothing was saved."""
    said = fault_text(code, message)
    if NOT_AUTHENTICATED.fullmatch(clean(message[:500])):
        return Answer(Kind.LOG_IN, said)
    return Answer(Kind.REJECTED if code.rpartition(":")[2] == "Client" else Kind.IN_DOUBT, said)


def of_error(error: Exception) -> Answer:
    """Interpret whatever a call can raise. What is not known is in doubt."""
    match error:
        case NotSent(reason=reason):
            return Answer(Kind.NOT_SENT, reason)
        case NoAnswer(reason=reason):
            return Answer(Kind.IN_DOUBT, reason)
    text = sentence("an answer that could not be read: {error}", error=type(error).__name__)
    return Answer(Kind.IN_DOUBT, text)


def is_not_authenticated(message: object) -> bool:
    """Return whether a read's fault says that the session has ended. Nothing is lost where that is wrong."""
    return "not authenticated" in str(message).lower()


def is_refusal(message: object) -> bool:
    """Return whether a text says that this user, identity or application may not do this."""
    return bool(REFUSAL.search(str(message)))


def fault_text(code: object, message: object) -> Sentence:
    """Return the fault's code and message in one line."""
    return sentence("fault {code}: {message}", code=server_text(code), message=server_text(message))
