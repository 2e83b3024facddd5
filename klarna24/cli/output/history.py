"""What ``klarna24 check --history`` prints: each payout of the past, month by month."""

from collections.abc import Iterator

from rich.console import Console
from rich.text import Text

from klarna24.bookkeeping.payout import NAMES, ZERO
from klarna24.check.months import OUTCOMES, History, HistoryMonth, HistoryPayout, MissingAccount, Standing
from klarna24.cli.output.console import new_console, print_paragraph
from klarna24.cli.output.lines import while_someone_reads, wrapped
from klarna24.state.records import Status
from klarna24.state.words import STATUS_WORDS
from klarna24.text.reader import SPACE, Reader, capital
from klarna24.text.sentences import Sentence, joined, sentence

STYLES = {
    Standing.KNOWN: "green",
    Standing.CERTAIN: "green",
    Standing.PROBABLE: "yellow",
    Standing.NOT_FOUND: "",
    Standing.NOT_READ: "dim",
}
SHOWN_REFERENCE = 20  # characters
LEAST_WORDS = 24  # columns beside a payout


def print_history(history: History) -> None:
    """Each month with its counts, kinds and missing accounts, and a line for each payout; then what was not looked
    at, and which start_date fits. In the profile's language, within the width of the terminal."""
    console, reader = new_console(), Reader(history.language)
    with while_someone_reads():
        title = sentence(
            "{profile}: payouts from {since} to {until}",
            profile=history.profile,
            since=str(history.since),
            until=str(history.until),
        )
        print_paragraph(console, reader.say(title), "bold")
        for month in history.months:
            _print_month(console, reader, month)
        if not history.months:
            print_paragraph(console, reader.say(sentence("no payouts")), "", 2)
        console.print()
        for searched in _searched(history):
            print_paragraph(console, reader.say(searched), "dim", 2)
        for left_out in history.not_looked_at:
            print_paragraph(console, f"! {reader.say(left_out)}", "yellow", 2)
        for advice in history.advice:
            print_paragraph(console, f"→ {reader.say(advice)}", "bold", 2)
        console.print()


def _print_month(console: Console, reader: Reader, month: HistoryMonth) -> None:
    console.print()
    head = Text(f"  {capital(reader.month(month.month.first))}", "bold")
    counts = reader.say(joined(", ", _counts(month)))
    console.print(head.append(f"  {counts}", "not bold"), soft_wrap=True)
    kinds = joined(", ", [*(NAMES[name] for name in month.totals), *month.detailed_types])
    if kinds:
        print_paragraph(console, reader.say(sentence("kinds: {kinds}", kinds=kinds)), "dim", 4)
    if month.missing:
        missing = sentence(
            "no account in the profile for: {missing}", missing=joined(", ", map(_missing, month.missing))
        )
        print_paragraph(console, reader.say(missing), "yellow", 4)
    heads = [_head(reader, payout) for payout in month.payouts]
    widths = [max(map(len, column)) for column in zip(*heads, strict=True)]
    for payout, (day, reference, amount) in zip(month.payouts, heads, strict=True):
        label = f"    {day:<{widths[0]}}  {reference:<{widths[1]}}  {amount:>{widths[2]}}"
        _print_payout(console, reader, label, payout)


def _head(reader: Reader, payout: HistoryPayout) -> tuple[str, str, str]:
    """Day, reference and amount."""
    reference = payout.past.key.payment_reference
    shown = reference if len(reference) <= SHOWN_REFERENCE else f"{reference[: SHOWN_REFERENCE - 1]}…"
    amount = reader.amount(payout.past.payout.figures.get("settlement", ZERO))
    return reader.day(payout.day), reader.say(shown), f"{amount}{SPACE}{payout.past.key.currency}"


def _print_payout(console: Console, reader: Reader, label: str, payout: HistoryPayout) -> None:
    """What is said of the payout stands beside its label; below it where there is no space."""
    left = len(label) + 2
    if console.width - left < LEAST_WORDS:
        console.print(Text(label), soft_wrap=True)
        label, left = "", 6
    for text, style in _said(payout):
        for line in wrapped(reader.say(text), console.width - left, break_long_words=True):
            console.print(Text(f"{label:<{left}}").append(line, style), soft_wrap=True)
            label = ""


def _counts(month: HistoryMonth) -> Iterator[Sentence]:
    """How many payouts there are, and of each outcome that occurs."""
    yield sentence("payouts: {count}", count=len(month.payouts))
    for outcome in OUTCOMES:
        words = STATUS_WORDS[outcome] if outcome else sentence("rows not read")
        if count := sum(payout.past.outcome is outcome for payout in month.payouts):
            yield joined(": ", (words, str(count)))


def _missing(missing: MissingAccount) -> str:
    kind = NAMES.get(missing.kind, missing.kind)
    return joined(" ", (missing.key, sentence("({meaning})", meaning=kind)))


def _said(payout: HistoryPayout) -> Iterator[tuple[Sentence, str]]:
    """Where the payout stands, and what a dry run has against it, each with its style."""
    yield _standing(payout), STYLES[payout.standing]
    if payout.past.outcome is Status.BLOCKED:
        yield sentence("blocked: {why}", why=payout.past.reason), "red"


def _standing(payout: HistoryPayout) -> Sentence:
    row, found = payout.row, payout.found
    if payout.is_settled and row:
        number = payout.transaction_no
        voucher = sentence("voucher {number} in the ledger", number=number) if number else None
        return joined(": ", ("klarna24", joined(", ", filter(None, (STATUS_WORDS[row.shown_status], voucher)))))
    match payout.standing:
        case Standing.CERTAIN | Standing.PROBABLE if found:
            voucher = sentence("voucher {number} of {day}", number=found.transaction_no, day=str(found.day))
            if found.is_certain:
                return joined(": ", (voucher, found.why))
            return sentence("probably {voucher}: {why}", voucher=voucher, why=found.why)
        case Standing.NOT_READ:
            return sentence("the ledger was not read")
    return sentence("not in the ledger")


def _searched(history: History) -> Iterator[Sentence]:
    """What was looked through."""
    if history.ledger_since:
        yield sentence(
            "the ledger was read from {since} on, on account {accounts}; drafts that nobody has booked cannot be "
            "seen there",
            since=str(history.ledger_since),
            accounts=", ".join(map(str, history.accounts)),
        )
