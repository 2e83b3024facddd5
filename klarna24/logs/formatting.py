"""How a log record is written: one redacted line, on stderr and in the log file."""

import logging
from datetime import datetime

from klarna24.logs import journal_level
from klarna24.logs.redaction import redacted
from klarna24.logs.tracebacks import traceback_lines
from klarna24.text.clean import clean

OURS = "klarna24"
# The messages of libraries that are shown in full: they contain hosts, paths, queries (references and dates) and
# numbers. Any other message may contain a body, a header or a part of an answer, today or in a later version.
HARMLESS = {
    "urllib3.connectionpool": (
        "Starting new HTTP connection (%d): %s:%s",
        "Starting new HTTPS connection (%d): %s:%s",
        '%s://%s:%s "%s %s %s" %s %s',
        "Resetting dropped connection: %s",
    )
}


def is_ours(record: logging.LogRecord) -> bool:
    """Whether klarna24 logged the record, and not a library."""
    return record.name == OURS or record.name.startswith(f"{OURS}.")


def is_worth_showing(record: logging.LogRecord) -> bool:
    """False for a library's debug message whose contents would not be shown."""
    return is_ours(record) or _is_harmless(record) or record.levelno >= logging.WARNING


class StderrFormatter(logging.Formatter):
    """``klarna24: shop1: message``: names the profile where several run at once, and the library, if any.
    Under systemd each line begins with its level."""

    def format(self, record: logging.LogRecord) -> str:
        """The lines of the record, without the last line break."""
        message, thread = _message(record), clean(record.threadName)
        profile = [thread] if thread != "MainThread" and thread not in message else []
        library = [] if is_ours(record) else [record.name]
        first = ": ".join([OURS, *profile, *library, message])
        prefix = journal_level.level_prefix(_syslog_level(record.levelno))
        return "\n".join(f"{prefix}{line}" for line in (first, *_traceback(record)))


class FileFormatter(logging.Formatter):
    """``time level process thread logger: message``; the lines of a traceback are indented below it."""

    def format(self, record: logging.LogRecord) -> str:
        """The lines of the record, without the last line break."""
        time = datetime.fromtimestamp(record.created).astimezone().isoformat(timespec="milliseconds")
        origin = f"{record.process} {clean(record.threadName)} {record.name}"
        return "\n    ".join([f"{time} {record.levelname} {origin}: {_message(record)}", *_traceback(record)])


def _is_harmless(record: logging.LogRecord) -> bool:
    return record.msg in HARMLESS.get(record.name, ())


def _message(record: logging.LogRecord) -> str:
    """The message on one line, redacted; of a library's message only the template, unless it is harmless."""
    if not (is_ours(record) or _is_harmless(record)):
        # A message that takes no values may be anything, an answer included.
        return f"{clean(str(record.msg)) if record.args else record.levelname} (details are not shown)"
    try:
        message = record.getMessage()
    except Exception as error:  # noqa: BLE001 - a value that cannot be shown must not end a run
        message = f"{record.msg!s} (its values cannot be shown: {type(error).__name__})"
    return clean(" ".join(redacted(message).splitlines()))


def _traceback(record: logging.LogRecord) -> list[str]:
    """The traceback's lines; of a library's only the exception's name, because zeep quotes the value it could not
    read."""
    error = record.exc_info[1] if record.exc_info else None
    if not is_ours(record):
        return [f"({type(error).__name__})"] if error else []
    return [*getattr(record, "traceback_lines", ()), *traceback_lines(error)]


def _syslog_level(level: int) -> int:
    if level >= logging.ERROR:
        return journal_level.ERROR
    if level >= logging.WARNING:
        return journal_level.WARNING
    return journal_level.INFO if level >= logging.INFO else journal_level.DEBUG
