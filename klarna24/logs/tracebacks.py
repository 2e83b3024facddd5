"""Tracebacks as Python prints them, without secrets and without what a server's answer says of people."""

import logging
import sys
import traceback
from collections.abc import Iterator

from klarna24.logs import journal_level
from klarna24.logs.redaction import redacted

# Libraries that read the servers' answers. The message of an exception of theirs quotes the answer.
ANSWER_READERS = {"isodate", "lxml", "pydantic", "pydantic_core", "requests", "urllib3", "zeep"}
log = logging.getLogger(__name__)


def print_traceback() -> None:
    """Print the traceback of the exception that is being handled to stderr, and log it to the log file."""
    lines, prefix = traceback_lines(sys.exception()), journal_level.level_prefix(journal_level.ERROR)
    print("".join(f"{prefix}{line}\n" for line in lines), end="", file=sys.stderr)  # noqa: T201 - as Python does
    # Not as exc_info: a handler that is not ours would show the exception itself, unredacted.
    log.error("a bug: %s", "".join(lines[-1:]), extra={"is_on_stderr": True, "traceback_lines": lines})


def traceback_lines(error: BaseException | None) -> list[str]:
    """The traceback of ``error``, one printable line each, redacted; nothing for None. The message of a library
    that could not read an answer is replaced by its length: it quotes the answer, which may name people."""
    if error is None:
        return []
    text = "".join(traceback.TracebackException.from_exception(error).format())
    for message in {_message_of(it) for it in _chain(error) if _quotes_an_answer(it)} - {""}:
        text = text.replace(f": {message}\n", f": ({len(message)} characters that may quote an answer)\n")
    return ["".join(filter(str.isprintable, line)) for line in redacted(text).splitlines()]


def _chain(error: BaseException) -> Iterator[BaseException]:
    """``error`` and all exceptions that led to it."""
    seen: list[BaseException] = []
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop()
        if one is not None and one not in seen:
            seen.append(one)
            waiting += [one.__cause__, one.__context__]
    return iter(seen)


def _message_of(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - Python, too, shows such an exception without its message
        return ""


def _quotes_an_answer(error: BaseException) -> bool:
    """Whether a library that reads answers defined the exception, or raised it."""
    frame = error.__traceback__
    while frame and frame.tb_next:
        frame = frame.tb_next
    raised_in = str(frame.tb_frame.f_globals.get("__name__")) if frame else ""
    return bool({type(error).__module__.partition(".")[0], raised_in.partition(".")[0]} & ANSWER_READERS)
