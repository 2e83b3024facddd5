"""What people read on a terminal: vouchers, what waits, what was checked; a progress bar.

Text from outside is never parsed as markup.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import zip_longest
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress
from rich.text import Text

from klarna24.bookkeeping.payout import ZERO
from klarna24.check.result import Check
from klarna24.cli.output.lines import while_someone_reads, wrapped
from klarna24.cli.output.sums import sums_line, sums_of
from klarna24.cli.output.voucher_table import voucher_table
from klarna24.errors import Problem
from klarna24.run.messages import short
from klarna24.run.outcome import Outcome, Report, RowsProgress, Skipped, tally
from klarna24.run.status import ProfileStatus
from klarna24.state.records import Status
from klarna24.state.words import STATUS_WORDS, counted
from klarna24.text.reader import Reader
from klarna24.text.sentences import Sentence, joined, sentence

LARGE_PAYOUT = 500  # rows from which a progress bar helps
STYLES = {Status.READY: "green", Status.DRAFTED: "green", Status.BOOKED: "green", Status.SKIPPED: "dim"}
MARKS = {"ok": ("✓", "green"), "failed": ("✗", "red"), "advice": ("!", "yellow"), "not-tried": ("–", "dim")}
LEFT_WIDTH = 26  # of a check's name


def new_console() -> Console:
    """A terminal that shows text as it is."""
    return Console(highlight=False, markup=False, emoji=False)


def print_paragraph(console: Console, text: str, style: str = "", indent: int = 0) -> None:
    """Wrapped at words, which stay whole."""
    for line in wrapped(text, console.width - indent):
        console.print(Text(f"{'':{indent}}{line}", style), soft_wrap=True)


def print_report(report: Report, show_all: bool) -> None:
    """A table for each voucher, a line for each payout without one, their sums and the counts."""
    console, reader = new_console(), Reader(report.language)
    for outcome in report.outcomes:
        _print_outcome(console, outcome, report, show_all)
    for currency, sums in sums_of((it.key.currency, it.totals) for it in report.outcomes).items():
        print_paragraph(console, reader.say(sums_line(currency, sums)))
    print_paragraph(console, _summary(report), "bold")


def print_status(statuses: Iterable[ProfileStatus]) -> None:
    """For each profile a paragraph, and each payout that waits with its reason and command."""
    console, now = new_console(), datetime.now(UTC)
    for one in statuses:
        reader = Reader(one.language)
        title = one.profile
        if not one.in_file:
            title = sentence("{profile} (no longer in profiles.toml)", profile=one.profile)
        print_paragraph(console, reader.say(title), "bold")
        _print_facts(console, [*_facts(one, now)], reader)
        for waiting in one.waiting:
            row = waiting.row
            head = sentence(
                "{reference} {day}  {amount}  {status} {age}",
                reference=row.key.payment_reference[:60],
                day=str(row.payout_date),
                amount=f"{row.totals.get('settlement', ZERO):.2f} {row.key.currency}",
                status=STATUS_WORDS[row.shown_status],
                age=_age((now - row.changed_at).days),
            )
            console.print()
            print_paragraph(console, reader.say(head), "" if row.status is Status.READY else "red", 2)
            print_paragraph(console, reader.say(waiting.reason), indent=4)
            for remark in row.remarks:
                print_paragraph(console, f"! {reader.say(remark.text)}", "yellow", 4)
            # not wrapped by us, so that it can be copied as one line
            console.print(Text(f"    → {reader.say(waiting.hint)}", "dim"), soft_wrap=True)
        console.print()


def _facts(one: ProfileStatus, now: datetime) -> Iterator[tuple[Sentence, str]]:
    """The name and the text of each."""
    reader = Reader(one.language)

    def moment(value: datetime) -> str:
        return reader.moment(value, one.timezone) + ("" if one.in_file else " UTC")

    completed = moment(one.completed_at) if one.completed_at else sentence("never")
    yield sentence("last completed run"), completed
    if one.next_due:
        yield sentence("next run is due"), moment(one.next_due) if one.next_due > now else sentence("now")
    yield sentence("newest payout"), reader.day(one.checkpoint) if one.checkpoint else sentence("none")
    yield sentence("payouts"), counted(one.counts) if one.counts else sentence("none yet")
    if one.oldest_draft:
        yield sentence("drafts"), _drafts(len(one.drafts), (now - one.oldest_draft).days)


def _print_facts(console: Console, facts: list[tuple[Sentence, str]], reader: Reader) -> None:
    """Each text beside its name; a long one goes on below its own beginning."""
    names = [reader.say(name) for name, _ in facts]
    left = max(map(len, names)) + 4
    for name, (_, text) in zip(names, facts, strict=True):
        for number, line in enumerate(wrapped(reader.say(text), console.width - left)):
            console.print(Text(f"  {'' if number else name:<{left - 2}}{line}"), soft_wrap=True)


def _age(days: int) -> Sentence:
    if days < 1:
        return sentence("today")
    return sentence("for 1 day") if days == 1 else sentence("for {days} days", days=days)


def _drafts(count: int, days: int) -> Sentence:
    if count == 1:
        return sentence("1 draft waits in 24SevenOffice, {since}: check, number, book", since=_since(days))
    return sentence(
        "{count} drafts wait in 24SevenOffice, the oldest {since}: check, number, book",
        count=count,
        since=_since(days),
    )


def _since(days: int) -> Sentence:
    if days < 1:
        return sentence("since today")
    return sentence("since 1 day") if days == 1 else sentence("since {days} days", days=days)


def _print_outcome(console: Console, outcome: Outcome, report: Report, show_all: bool) -> None:
    style, reader = STYLES.get(outcome.status, "red"), Reader(report.language)
    head = Text(f"Klarna {short(outcome.key.payment_reference)} {reader.day(outcome.payout_date)}", "bold")
    head.append(f"  {reader.money(outcome.settlement, outcome.key.currency)}", "default")
    head.append(f"  {reader.say(STATUS_WORDS[outcome.status])}", style)
    console.print(head)
    if outcome.voucher:
        console.print(voucher_table(outcome.voucher, report.chart, show_all, console.width, reader))
    if outcome.problem:
        print_paragraph(console, reader.say(outcome.problem.message), style, 2)
        print_paragraph(console, f"→ {reader.say(outcome.problem.hint)}", "dim", 2)
    for remark in outcome.remarks:
        print_paragraph(console, f"! {reader.say(remark.text)}", "yellow", 2)
    if isinstance(outcome, Skipped) and outcome.payout and not outcome.problem:
        print_paragraph(console, reader.say(sentence("nothing to book: every total is zero")), "dim", 2)
    console.print()


def _summary(report: Report) -> str:
    reader = Reader(report.language)
    parts = [tally(report.outcomes)]
    if report.next_due and not report.due:
        moment = reader.moment(report.next_due, report.timezone)
        parts.append(sentence("a sync is not due until {moment}", moment=moment))
    return f"{report.profile}: {reader.say(joined('; ', parts))}"


@contextmanager
def rows_progress() -> Iterator[RowsProgress]:
    """A bar on stderr while a large payout is fetched."""
    with Progress(console=Console(stderr=True), transient=True) as bar:
        tasks: dict[str, Any] = {}

        def show(reference: str, so_far: int, in_all: int) -> None:
            if in_all > LARGE_PAYOUT:
                if reference not in tasks:
                    tasks[reference] = bar.add_task(escape(f"Klarna {reference[:30]}"), total=in_all)
                bar.update(tasks[reference], completed=so_far)

        yield show


def show_checks(title: str, checks: Iterable[Check], reader: Reader) -> Iterator[Check]:
    """Prints each check as it is made, under a title, and then how many failed."""
    console, counts = new_console(), Counter[str]()
    with while_someone_reads():
        print_paragraph(console, reader.say(title), "bold")
    for check in checks:
        counts[check.status] += 1
        with while_someone_reads():
            _print_check(console, check, reader)
        yield check
    bad = [
        sentence("{count} failed", count=counts["failed"]),
        sentence("{count} not tried", count=counts["not-tried"]),
    ]
    result = joined(", ", (it for it in bad if it.values["count"])) or sentence("all checks passed")
    with while_someone_reads():
        print_paragraph(console, reader.say(result), "bold", 2)
        console.print()


def show_faults(problems: Iterable[Problem], reader: Reader) -> None:
    """Faults of the file as a whole, in the same form."""
    console = new_console()
    for problem in problems:
        name = "profiles.toml" if problem.code == "config" else problem.code
        _print_check(console, Check(name, "failed", problem.message, problem.hint), reader)


def _print_check(console: Console, check: Check, reader: Reader) -> None:
    mark, style = MARKS[check.status]
    told = style if check.status in {"failed", "not-tried"} else ""
    left = min(LEFT_WIDTH, console.width // 3)
    width = console.width - left - 5
    lines = [Text(line, told) for line in wrapped(reader.say(check.message), width, break_long_words=True)]
    if check.next:
        lines += [
            Text(line, "dim") for line in wrapped(f"→ {reader.say(check.next)}", width, break_long_words=True)
        ]
    names = wrapped(reader.say(check.name), left, break_long_words=True)
    for number, (name, line) in enumerate(zip_longest(names, lines, fillvalue=Text())):
        label = Text(f"  {'' if number else mark:<2}", style).append(f"{name!s:<{left}} ", "default")
        console.print(label.append_text(line), soft_wrap=True)
