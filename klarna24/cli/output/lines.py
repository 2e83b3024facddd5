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
from klarna24.errors import Problem, ProblemCode
from klarna24.logs import journal_level as systemd
from klarna24.run.outcome import Outcome, Report, tally
from klarna24.state.records import Event
from klarna24.text.sentences import translated


def problem_line(problem: Problem, profile: str | None = None, language: str = "en") -> str:
    """One line: the profile, what happened with the figures, and the next step."""
    who = f"{profile}: " if profile else ""
    next_step = f" → {translated(problem.hint, language)}" if problem.hint else ""
    return " ".join(f"klarna24: {who}{translated(problem.message, language)}{next_step}".splitlines())


def print_problems(problems: Iterable[Problem], profile: str | None = None, language: str = "en") -> None:
    with while_someone_reads():
        for problem in problems:
            if not problem.exit_code:
                continue  # it is mailed: cron stays quiet
            is_temporary = problem.exit_code == ProblemCode.UNAVAILABLE.exit_code
            prefix = systemd.level_prefix(systemd.WARNING if is_temporary else systemd.ERROR)
            print(f"{prefix}{problem_line(problem, profile, language)}", file=sys.stderr)  # noqa: T201 - as below


def summary_line(reports: Sequence[Report]) -> str:
    """Of several profiles: how many payouts had which outcome, and which profiles need a person."""
    ran = [report for report in reports if report.due]
    what = tally(outcome for report in ran for outcome in report.outcomes)
    with_problems = [report.profile for report in ran if any(report.all_problems())]
    needs = f"; look at {', '.join(with_problems)}" if with_problems else ""
    return f"{len(ran)} of {len(reports)} profiles ran: {what}{needs}"


def print_line(text: str) -> None:
    print(text)  # noqa: T201 - this is what prints


def payout_line(profile: str, outcome: Outcome) -> str:
    """For ``-v`` without a terminal: one line for each payout."""
    payout = f"Klarna {outcome.key.payment_reference} {outcome.payout_date}"
    remarks = "".join(f"; remark: {remark.text}" for remark in outcome.remarks)
    problem = outcome.problem
    reminder = (
        f"; {problem.message}" if problem and not problem.exit_code else ""
    )  # others are printed as problems
    return f"{profile}: {outcome.status} {payout}, {settlement(outcome)}{reminder}{remarks}"


def not_due_line(report: Report) -> str:
    """For a person who ran it by hand; without a terminal nothing is printed."""
    until = f" until {when(report.next_due)}" if report.next_due else ""
    return f"{report.profile}: not due{until}; use --now to run anyway"


def print_log(events: Iterable[Event]) -> None:
    """One line for each event."""
    for event in events:
        payout = f" {event.payment_reference} {event.currency}" if event.payment_reference else ""
        answer = f": {event.answer}" if event.answer else ""
        note = f" ({event.note})" if event.note else ""
        when = f"{event.at.astimezone():%Y-%m-%d %H:%M:%S}"
        print_line(f"{when}  {event.who}  {event.profile}{payout}  {event.what}{answer}{note}")


def print_failed_checks(done: Iterable[CheckedProfile]) -> None:
    """For ``-q``: one line for each failed check, as a run would print it."""
    for one in done:
        failed = [check for check in one.checks if check.status == "failed"]
        print_problems(
            (Problem(it.code or ProblemCode.BUG, f"{it.name}: {it.message}", it.next) for it in failed),
            one.profile,
        )


@contextmanager
def while_someone_reads() -> Iterator[None]:
    """Prints inside it never fail: a reader who has gone (``| head``) or a full disk changes no exit code."""
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
    """Discard what is still buffered, so that it does not fail once more when the program ends."""
    try:
        stream.flush()
    except (OSError, ValueError):
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def settlement(outcome: Outcome) -> str:
    return f"{outcome.settlement:,.2f} {outcome.key.currency}"


def amount_text(amount: Decimal | None) -> str:
    return "" if amount is None else f"{amount:,.2f}"


def when(moment: datetime) -> str:
    """In the time zone of this machine, which cron uses as well."""
    return f"{moment.astimezone():%Y-%m-%d %H:%M}"
