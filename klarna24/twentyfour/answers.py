"""What counts as an answer to SaveBundleList: one table.

Only ``Ok`` is drafted. What the contract names but nobody documents is in doubt: never drafted, never repeated.
"""

from dataclasses import dataclass
from enum import StrEnum

import zeep.exceptions

from klarna24.logs.redaction import server_text
from klarna24.text import Sentence, clean, sentence
from klarna24.twentyfour.transport import NoAnswer, NotSent


class Kind(StrEnum):
    DRAFTED = "drafted"
    REJECTED = "rejected"  # tried again at the next run
    REJECTED_UNTIL_CHANGED = "rejected-until-changed"  # an Exception may have left something behind
    LOG_IN = "log-in"  # nothing was saved: log in and repeat once
    NOT_SENT = "not-sent"
    IN_DOUBT = "in-doubt"


# The names that the contract knows (ResponsType):
BY_TYPE = {
    "Ok": Kind.DRAFTED,
    "NotSaved": Kind.REJECTED,
    "Exception": Kind.REJECTED_UNTIL_CHANGED,
    "NotAuthenticated": Kind.LOG_IN,
    "SystemError": Kind.IN_DOUBT,
    "DuplicateData": Kind.IN_DOUBT,
    "DataAlreadySaved": Kind.IN_DOUBT,
}


@dataclass(frozen=True, slots=True)
class Answer:
    """``said`` is what came back, cleaned and short: for the person and the log."""

    kind: Kind
    said: str


def of_result(response_type: object, description: object) -> Answer:
    """An answer in the contract's shape; a type that the contract does not have is in doubt."""
    kind = BY_TYPE.get(clean(str(response_type or "")), Kind.IN_DOUBT)
    name, said = server_text(response_type), server_text(description)
    return Answer(kind, f"{name}: {said}" if said else name or sentence("an empty answer"))


def of_error(error: Exception) -> Answer:
    """Anything that a call can raise. Never raises itself: what is not known is in doubt."""
    match error:
        case NotSent(reason=reason):
            return Answer(Kind.NOT_SENT, reason)
        case NoAnswer(reason=reason):
            return Answer(Kind.IN_DOUBT, reason)
        case zeep.exceptions.Fault() if is_not_authenticated(error):
            return Answer(Kind.LOG_IN, said_by(error))
        case zeep.exceptions.Fault(code=str(code)) if code.rpartition(":")[2] == "Client":
            return Answer(Kind.REJECTED, said_by(error))
        case zeep.exceptions.Fault():
            return Answer(Kind.IN_DOUBT, said_by(error))
    what = sentence("an answer that could not be read: {error}", error=type(error).__name__)
    return Answer(Kind.IN_DOUBT, what)


def is_not_authenticated(error: Exception) -> bool:
    """facts: an expired session is a fault with "not authenticated" in it."""
    return isinstance(error, zeep.exceptions.Fault) and "not authenticated" in str(error.message).lower()


def said_by(fault: zeep.exceptions.Fault) -> Sentence:
    return sentence("fault {code}: {message}", code=server_text(fault.code), message=server_text(fault.message))
