"""Secrets that this process knows, kept out of all that it writes.

    register_secret(secret)   where a secret enters the program: a password fetched, a session id given or read
    redacted(text)     where text leaves it: a log line, a traceback
    server_text(text)        where a server's words enter: what it echoes of ours goes no further

Two nets, for each has its holes: what is known, in every form in which a line may hold it (quoted for a URL, XML,
JSON or Python, inside base64); and whatever stands where only a secret stands, known or not.
"""

import re
import sys
from collections.abc import Iterator
from functools import cache, lru_cache
from threading import Lock
from urllib.parse import quote, quote_plus

from klarna24.logs import journal_level as systemd
from klarna24.text import clean

SECRET = "[secret]"  # noqa: S105 - what stands in its place
SHORTEST = 4  # characters: what is shorter stands in every other word
MOST_SECRETS = 1000  # the oldest is forgotten; a run of fifty shops knows some two hundred
READERS = {"isodate", "lxml", "pydantic", "pydantic_core", "requests", "urllib3", "zeep"}
_BASE64 = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_=")

_lock = Lock()
_known: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {}  # secret → its forms, and those inside base64
_Span = tuple[int, int]


def register_secret(*secrets: str) -> None:
    """From now on :func:`redacted` takes these away. What is empty is none."""
    with _lock:
        for secret in filter(None, secrets):
            forms = _known.pop(secret) if secret in _known else _every_form(secret)
            _known[secret] = forms  # now the youngest
        while len(_known) > MOST_SECRETS:
            del _known[next(iter(_known))]


def register_guid(guid: str) -> None:
    """In capitals or not."""
    register_secret(guid, guid.lower(), guid.upper())


def redacted(text: str) -> str:
    """The text with ``[secret]`` in place of each secret. Line breaks stay."""
    with _lock:
        known = list(_known.items())
    spans = [match.span("value") for pattern in _places() for match in pattern.finditer(text)]
    for secret, (forms, cores) in known:
        if len(secret) < SHORTEST:
            spans += [match.span() for match in _alone(secret).finditer(text)]
            continue
        spans += [span for form in forms for span in _all(form, text)]
        spans += [_whole_base64(span, text) for core in cores for span in _all(core, text)]
    return _without(spans, text) if spans else text


def server_text(text: object, most: int = 500) -> str:
    """What a server said, fit for one line of at most so many characters. Redacted first: half a secret that a
    cut leaves over would not be known any more."""
    return redacted(clean("" if text is None else str(text)))[:most]


def print_traceback() -> None:
    """The traceback of the exception that is being handled, to stderr, as Python would, but redacted; and to
    where the log goes."""
    import logging

    lines, prefix = traceback_lines(sys.exception()), systemd.level_prefix(systemd.ERROR)
    print("".join(f"{prefix}{line}\n" for line in lines), end="", file=sys.stderr)  # noqa: T201 - as Python does
    # never the exception itself: whose handler that is, nobody knows here
    logging.getLogger(__name__).error("a bug: %s", "".join(lines[-1:]), extra={"is_shown": True, "lines": lines})


def traceback_lines(error: BaseException | None) -> list[str]:
    """As Python shows it, redacted, each line printable; without what a library says of an answer that it could
    not read, for it quotes the answer: names of people."""
    import traceback

    if error is None:
        return []
    shown = traceback.TracebackException.from_exception(error)
    text = "".join(shown.format())
    for said in {_said_by(it) for it in _chain(error) if _reads_answers(it)} - {""}:
        text = text.replace(f": {said}\n", f": ({len(said)} characters that may quote an answer)\n")
    return ["".join(it for it in line if it.isprintable()) for line in redacted(text).splitlines()]


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """With all that led to it."""
    seen: list[BaseException] = []
    ahead = [error]
    while ahead:
        one = ahead.pop()
        if one is not None and one not in seen:
            seen.append(one)
            ahead += [one.__cause__, one.__context__, *getattr(one, "exceptions", ())]
    return iter(seen)


def _said_by(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - Python shows such a one without its text, too
        return ""


def _reads_answers(error: BaseException) -> bool:
    """Whether a library that reads answers made it, or raised it."""
    place = error.__traceback__
    while place and place.tb_next:
        place = place.tb_next
    origin = str(place.tb_frame.f_globals.get("__name__")) if place else ""
    return bool({type(error).__module__.partition(".")[0], origin.partition(".")[0]} & READERS)


# What is known


def _every_form(secret: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    raw = secret.encode("utf-8", "replace")
    return _forms(secret, raw), _inside_base64(raw)


def _forms(secret: str, raw: bytes) -> tuple[str, ...]:
    """As it is, and as it looks in a URL, in XML, in JSON, in Python, and read in the wrong encoding."""
    import json
    from html import escape

    percent = [quote(raw, safe=""), quote_plus(raw), quote(raw)]
    python = [repr(secret)[1:-1], ascii(secret)[1:-1], repr(raw)[2:-1]]
    found = [
        secret,
        clean(secret),
        *percent,
        *(re.sub("%..", lambda code: code[0].lower(), form) for form in percent),
        *python,
        *(form.replace("'", "\\'") for form in python),
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        escape(secret, quote=False),
        escape(secret),
        escape(secret).replace("&#x27;", "&apos;"),
        escape(secret, quote=False).encode("ascii", "xmlcharrefreplace").decode(),
        raw.decode("latin-1"),
    ]
    return tuple(dict.fromkeys(form for form in found if len(form) >= SHORTEST))


def _inside_base64(raw: bytes) -> tuple[str, ...]:
    """The characters of base64 that are its own, whatever stands before and after (``user:`` in Basic): three
    bytes make four characters, so that there are three ways to fall into step."""
    from base64 import b64encode

    cores = []
    for before in range(3):
        encoded = b64encode(bytes(before) + raw).decode().rstrip("=")
        whole = encoded[(before * 8 + 5) // 6 : (before + len(raw)) * 8 // 6]
        cores += [whole, whole.replace("+", "-").replace("/", "_")]
    return tuple(dict.fromkeys(core for core in cores if len(core) >= SHORTEST))


@lru_cache
def _alone(secret: str) -> re.Pattern[str]:
    """A short one, where it is a value by itself: ``'a'``, ``=a``, ``>a<``."""
    return re.compile(rf"(?<=['\"=>]){re.escape(secret)}(?=['\"<&,;)}}\]\s]|$)")


def _all(form: str, text: str) -> list[_Span]:
    spans, start = [], text.find(form)
    while start >= 0:
        spans.append((start, start + len(form)))
        start = text.find(form, start + 1)
    return spans


def _whole_base64(span: _Span, text: str) -> _Span:
    """All of the value that it is part of: the characters at its ends hold some bits of the secret, too."""
    start, end = span
    while start and text[start - 1] in _BASE64:
        start -= 1
    while end < len(text) and text[end] in _BASE64:
        end += 1
    return start, end


def _without(spans: list[_Span], text: str) -> str:
    """Spans that overlap or touch are one: two secrets that share a letter would leave half of one over."""
    parts, done = [], 0
    merged: list[_Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    for start, end in merged:
        parts += [text[done:start], SECRET]
        done = end
    return "".join([*parts, text[done:]])


# What stands where a secret stands


@cache
def _places() -> tuple[re.Pattern[str], ...]:
    """Compiled when first needed: a run that writes nothing pays nothing."""
    headers = "authorization|proxy-authorization|cookie|set-cookie"
    return tuple(
        re.compile(pattern, re.IGNORECASE)
        for pattern in (
            rf"\b(?:{headers})['\"]?\s*[:=,]\s*(?:b(?=['\"]))?['\"]?(?P<value>[^'\"\r\n\\]+)",
            r"\bASP\.NET_SessionId=(?P<value>[^\s;,'\"<&\\]+)",
            r"<(?:\w+:)?(?:Password|ApplicationId)>(?P<value>[^<]+)<",
            r"['\"](?:Password|ApplicationId)['\"]\s*[:=]\s*b?(?P<value>'[^'\r\n]*'|\"[^\"\r\n]*\")",
            r"://(?P<value>[^/\s@]+)@",
        )
    )
