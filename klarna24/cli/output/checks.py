"""What people read of ``klarna24 check``."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import zip_longest

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress
from rich.text import Text

from klarna24.check.result import Check, Outcome
from klarna24.cli.output.console import new_console, print_paragraph, print_verdict
from klarna24.cli.output.lines import say_whole, while_someone_reads, wrapped
from klarna24.errors import Problem, severity
from klarna24.text.reader import Reader
from klarna24.text.sentences import Sentence, joined, sentence

MARKS = {"ok": ("✓", "green"), "failed": ("✗", "red"), "advice": ("!", "yellow"), "not-tried": ("–", "dim")}
LEFT_WIDTH = 26  # of a check's name


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
    with while_someone_reads():
        print_paragraph(console, reader.say(_result(counts)), "bold", 2)
        console.print()


def print_overview(outcome: Outcome) -> None:
    """A line for each profile, the worst first; then what failed, with its next step."""
    ordered = sorted(outcome.profiles, key=lambda one: severity(one.exit_code), reverse=True)
    console = new_console()
    left = max((len(one.profile) for one in ordered), default=0)
    for one in ordered:
        text = _result(Counter(it.status for it in one.checks))
        print_verdict(console, one.profile, left, Reader(one.language).say(text), is_good=not one.exit_code)
    if any(check.status == "advice" for one in ordered for check in one.checks):
        advice = sentence("{command} shows the advice", command="klarna24 check --profile NAME")
        print_paragraph(console, say_whole(advice, Reader.shared(one.language for one in ordered)), "dim", 2)
    console.print()
    for one in ordered:
        if one.exit_code:
            print_paragraph(console, one.profile, "bold")
            for check in one.checks:
                if check.status == "failed":
                    _print_check(console, check, Reader(one.language))
            console.print()


def _result(counts: Counter[str]) -> Sentence:
    bad = [
        sentence("{count} failed", count=counts["failed"]),
        sentence("{count} not tried", count=counts["not-tried"]),
    ]
    found = [it for it in bad if it.values["count"]] or [sentence("all checks passed")]
    advice = [sentence("advice: {count}", count=counts["advice"])] if counts["advice"] else []
    return joined(", ", [*found, *advice])


@contextmanager
def profiles_progress(number: int) -> Iterator[Callable[[str], None]]:
    """Says on stderr which of so many profiles is being checked; it is called with each name."""
    with Progress(*Progress.get_default_columns()[:2], console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=number)

        def show(name: str) -> None:
            bar.update(task, description=escape(name), advance=1)

        yield show


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
    lines = [Text(line, told) for line in wrapped(say_whole(check.message, reader), width, break_long_words=True)]
    if check.next:
        lines += [
            Text(line, "dim")
            for line in wrapped(f"→ {say_whole(check.next, reader)}", width, break_long_words=True)
        ]
    names = wrapped(reader.say(check.name), left, break_long_words=True)
    for number, (name, line) in enumerate(zip_longest(names, lines, fillvalue=Text())):
        label = Text(f"  {'' if number else mark:<2}", style).append(f"{name!s:<{left}} ", "default")
        console.print(label.append_text(line), soft_wrap=True)
