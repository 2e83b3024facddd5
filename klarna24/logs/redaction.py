"""Removes secrets from every text that the program writes.

    register_secret(secret)   where a secret enters the program: a password fetched, a session id read or received
    redacted(text)            where text leaves it: a log line, a traceback, a mail
    server_text(text)         where a server's words enter: a server may repeat our secrets

Each of two methods finds what the other misses: one looks for the registered secrets, in each form in which a
message can contain them; the other removes whatever stands in a place that only holds secrets, such as a cookie.
"""

import json
import re
from functools import cache
from html import escape
from urllib.parse import quote, quote_plus

from klarna24.text.clean import clean

REPLACEMENT = "[secret]"
SHORTEST = 4  # characters; anything shorter is part of too many ordinary words
_known: set[str] = set()  # of all registered secrets; process-wide, because any line may contain any of them
_Span = tuple[int, int]


def register_secret(*secrets: str) -> None:
    """From now on :func:`redacted` removes these secrets. Empty ones are ignored."""
    for secret in secrets:
        _known.update(form for form in _forms_of(secret) if len(form) >= SHORTEST)


def register_guid(guid: str) -> None:
    """Register a GUID in lower and in upper case too: a server may write it either way."""
    register_secret(guid, guid.lower(), guid.upper())


def forget_secrets() -> None:
    """Forget all registered secrets. For tests: one test's secret must not be removed from another's output."""
    _known.clear()


def redacted(text: str) -> str:
    """The text with ``[secret]`` in place of each secret. Line breaks are kept."""
    spans = [match.span("value") for pattern in _places() for match in pattern.finditer(text)]
    spans += [span for form in tuple(_known) for span in _occurrences(form, text)]
    return _without(spans, text) if spans else text


def server_text(text: object, max_length: int = 500) -> str:
    """Text from a server on one line of at most ``max_length`` characters. It is redacted before it is cut,
    because half a secret at the cut would not be recognised later."""
    return redacted(clean("" if text is None else str(text)))[:max_length]


def _forms_of(secret: str) -> set[str]:
    """The secret as it stands in plain text, in a URL, in XML, and in a Python or JSON literal."""
    quoted = {quote(secret, errors="replace"), quote(secret, safe="", errors="replace")}
    literals = {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], repr(secret)[1:-1]}
    escaped = {escape(secret), escape(secret, quote=False)}
    return {secret, clean(secret), quote_plus(secret, errors="replace")} | quoted | literals | escaped


def _occurrences(form: str, text: str) -> list[_Span]:
    spans, start = [], text.find(form)
    while start >= 0:
        spans.append((start, start + len(form)))
        start = text.find(form, start + 1)
    return spans


def _without(spans: list[_Span], text: str) -> str:
    """Overlapping spans are replaced as one: else half a secret would remain where two share characters."""
    merged: list[_Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    parts, position = [], 0
    for start, end in merged:
        parts += [text[position:start], REPLACEMENT]
        position = end
    return "".join([*parts, text[position:]])


@cache
def _places() -> tuple[re.Pattern[str], ...]:
    """Patterns of the places that only hold secrets. Compiled at the first call: most runs write nothing."""
    headers = "authorization|proxy-authorization|cookie|set-cookie"
    return tuple(
        re.compile(pattern, re.IGNORECASE)
        for pattern in (
            rf"\b(?:{headers})['\"]?\s*[:=,]\s*(?:b(?=['\"]))?['\"]?(?P<value>[^'\"\r\n\\]+)",
            r"(?-i:\bBasic|\bAUTH [A-Z]+)\s+(?P<value>[\w+/=-]{16,})",  # user and password in base64
            r"\bASP\.NET_SessionId=(?P<value>[^\s;,'\"<&\\]+)",
            r"<(?:\w+:)?(?:Password|ApplicationId)>(?P<value>[^<]+)<",
            r"['\"](?:Password|ApplicationId)['\"]\s*[:=]\s*b?(?P<value>'[^'\r\n]*'|\"[^\"\r\n]*\")",
            r"://(?P<value>[^/\s@]+)@",
        )
    )
