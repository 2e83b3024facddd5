"""What people read of a run on a terminal: vouchers and outcomes; a progress bar.

Text from outside is never parsed as markup.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress
from rich.text import Text

from klarna24.cli.output.console import new_console, print_paragraph
from klarna24.cli.output.lines import say_whole
from klarna24.cli.output.sums import sums_line, sums_of
from klarna24.cli.output.voucher_table import voucher_table
from klarna24.run.messages import all_totals, changed_sums, short
from klarna24.run.outcome import Blocked, Outcome, Report, RowsProgress, Skipped, tally
from klarna24.state.records import Event, Status
from klarna24.state.words import STATUS_WORDS
from klarna24.text.reader import Reader
from klarna24.text.sentences import Sentence, joined, sentence

LARGE_PAYOUT = 500  # rows from which a progress bar helps
STYLES = {Status.READY: "green", Status.DRAFTED: "green", Status.BOOKED: "green", Status.SKIPPED: "dim"}


def print_report(report: Report, show_all: bool) -> None:
    """A table for each voucher, a line for each payout without one, their sums and the counts."""
    console, reader = new_console(), Reader(report.language)
    for outcome in report.outcomes:
        _print_outcome(console, outcome, report, show_all)
    many = report.outcomes if len(report.outcomes) > 1 else []
    blocked = sums_of((it.key.currency, it.totals) for it in many if isinstance(it, Blocked))
    for currency, sums in sums_of((it.key.currency, it.totals) for it in many).items():
        parts = [sums_line(currency, sums)]
        if currency in blocked:
            amount = f"{blocked[currency].paid:.2f} {currency}"
            parts.append(sentence("{amount} of what was paid is blocked", amount=amount))
        print_paragraph(console, reader.say(joined("; ", parts)))
    print_paragraph(console, _summary(report), "bold")


def _print_outcome(console: Console, outcome: Outcome, report: Report, show_all: bool) -> None:
    style, reader = STYLES.get(outcome.status, "red"), Reader(report.language)
    head = Text(f"Klarna {short(outcome.key.payment_reference)} {reader.day(outcome.payout_date)}", "bold")
    head.append(f"  {reader.money(outcome.settlement, outcome.key.currency)}", "default")
    head.append(f"  {reader.say(STATUS_WORDS[outcome.status])}", style)
    console.print(head)
    if outcome.decided:
        print_paragraph(console, reader.say(_past(outcome, outcome.decided, report)), indent=2)
    if outcome.voucher and not isinstance(outcome, Skipped):
        console.print(voucher_table(outcome.voucher, report.chart, show_all, console.width, reader))
    if outcome.problem:
        print_paragraph(console, say_whole(outcome.problem.message, reader), style, 2)
        if isinstance(outcome, Blocked) and outcome.totals:
            print_paragraph(console, reader.say(all_totals(outcome.totals, outcome.key.currency)), "", 2)
        print_paragraph(console, f"→ {say_whole(outcome.problem.hint, reader)}", "dim", 2)
    for remark in outcome.remarks:
        print_paragraph(console, f"! {say_whole(remark.text, reader)}", "yellow", 2)
    if isinstance(outcome, Skipped) and not outcome.decided and not outcome.totals:
        print_paragraph(console, reader.say(sentence("nothing to book: every total is zero")), "dim", 2)
    console.print()


def _past(outcome: Outcome, event: Event, report: Report) -> Sentence:
    """What became of a payout before this preview, and how that compares with the table below."""
    moment = Reader(report.language).moment(event.at, report.timezone)
    record, voucher = outcome.record, outcome.voucher
    if isinstance(outcome, Skipped):
        text = sentence("skipped by {who}, {moment}", who=event.who, moment=moment)
        return joined(": ", (text, event.note)) if event.note else text
    if record is None or record.trace is None:
        return sentence(
            "{who} said that it is drafted, {moment}; with today's settings this would be drafted:",
            who=event.who,
            moment=moment,
        )
    if voucher and (sums := changed_sums(record.trace.sums, voucher.trace().sums)):
        return sentence(
            "drafted {moment}, with other sums than what today's settings give, below: {sums}",
            moment=moment,
            sums=sums,
        )
    return sentence("drafted {moment}, with these sums per account:", moment=moment)


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
