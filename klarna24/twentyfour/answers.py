"""What counts as an answer to SaveBundleList, in one table.

Only ``Ok`` means that the draft was saved. A type that the contract names and nobody documents is in doubt: the
voucher counts neither as drafted nor as rejected, and the call is never repeated
(docs/vendors/24sevenoffice.md, "SaveBundleList").
"""

from dataclasses import dataclass
from enum import StrEnum

import zeep.exceptions

from klarna24.logs.redaction import server_text
from klarna24.text import Sentence, clean, joined, sentence
from klarna24.twentyfour.transport import NoAnswer, NotSent


class Kind(StrEnum):
    """What an answer says of the voucher."""

    DRAFTED = "drafted"
    REJECTED = "rejected"  # the next run tries again
    REJECTED_UNTIL_CHANGED = "rejected-until-changed"  # not tried again: it may have been saved after all
    LOG_IN = "log-in"  # nothing was saved: log in and repeat once
    NOT_SENT = "not-sent"
    IN_DOUBT = "in-doubt"


BY_TYPE = {  # the names of the contract's ResponsType
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
    """``said`` is the server's text, or why there is none: one short line for the person and the log."""

    kind: Kind
    said: str


def of_result(response_type: object, description: object) -> Answer:
    """Interpret an answer in the contract's shape; a type that the contract does not name is in doubt."""
    kind = BY_TYPE.get(clean(str(response_type or "")), Kind.IN_DOUBT)
    name, text = server_text(response_type), server_text(description)
    return Answer(kind, joined(": ", (name, text)) if text else name or sentence("an empty answer"))


def of_error(error: Exception) -> Answer:
    """Interpret whatever a call can raise. What is not known is in doubt."""
    match error:
        case NotSent(reason=reason):
            return Answer(Kind.NOT_SENT, reason)
        case NoAnswer(reason=reason):
            return Answer(Kind.IN_DOUBT, reason)
        case zeep.exceptions.Fault() if is_not_authenticated(error):
            return Answer(Kind.LOG_IN, fault_text(error))
        case zeep.exceptions.Fault(code=str(code)) if code.rpartition(":")[2] == "Client":
            return Answer(Kind.REJECTED, fault_text(error))
        case zeep.exceptions.Fault():
            return Answer(Kind.IN_DOUBT, fault_text(error))
    text = sentence("an answer that could not be read: {error}", error=type(error).__name__)
    return Answer(Kind.IN_DOUBT, text)


def is_not_authenticated(error: Exception) -> bool:
    """Return whether the session has ended (docs/vendors/24sevenoffice.md, "Sessions")."""
    return isinstance(error, zeep.exceptions.Fault) and "not authenticated" in str(error.message).lower()


def fault_text(fault: zeep.exceptions.Fault) -> Sentence:
    """Return the fault's code and message in one line."""
    return sentence("fault {code}: {message}", code=server_text(fault.code), message=server_text(fault.message))
