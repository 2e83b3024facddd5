"""Sets up standard logging to stderr, for people, cron and systemd, and to the log file.

                 stderr                                       --log-file
    (no option)  klarna24's warnings: silent when well        from INFO on
    -v           klarna24's messages from INFO on             from INFO on
    -vv          all from DEBUG on, of libraries too          all from DEBUG on, of libraries too

A line that cannot be written changes nothing else in a run. The file is never rotated here: each run opens it anew
and only appends, so logrotate can move it at any time.
"""

import errno
import logging
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from klarna24.files import belongs_to_others
from klarna24.logs import journal_level
from klarna24.logs.formatting import FileFormatter, StderrFormatter, is_ours, is_worth_showing
from klarna24.text.clean import clean


@contextmanager
def logging_to(verbosity: int, log_file: Path | None) -> Iterator[None]:
    """Inside the context, messages go to stderr and to the file. A context inside another replaces it."""
    root = logging.getLogger()
    outer, outer_level = [it for it in root.handlers if isinstance(it, _Handler)], root.level
    handlers = [_StderrHandler(verbosity), *_open(log_file, verbosity)]
    _replace(outer, handlers)
    root.setLevel(min(handler.level for handler in handlers))
    logging.captureWarnings(True)  # a library's DeprecationWarning is no reason for a mail from cron
    try:
        yield
    finally:
        logging.captureWarnings(bool(outer))
        _replace(handlers, outer)
        root.setLevel(outer_level)
        for handler in handlers:
            handler.close()


def _replace(old: list["_Handler"], new: list["_Handler"]) -> None:
    root = logging.getLogger()
    for handler in old:
        root.removeHandler(handler)
    for handler in new:
        root.addHandler(handler)


class _Handler(logging.StreamHandler[TextIO]):
    """Writes each record with one call. What goes wrong with that ends no run."""

    def __init__(self, stream: TextIO, level: int, formatter: logging.Formatter) -> None:
        super().__init__(stream)
        self.setLevel(level)
        self.setFormatter(formatter)
        self.addFilter(is_worth_showing)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """Do nothing: there is nowhere left to report it."""


class _StderrHandler(_Handler):
    def __init__(self, verbosity: int) -> None:
        level = (logging.WARNING, logging.INFO, logging.DEBUG)[min(verbosity, 2)]
        super().__init__(sys.stderr, level, StderrFormatter())
        self.addFilter(lambda record: not getattr(record, "is_on_stderr", False))
        if verbosity < 2:
            self.addFilter(is_ours)


class _FileHandler(_Handler):
    """Appends to the file, which several processes can share: each record is one write, at the file's end."""

    def __init__(self, path: Path, stream: TextIO, verbosity: int) -> None:
        super().__init__(stream, logging.DEBUG if verbosity >= 2 else logging.INFO, FileFormatter())
        self._path, self._is_ended = path, False

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record, unless an earlier one could not be written."""
        if not self._is_ended:
            super().emit(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """Report it once and end: a full disk stays full for a while."""
        del record
        self._is_ended = True
        _warn(self._path, sys.exception(), "this run is not logged any further")

    def close(self) -> None:
        """Close the file. A thread that is still running writes nothing more."""
        self.acquire()
        try:
            self._is_ended = True
            with suppress(OSError):
                self.stream.close()
        finally:
            self.release()
        super().close()


def _open(path: Path | None, verbosity: int) -> list[_Handler]:
    """The file's handler. A file that cannot be opened is reported, and the run goes on without."""
    if path is None:
        return []
    try:
        path = path.expanduser()
        # O_NONBLOCK: a named pipe that nobody reads would block for ever.
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_CLOEXEC
        is_safe = _is_for_us_alone(path.parent.stat())
        if path.is_symlink() and not is_safe:
            raise PermissionError(errno.EPERM, "it is a link, in a folder that others can write to")
        descriptor = os.open(path, flags if is_safe else flags | os.O_NOFOLLOW, 0o600)
        stream = os.fdopen(descriptor, "a", encoding="utf-8", errors="replace")
        with _closed_on_failure(stream):
            _close_to_others(path, descriptor, is_safe)
        return [_FileHandler(path, stream, verbosity)]
    except (OSError, RuntimeError) as error:  # RuntimeError: ~user has no home folder
        _warn(path, error, "this run is not logged")
        return []


@contextmanager
def _closed_on_failure(stream: TextIO) -> Iterator[None]:
    try:
        yield
    except BaseException:
        stream.close()
        raise


def _is_for_us_alone(folder: os.stat_result) -> bool:
    """Whether nobody but this user and root can have put a link there, or can put one there now."""
    return not belongs_to_others(folder) and not folder.st_mode & 0o022


def _close_to_others(path: Path, descriptor: int, is_safe: bool) -> None:
    """Gives this user's log file mode 0600. Raises PermissionError for a file of another user, or for one that
    somebody may have planted under a second name. What is no file, such as a pipe, stays as it is."""
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        return
    if belongs_to_others(status) or (status.st_nlink > 1 and not is_safe):
        raise PermissionError(errno.EPERM, "it belongs to another user")
    mode = stat.S_IMODE(status.st_mode)
    if mode & 0o077 and status.st_uid == os.geteuid():
        os.fchmod(descriptor, 0o600)
        _print(f"klarna24: the log file {clean(str(path))} was open to other users (mode {mode:o}); it is not now")


def _warn(path: Path, error: BaseException | None, consequence: str) -> None:
    reason = getattr(error, "strerror", None) or type(error).__name__
    _print(f"klarna24: the log file {clean(str(path))}: {reason}; {consequence}")


def _print(line: str) -> None:
    with suppress(OSError, ValueError):
        print(f"{journal_level.level_prefix(journal_level.WARNING)}{line}", file=sys.stderr)  # noqa: T201 - one line
