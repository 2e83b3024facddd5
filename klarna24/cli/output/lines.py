"""What people read a line at a time: problems on stderr, what was drafted, the log."""

import errno
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from decimal import Decimal
from typing import TextIO

from klarna24.check.result import CheckedProfile
from klarna24.errors import Problem, Unavailable
from klarna24.logs import journal_level as systemd
from klarna24.run.outcome import Item, Report, tally
from klarna24.state.records import Event
from klarna24.text import translated


def problem_line(problem: Problem, profile: str | None = None, language: str = "en") -> str:
    """One line: who, what, the figures, and what to do next."""
    who = f"{profile}: " if profile else ""
    next_step = f" → {translated(problem.hint, language)}" if problem.hint else ""
    return " ".join(f"klarna24: {who}{translated(problem.message, language)}{next_step}".splitlines())


def print_problems(problems: Iterable[Problem], profile: str | None = None, language: str = "en") -> None:
    with while_someone_reads():
        for problem in problems:
            passes = problem.exit_code == Unavailable.exit_code
            prefix = systemd.level_prefix(systemd.WARNING if passes else systemd.ERROR)
            print(f"{prefix}{problem_line(problem, profile, language)}", file=sys.stderr)  # noqa: T201 - as below


def summary_line(reports: Sequence[Report]) -> str:
    """Of several profiles: how many did what, and which of them need somebody."""
    ran = [report for report in reports if report.due]
    what = tally(item for report in ran for item in report.items)
    troubled = [report.profile for report in ran if any(report.all_problems())]
    needs = f"; look at {', '.join(troubled)}" if troubled else ""
    return f"{len(ran)} of {len(reports)} profiles ran: {what}{needs}"


def print_line(text: str) -> None:
    print(text)  # noqa: T201 - this is what prints


def payout_line(profile: str, item: Item) -> str:
    """For ``-v`` without a terminal: one line a voucher."""
    return f"{profile}: {item.status} Klarna {item.key.payment_reference} {item.payout_date}, {settlement(item)}"


def not_due_line(report: Report) -> str:
    """For a person who ran it by hand; cron is told nothing."""
    since = f" before {when(report.next_due)}" if report.next_due else ""
    return f"{report.profile}: not due{since}; --now runs it all the same"


def print_log(events: Iterable[Event]) -> None:
    """A line an event."""
    for event in events:
        payout = f" {event.payment_reference} {event.currency}" if event.payment_reference else ""
        answer = f": {event.answer}" if event.answer else ""
        note = f" ({event.note})" if event.note else ""
        when = f"{event.at.astimezone():%Y-%m-%d %H:%M:%S}"
        print_line(f"{when}  {event.who}  {event.profile}{payout}  {event.what}{answer}{note}")


def print_failed_checks(done: Iterable[CheckedProfile]) -> None:
    """For ``-q``: one line a fault, as a run says it."""
    for one in done:
        failed = [check for check in one.checks if check.status == "failed"]
        print_problems((Problem(it.code, f"{it.name}: {it.message}", it.next) for it in failed), one.profile)


@contextmanager
def while_someone_reads() -> Iterator[None]:
    """A reader who has gone (``| head``), or a full disk, is no reason to end otherwise than the run did."""
    try:
        yield
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, SystemExit) as error:  # rich turns a closed pipe into SystemExit
        _hush(sys.stdout)
        _hush(sys.stderr)
        if isinstance(error, OSError) and error.errno != errno.EPIPE:
            with suppress(OSError):  # stderr itself may be what is full
                print(f"klarna24: the output could not be written: {error.strerror}", file=sys.stderr)  # noqa: T201
            _hush(sys.stderr)


def _hush(stream: TextIO) -> None:
    """What is still buffered for a reader who has gone must not fail once more when the program ends."""
    try:
        stream.flush()
    except (OSError, ValueError):
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def settlement(item: Item) -> str:
    return f"{item.settlement:,.2f} {item.key.currency}"


def amount_text(amount: Decimal | None) -> str:
    return "" if amount is None else f"{amount:,.2f}"


def when(moment: datetime) -> str:
    """By this machine's clock, as cron goes by it."""
    return f"{moment.astimezone():%Y-%m-%d %H:%M}"
