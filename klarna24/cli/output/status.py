"""What people read of ``klarna24 status``: each profile, and each payout that waits."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from rich.console import Console
from rich.text import Text

from klarna24.bookkeeping.payout import ZERO
from klarna24.cli.output.console import new_console, print_paragraph, print_verdict
from klarna24.cli.output.lines import say_whole, wrapped
from klarna24.errors import severity
from klarna24.run.messages import all_totals
from klarna24.run.status import ProfileStatus
from klarna24.state.records import Status
from klarna24.state.words import STATUS_WORDS, counted
from klarna24.text.reader import Reader
from klarna24.text.sentences import Sentence, joined, sentence


def print_overview(statuses: Sequence[ProfileStatus]) -> None:
    """A line for each profile, the worst first; then those that need a person, with what waits for one."""
    ordered = sorted(statuses, key=lambda one: severity(one.exit_code), reverse=True)
    console = new_console()
    left = max(len(one.profile) for one in ordered)
    for one in ordered:
        text = Reader(one.language).say(joined("; ", _in_short(one)))
        print_verdict(console, one.profile, left, text, is_good=not one.exit_code)
    console.print()
    print_status(replace(one, waiting=one.for_person) for one in ordered if one.exit_code)


def _in_short(one: ProfileStatus) -> Iterator[str]:
    """What waits, and when a run was last complete."""
    if one.problems:
        yield sentence("its settings have faults")
    elif one.for_person:
        yield counted(Counter(it.row.shown_status for it in one.for_person))
    else:
        yield sentence("nothing waits")
    if one.drafts:
        yield sentence("drafts to book: {count}", count=len(one.drafts))
    if one.completed_at:
        yield sentence("last run {moment}", moment=_moment(one.completed_at, one))
    else:
        yield sentence("no completed run")


def print_status(statuses: Iterable[ProfileStatus]) -> None:
    """For each profile a paragraph, and each payout that waits with its reason and what ends it."""
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
            print_paragraph(console, say_whole(waiting.reason, reader), indent=4)
            if row.status is Status.BLOCKED and row.totals:
                print_paragraph(console, reader.say(all_totals(row.totals, row.key.currency)), indent=4)
            for remark in row.remarks:
                print_paragraph(console, f"! {say_whole(remark.text, reader)}", "yellow", 4)
            print_paragraph(console, f"→ {say_whole(waiting.hint, reader)}", "dim", 4)
        console.print()


def _facts(one: ProfileStatus, now: datetime) -> Iterator[tuple[Sentence, str]]:
    """The name and the text of each."""
    reader = Reader(one.language)
    yield sentence("last completed run"), _moment(one.completed_at, one)
    if one.next_due:
        yield sentence("next run is due"), _moment(one.next_due, one) if one.next_due > now else sentence("now")
    yield sentence("newest payout"), reader.day(one.checkpoint) if one.checkpoint else sentence("none")
    yield sentence("payouts"), counted(one.counts) if one.counts else sentence("none yet")
    if one.oldest_draft:
        yield sentence("drafts"), _drafts(len(one.drafts), (now - one.oldest_draft).days)


def _moment(value: datetime | None, one: ProfileStatus) -> str:
    if value is None:
        return sentence("never")
    return Reader(one.language).moment(value, one.timezone) + ("" if one.in_file else " UTC")


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
