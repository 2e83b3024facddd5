"""What the program needs of whoever starts it, and may not get: open streams, and a home folder.

Cron jobs, service managers and shells start programs with closed streams, without HOME, or on a terminal that goes
away. None of that may end a run, or keep its mail from being sent.
"""

import errno
import io
import os
import select
import sys
from contextlib import suppress
from pathlib import Path
from typing import TextIO

FOLDERS = ("XDG_CONFIG_HOME", "XDG_STATE_HOME")


def make_usable() -> None:
    """Open the standard streams that are closed, let no failed print raise, and find the home folder."""
    _occupy_closed_streams()
    sys.stdin = sys.stdin or Path(os.devnull).open(encoding="utf-8")  # noqa: SIM115 - open until the end
    sys.stdout = _unfailing(sys.stdout)
    sys.stderr = _unfailing(sys.stderr)
    _find_home()


def _occupy_closed_streams() -> None:
    """Else the next file to be opened, the database perhaps, would be what libraries write their warnings to."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # takes the lowest number, which is this one


def _unfailing(stream: TextIO | None) -> TextIO:
    """The stream, such that print does not raise. It is not ``reconfigure``\\ d: a signal that raises in there
    leaves it unusable. Streams that are not Python's own, such as a test's, are returned as they are."""
    if stream is None:
        return Path(os.devnull).open("w", encoding="utf-8")
    buffer = getattr(stream, "buffer", None)
    if not isinstance(stream, io.TextIOWrapper) or type(getattr(buffer, "raw", buffer)) is not io.FileIO:
        return stream
    return io.TextIOWrapper(
        io.BufferedWriter(_Output(stream.fileno(), "w", closefd=False)),
        stream.encoding,
        "replace",  # a name with å, ä or ö must not end a run under LANG=C
        line_buffering=stream.line_buffering or stream.write_through,
    )


class _Output(io.FileIO):
    """A file that takes everything. After a write that failed, nothing more is written: a document that breaks off
    is better than one with a hole."""

    is_lost = False

    def write(self, data: object) -> int:
        """Write all or part of the data, or drop it. Returns how much of it is done with."""
        while not self.is_lost:
            try:
                written = super().write(data)  # type: ignore[arg-type]  # any bytes, as FileIO takes
            except OSError as error:
                self.is_lost = True
                self._report(error)
            else:
                if written is not None:
                    return written
                select.select([], [self], [])  # whoever shares the pipe has made it non-blocking, and it is full
        return memoryview(data).nbytes  # type: ignore[arg-type]

    def _report(self, error: OSError) -> None:
        """A reader who has gone (``| head``) is ordinary."""
        if error.errno != errno.EPIPE and self.fileno() == 1:
            print(f"klarna24: the output could not be written: {error.strerror}", file=sys.stderr)  # noqa: T201


def _find_home() -> None:
    """Relative folders would be others in each folder in which the program is started: a second, empty state."""
    for name in FOLDERS:
        if not Path(os.environ.get(name, "/")).is_absolute():
            del os.environ[name]  # as the XDG Base Directory Specification says
    if os.name != "posix" or Path(os.environ.get("HOME", "")).is_absolute():
        return
    os.environ.pop("HOME", None)
    import pwd  # noqa: PLC0415 - Windows does not have it

    with suppress(KeyError):  # a container may run as a number that has no entry
        os.environ["HOME"] = pwd.getpwuid(os.geteuid()).pw_dir
