"""Standard logging, for people, for cron, for systemd's journal, and into a file.

    record ─► message_of: one line, redacted; of a library's only what is known to be harmless ─┬─► stderr
                                                                                                └─► --log-file

                 stderr                                     --log-file
    (nothing)    our own warnings: silent when well         from INFO on
    -v           our own, from INFO on                      from INFO on
    -vv          from DEBUG on, and the libraries'          from DEBUG on, and the libraries'

Whatever becomes of a line, the run goes on and ends as it would have ended.
"""

import logging
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from klarna24.logs import journal_level as systemd
from klarna24.logs.redaction import redacted, traceback_lines
from klarna24.text import clean

OURS = "klarna24"
MOST_BYTES = 5 * 10**6  # what a file that has more is put aside for, when a run begins
KEPT = 5
LOCK_SECONDS = 2.0
# Of a library's records these are shown as they are: hosts, paths, queries (references and dates) and figures.
# All others hold, or may hold in a version to come, a body, a header or a piece of an answer.
HARMLESS = {
    "urllib3.connectionpool": (
        "Starting new HTTP connection (%d): %s:%s",
        "Starting new HTTPS connection (%d): %s:%s",
        '%s://%s:%s "%s %s %s" %s %s',
        "Resetting dropped connection: %s",
    )
}


@contextmanager
def kept(verbosity: int, log_file: Path | None) -> Iterator[None]:
    """What is logged meanwhile goes to stderr and into the file. One within another takes its place."""
    root = logging.getLogger()
    before, level = [it for it in root.handlers if isinstance(it, _Lines)], root.level
    handlers = [_Stderr(verbosity), *_opened(log_file, verbosity)]
    for handler in before:
        root.removeHandler(handler)
    for handler in handlers:
        root.addHandler(handler)
    root.setLevel(min(handler.level for handler in handlers))
    logging.captureWarnings(True)  # Python's own, of a library's old habits: no reason for a mail from cron
    try:
        yield
    finally:
        logging.captureWarnings(False)
        for handler in handlers:
            root.removeHandler(handler)
            handler.close()
        for handler in before:
            root.addHandler(handler)
        root.setLevel(level)


# A record becomes lines


def is_ours(record: logging.LogRecord) -> bool:
    return record.name == OURS or record.name.startswith(f"{OURS}.")


def message_of(record: logging.LogRecord) -> str:
    """One line, redacted."""
    if not (is_ours(record) or _is_harmless(record)):
        # a template that takes values is the library's own words; a text without may be anything
        return f"{clean(str(record.msg)) if record.args else record.levelname} (what it is about is not shown)"
    try:
        message = record.getMessage()
    except Exception as error:  # noqa: BLE001 - a value that cannot be shown must not end a run
        message = f"{record.msg!s} ({type(error).__name__} in its values)"
    return clean(" ".join(redacted(message).splitlines()))


def _is_harmless(record: logging.LogRecord) -> bool:
    return record.msg in HARMLESS.get(record.name, ())


def _tells_something(record: logging.LogRecord) -> bool:
    """What a library says in passing, and would be shown without what it is about, is left out."""
    return is_ours(record) or _is_harmless(record) or record.levelno >= logging.WARNING


def traceback_of(record: logging.LogRecord) -> list[str]:
    """Of ours; a library's is of a value that it could not read, and shows it: what kind of trouble must do."""
    error = record.exc_info[1] if record.exc_info else None
    if not is_ours(record):
        return [f"({type(error).__name__})"] if error else []
    return [*getattr(record, "lines", ()), *traceback_lines(error)]


# Where they go


class _Lines(logging.Handler):
    """Writes each record in one piece; a trouble with that is this handler's own."""

    def __init__(self, level: int) -> None:
        super().__init__(level)
        self.addFilter(_tells_something)

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self.write(record)
        except Exception as error:  # noqa: BLE001 - see above
            self.troubled(error)

    def write(self, record: logging.LogRecord) -> None:
        raise NotImplementedError

    def troubled(self, error: Exception) -> None:
        """Nobody to tell."""


class _Stderr(_Lines):
    """For a person and for cron: who speaks, and in which profile where several run at once. For the ledger the
    level before each line; it has a clock of its own."""

    def __init__(self, verbosity: int) -> None:
        super().__init__((logging.WARNING, logging.INFO)[verbosity] if verbosity < 2 else logging.DEBUG)
        self.addFilter(lambda record: not getattr(record, "is_shown", False))
        if verbosity < 2:
            self.addFilter(is_ours)

    def write(self, record: logging.LogRecord) -> None:
        message, thread = message_of(record), clean(record.threadName)
        who = [thread] if thread != "MainThread" and thread not in message else []
        library = [] if is_ours(record) else [record.name]
        prefix = systemd.level_prefix(_syslog_level(record.levelno))
        first = ": ".join(["klarna24", *who, *library, message])
        text = "".join(f"{prefix}{line}\n" for line in (first, *traceback_of(record)))
        sys.stderr.write(text)
        sys.stderr.flush()


def _syslog_level(level: int) -> int:
    if level >= logging.ERROR:
        return systemd.ERROR
    if level >= logging.WARNING:
        return systemd.WARNING
    return systemd.INFO if level >= logging.INFO else systemd.DEBUG


class _File(_Lines):
    """Appended by one write a record, so that several processes can share the file."""

    def __init__(self, path: Path, descriptor: int, verbosity: int) -> None:
        super().__init__(logging.DEBUG if verbosity >= 2 else logging.INFO)
        self._path, self._descriptor = path, descriptor

    def write(self, record: logging.LogRecord) -> None:
        if self._descriptor < 0:
            return
        when = datetime.fromtimestamp(record.created).astimezone().isoformat(timespec="milliseconds")
        where = f"{record.process} {clean(record.threadName)} {record.name}"
        lines = [f"{when} {record.levelname} {where}: {message_of(record)}", *traceback_of(record)]
        text = "\n    ".join(lines) + "\n"  # what does not begin with a time belongs to the line above
        os.write(self._descriptor, text.encode("utf-8", "replace"))

    def troubled(self, error: Exception) -> None:
        """Once: a disk that is full stays so for a while."""
        self._end()
        _warn(self._path, error, "this run is not logged any further")

    def close(self) -> None:
        self._end()
        super().close()

    def _end(self) -> None:
        self.acquire()  # or a thread that lags behind writes to whatever has the number next
        try:
            descriptor, self._descriptor = self._descriptor, -1
            if descriptor >= 0:
                os.close(descriptor)
        finally:
            self.release()


# The file


def _opened(path: Path | None, verbosity: int) -> list[_Lines]:
    """The handler of the file; none where it cannot be opened, which is said."""
    if path is None:
        return []
    try:
        path = path.expanduser()
        _put_aside_if_long(path)
        # not blocking: a named pipe that nobody reads would hang for ever
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_CLOEXEC
        return [_File(path, os.open(path, flags, 0o600), verbosity)]
    except (OSError, RuntimeError) as error:  # the latter where ~ is no folder
        _warn(path, error, "this run is not logged")
        return []


def _put_aside_if_long(path: Path) -> None:
    """PATH.1 is the youngest. Only before a run has written: whoever else writes goes on in the file that is put
    aside, and loses nothing."""
    if not _is_long(path):
        return
    from klarna24.state.lock import only_one

    try:
        with only_one(path.with_name(f"{path.name}.lock"), LOCK_SECONDS) as mine:
            if mine and _is_long(path):  # still: another run may have done it meanwhile
                for number in reversed(range(1, KEPT)):
                    with suppress(FileNotFoundError):
                        _numbered(path, number).replace(_numbered(path, number + 1))
                path.replace(_numbered(path, 1))
    except OSError as error:
        _warn(path, error, "it grows on")


def _is_long(path: Path) -> bool:
    try:
        found = path.stat()
    except FileNotFoundError:
        return False
    return stat.S_ISREG(found.st_mode) and found.st_size > MOST_BYTES


def _numbered(path: Path, number: int) -> Path:
    return path.with_name(f"{path.name}.{number}")


def _warn(path: Path, error: Exception, what: str) -> None:
    why = getattr(error, "strerror", None) or type(error).__name__
    with suppress(OSError, ValueError):
        line = f"klarna24: the log file {clean(str(path))}: {why}; {what}"
        print(f"{systemd.level_prefix(systemd.WARNING)}{line}", file=sys.stderr, flush=True)  # noqa: T201 - one line
