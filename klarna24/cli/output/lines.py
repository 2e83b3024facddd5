"""What people read a line at a time: problems on stderr, what was drafted, the log."""

import errno
import os
import re
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC
from typing import TextIO

from klarna24.check.result import CheckedProfile
from klarna24.config.tables import Profile
from klarna24.errors import Problem, ProblemCode
from klarna24.logs import journal_level as systemd
from klarna24.run.outcome import Outcome, Report, tally
from klarna24.state.records import Event
from klarna24.state.words import EVENT_WORDS, STATUS_WORDS
from klarna24.text.clean import clean
from klarna24.text.reader import Reader
from klarna24.text.sentences import Sentence, joined, sentence

FALLBACK, LEAST = 80, 10  # columns
SETTING = re.compile(r'\b[a-z_]+ = (?:\{ [^{}]* \}|"[^"]*"|ACCOUNT\b)')  # a line of profiles.toml in a text
# Blanks at which no line ends, the second only where what it holds together fits; of Unicode's private use, so
# that no text has them.
KEPT, FITTING = "\ue000", "\ue001"


def problem_line(problem: Problem, profile: str | None, reader: Reader) -> str:
    """One line: the profile, what happened with the figures, and the next step."""
    who = f"{profile}: " if profile else ""
    next_step = f" → {say_whole(problem.hint, reader)}" if problem.hint else ""
    return f"klarna24: {who}{say_whole(problem.message, reader)}{next_step}"


def print_problems(problems: Iterable[Problem], profile: str | None, reader: Reader) -> None:
    """On stderr. What has exit code 0 is mailed: cron stays quiet."""
    with while_someone_reads():
        for problem in problems:
            if problem.exit_code:
                is_temporary = problem.exit_code == ProblemCode.UNAVAILABLE.exit_code
                print_error(problem_line(problem, profile, reader), is_temporary=is_temporary)


def print_error(line: str, *, is_temporary: bool) -> None:
    """A line on stderr, with its level where systemd reads it."""
    level = systemd.WARNING if is_temporary else systemd.ERROR
    print_words(f"{systemd.level_prefix(level)}{line}", sys.stderr)


def summary_line(reports: Sequence[Report]) -> str:
    """Of several profiles: how many payouts had which outcome, and which profiles need a person."""
    ran = [report for report in reports if report.due]
    with_problems = [report.profile for report in ran if any(report.all_problems())]
    text = sentence(
        "{ran} of {all} profiles ran: {outcomes}",
        ran=len(ran),
        all=len(reports),
        outcomes=tally(outcome for report in ran for outcome in report.outcomes),
    )
    needs = [sentence("look at {profiles}", profiles=", ".join(with_problems))] if with_problems else []
    return Reader.shared(report.language for report in reports).say(joined("; ", [text, *needs]))


def print_line(text: str) -> None:
    """As it is: for documents, and for lines that are copied."""
    print(text)  # noqa: T201 - this is what prints


def print_words(text: str, stream: TextIO | None = None) -> None:
    """For people: on a terminal, wrapped at words; elsewhere on one line."""
    stream = stream or sys.stdout
    line = " ".join(text.splitlines())
    lines = wrapped(line, columns(stream), "  ") if stream.isatty() else [_with_blanks(line)]
    print("\n".join(lines), file=stream)


def columns(stream: TextIO) -> int:
    """The width of the terminal."""
    try:
        width = os.get_terminal_size(stream.fileno()).columns
    except (OSError, ValueError):
        width = 0
    return int(named) if (named := os.environ.get("COLUMNS", "")).isdecimal() else width or FALLBACK


def wrapped(text: str, width: int, indent: str = "", break_long_words: bool = False) -> list[str]:
    """The text in lines of at most ``width`` columns, which begin with ``indent`` from the second on. A longer
    word, such as a path, has a line of its own, to be copied; or is broken, where it would spoil a column."""
    space = max(width, LEAST) - len(indent)
    text = " ".join(word.replace(FITTING, " ") if len(word) > space else word for word in text.split(" "))
    lines = textwrap.wrap(
        text,
        max(width, LEAST),
        subsequent_indent=indent,
        break_on_hyphens=False,
        break_long_words=break_long_words,
    )
    return [_with_blanks(line) for line in lines]


def _with_blanks(text: str) -> str:
    return text.replace(KEPT, " ").replace(FITTING, " ")


def say_whole(text: str, reader: Reader) -> str:
    """What the reader says, such that :func:`wrapped` keeps each command in it on one line, to be copied;
    and each setting that fits: TOML allows no line end within ``{ … }``."""
    said = SETTING.sub(lambda found: found[0].replace(" ", FITTING), reader.say(text))
    for command in _commands(text):
        said = said.replace(command, command.replace(" ", KEPT))
    return said


def _commands(text: str) -> Iterator[str]:
    if isinstance(text, Sentence):
        for value in text.values.values():
            yield from _commands(value if isinstance(value, str) else str(value))
    elif text.startswith("klarna24 "):
        yield clean(text)


def payout_line(report: Report, outcome: Outcome) -> str:
    """For ``-v`` without a terminal: one line for each payout."""
    reader, problem = Reader(report.language), outcome.problem
    parts: list[str] = [
        sentence(
            "{profile}: {status} Klarna {reference} {day}, {amount}",
            profile=report.profile,
            status=STATUS_WORDS[outcome.status],
            reference=outcome.key.payment_reference,
            day=str(outcome.payout_date),
            amount=f"{outcome.settlement:.2f} {outcome.key.currency}",
        )
    ]
    if problem and not problem.exit_code:  # others are printed as problems
        parts.append(problem.message)
    parts += [sentence("remark: {remark}", remark=remark.text) for remark in outcome.remarks]
    return reader.say(joined("; ", parts))


def not_due_line(report: Report) -> str:
    """For a person who ran it by hand; without a terminal nothing is printed."""
    reader = Reader(report.language)
    if report.next_due is None:
        text = sentence("{profile}: not due; use --now to run anyway", profile=report.profile)
    else:
        text = sentence(
            "{profile}: not due until {moment}; use --now to run anyway",
            profile=report.profile,
            moment=reader.moment(report.next_due, report.timezone),
        )
    return reader.say(text)


def print_log(events: Iterable[Event], profiles: Mapping[str, Profile]) -> None:
    """One line for each event, in its profile's language and zone; without a profile, in the environment's
    language and in UTC, which is named."""
    environment, is_empty = Reader.of_environment(), True
    for event in events:
        is_empty = False
        profile = profiles.get(event.profile)
        reader = Reader(profile.language) if profile else environment
        payout = f" {event.payment_reference} {event.currency}" if event.payment_reference else ""
        what = EVENT_WORDS.get(event.what, event.what)
        answer = f": {reader.say(event.answer)}" if event.answer else ""
        note = f" ({event.note})" if event.note else ""
        zone = profile.timezone if profile else UTC
        when = f"{reader.day(event.at.astimezone(zone).date())} {event.at.astimezone(zone):%H:%M:%S}"
        named = "" if profile else " UTC"
        print_words(f"{when}{named}  {event.who}  {event.profile}{payout}  {reader.say(what)}{answer}{note}")
    if is_empty:
        print_words(Reader.shared(profile.language for profile in profiles.values()).say(sentence("no events")))


def print_failed_checks(done: Iterable[CheckedProfile]) -> None:
    """For ``-q``: one line for each failed check, as a run would print it."""
    for one in done:
        failed = [check for check in one.checks if check.status == "failed"]
        print_problems(
            (Problem(it.code or ProblemCode.BUG, joined(": ", (it.name, it.message)), it.next) for it in failed),
            one.profile,
            Reader(one.language),
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
