"""What people read on a terminal: tables of vouchers, of what waits and of what was checked; a progress bar.

Text from outside is never parsed as markup.
"""

import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from itertools import zip_longest
from typing import Any

from rich.box import SIMPLE
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from klarna24.bookkeeping.voucher import Entry, Voucher
from klarna24.check.result import Check
from klarna24.cli.output.lines import amount_text, settlement, when, while_someone_reads
from klarna24.config.tables import SUPPLIER_LEDGER
from klarna24.errors import Problem
from klarna24.run.messages import short
from klarna24.run.outcome import Outcome, Report, RowsProgress, Skipped, tally
from klarna24.run.status import ProfileStatus
from klarna24.state.records import Status
from klarna24.text.sentences import translated

SHOWN_ENTRIES = 60  # of an itemised voucher; -v shows them all
FRAME = 11  # what rich's box and padding take of five columns
LEAST_WORDS = 10  # columns; below twice that the account names are left out
LARGE_PAYOUT = 500  # rows from which a progress bar helps
STYLES = {Status.READY: "green", Status.DRAFTED: "green", Status.BOOKED: "green", Status.SKIPPED: "dim"}
MARKS = {"ok": ("✓", "green"), "failed": ("✗", "red"), "advice": ("!", "yellow"), "not-tried": ("–", "dim")}
NAME_WIDTH = 26


def print_report(report: Report, show_all: bool) -> None:
    """A table for each voucher, a line for each payout without one, and the counts."""

    console = Console(highlight=False, markup=False, emoji=False, soft_wrap=False)
    for outcome in report.outcomes:
        _print_item(console, outcome, report, show_all)
    console.print(_summary(report), style="bold")


def print_status(statuses: Iterable[ProfileStatus]) -> None:
    """For each profile a paragraph, and each payout that waits with its reason and command."""

    console, now = Console(highlight=False, markup=False, emoji=False), datetime.now(UTC)
    for one in statuses:
        console.print(Text(one.profile if one.in_file else f"{one.profile} (no longer in profiles.toml)", "bold"))
        console.print(f"  last completed run  {when(one.completed_at) if one.completed_at else 'never'}")
        if one.next_due:
            console.print(f"  next run is due     {when(one.next_due) if one.next_due > now else 'now'}")
        console.print(f"  newest payout       {one.checkpoint or 'none'}")
        counts = ", ".join(f"{count} {name}" for name, count in one.counts.items()) or "none yet"
        console.print(_named("payouts", counts))
        if one.oldest_draft:
            console.print(_named("drafts", _drafts_line(len(one.drafts), (now - one.oldest_draft).days)))
        for waiting in one.waiting:
            row = waiting.row
            settlement = f"{row.totals.get('settlement', Decimal(0)):,.2f} {row.key.currency}"
            days = (now - row.changed_at).days
            age = "today" if days < 1 else f"for {days} day{'s' if days > 1 else ''}"
            status = Status.IN_DOUBT if row.in_doubt else row.status
            head = f"{row.key.payment_reference[:60]} {row.payout_date}  {settlement}  {status} {age}"
            console.print(Padding(Text(head, "" if row.status is Status.READY else "red"), (1, 0, 0, 2)))
            console.print(Padding(Text(waiting.reason), (0, 0, 0, 4)))
            for remark in row.remarks:
                console.print(Padding(Text(f"! {remark.text}", "yellow"), (0, 0, 0, 4)))
            # not wrapped by us, so that it can be copied as one line
            console.print(Text(f"    → {waiting.hint}", "dim"), soft_wrap=True)
        console.print()


def _named(name: str, text: str) -> Table:
    """The text beside its name; a long one goes on below its own beginning."""
    table = Table.grid()
    table.add_column(width=22, no_wrap=True)
    table.add_column()
    table.add_row(f"  {name}", text)
    return table


def _drafts_line(count: int, days: int) -> str:
    some = "1 draft waits" if count == 1 else f"{count} drafts wait"
    since = "today" if days < 1 else f"{days} day" if days == 1 else f"{days} days"
    oldest = f"since {since}" if count == 1 else f"the oldest since {since}"
    return f"{some} in 24SevenOffice, {oldest}: check, number, book"


def _print_item(console: Console, outcome: Outcome, report: Report, show_all: bool) -> None:

    style = STYLES.get(outcome.status, "red")
    reference = outcome.key.payment_reference
    head = Text(f"Klarna {short(reference)} {outcome.payout_date}", "bold")
    head.append(f"  {settlement(outcome)}", "default")
    head.append(f"  {outcome.status}", style)
    console.print(head)
    if outcome.voucher:
        console.print(_table(outcome.voucher, report.chart, show_all, console.width))
    if outcome.problem:
        message, hint = (translated(it, report.language) for it in (outcome.problem.message, outcome.problem.hint))
        console.print(Padding(Text(message, style), (0, 0, 0, 2)))
        console.print(Padding(Text(f"→ {hint}", "dim"), (0, 0, 0, 2)))
    for remark in outcome.remarks:
        console.print(Padding(Text(f"! {translated(remark.text, report.language)}", "yellow"), (0, 0, 0, 2)))
    if isinstance(outcome, Skipped) and outcome.payout and not outcome.problem:
        console.print(Text("  nothing to book: every total is zero", "dim"))
    console.print()


def _table(voucher: Voucher, chart: dict[int, str], show_all: bool, width: int) -> Table:
    """At most ``width`` columns wide. Figures and account numbers are never cut; names are shortened first."""

    entries = voucher.entries if show_all else voucher.entries[:SHOWN_ENTRIES]
    prefix = f"Klarna {voucher.payment_reference} "
    table = Table(box=SIMPLE, show_footer=True, padding=(0, 1, 0, 0))
    figures = amount_text(voucher.debit)  # no entry is larger
    for_words = width - len("Account") - 2 * len(figures) - FRAME
    comments = [_shown_comment(entry, prefix) for entry in entries]
    longest = max((len(word) for comment in comments for word in comment.split()), default=0)
    # Klarna's long words stay whole as long as there is space for them; the account's name is cut first
    name_width = min(22, for_words // 2, for_words - longest)
    name_width = name_width if name_width >= LEAST_WORDS else 0
    comment_width = max(for_words - name_width, LEAST_WORDS)
    table.add_column("Account", Text("Total"), no_wrap=True, min_width=len("Account"))
    count = f"{voucher.type.title}, {len(voucher.entries)} entries"
    if name_width:
        table.add_column("Name", Text(count), no_wrap=True, overflow="ellipsis", max_width=name_width)
    table.add_column("Comment", Text(voucher.currency), overflow="fold", max_width=comment_width)
    table.add_column("Debit", Text(figures), justify="right", no_wrap=True, min_width=len(figures))
    table.add_column("Credit", Text(figures), justify="right", no_wrap=True, min_width=len(figures))
    for entry, comment in zip(entries, comments, strict=True):
        debit, credit = (entry.amount, None) if entry.amount > 0 else (None, -entry.amount)
        table.add_row(
            str(entry.account_no),
            *([Text(chart.get(entry.account_no, ""))] if name_width else []),
            Text("\n".join([comment, *_details(entry)])),
            amount_text(debit),
            amount_text(credit),
        )
    if len(entries) < len(voucher.entries):
        rest = voucher.entries[len(entries) :]
        debit = sum((entry.amount for entry in rest if entry.amount > 0), Decimal(0))
        credit = -sum((entry.amount for entry in rest if entry.amount < 0), Decimal(0))
        more = Text(f"{len(rest)} more entries (-v)")
        table.add_row("…", *([""] if name_width else []), more, amount_text(debit), amount_text(credit))
    return table


def _shown_comment(entry: Entry, prefix: str) -> str:
    """Without what nearly every comment begins with, which stands in the line above the table."""
    return f"… {entry.comment.removeprefix(prefix)}" if entry.comment.startswith(prefix) else entry.comment


def _details(entry: Entry) -> Iterator[str]:
    """What else the entry has, in the words of 24SevenOffice's columns."""
    fields = {
        "invoice": entry.invoice_no,
        "OCR": entry.ocr,
        "supplier" if entry.account_no in SUPPLIER_LEDGER else "customer": entry.customer_id,
        "department": entry.department_id,
        "project": entry.project_id,
        "VAT code": entry.tax_code,
    }
    details = ", ".join(f"{name} {value}" for name, value in fields.items() if value is not None)
    if details:
        yield details


def _summary(report: Report) -> str:
    waits = "" if report.due or not report.next_due else f"; a sync is not due until {when(report.next_due)}"
    return f"{report.profile}: {tally(report.outcomes)}{waits}"


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


def show_checks(title: str, checks: Iterable[Check]) -> Iterator[Check]:
    """Prints each check as it is made, under a title, and then how many failed."""

    console, counts = Console(highlight=False, markup=False, emoji=False), Counter[str]()
    with while_someone_reads():
        console.print(title, style="bold")
    for check in checks:
        counts[check.status] += 1
        with while_someone_reads():
            _print_check(console, check.status, check.name, check.message, check.next)
        yield check
    bad = ", ".join(f"{counts[name]} {name.replace('-', ' ')}" for name in ("failed", "not-tried") if counts[name])
    with while_someone_reads():
        console.print(f"  {bad or 'all checks passed'}\n", style="bold")


def show_faults(problems: Iterable[Problem]) -> None:
    """Faults of the file as a whole, in the same form."""

    console = Console(highlight=False, markup=False, emoji=False)
    for problem in problems:
        name = "profiles.toml" if problem.code == "config" else problem.code
        _print_check(console, "failed", name, problem.message, problem.hint)


def _print_check(console: Console, status: str, name: str, message: str, next_step: str) -> None:

    mark, style = MARKS[status]
    told = style if status in {"failed", "not-tried"} else ""
    width = max(console.width - NAME_WIDTH - 6, 20)
    lines = [Text(line, told) for line in _wrapped(message, width)]
    lines += [Text(line, "dim") for line in _wrapped(f"→ {next_step}", width)] if next_step else []
    for number, (label, line) in enumerate(zip_longest(_wrapped(name, NAME_WIDTH), lines, fillvalue="")):
        console.print(Text(f"  {'' if number else mark:<2}", style), Text(f"{label!s:<{NAME_WIDTH}}"), line)


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, break_on_hyphens=False)
