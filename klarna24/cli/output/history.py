"""What ``klarna24 check --history`` shows of each payout: month by month for people, and as JSON."""

from collections.abc import Iterator
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from klarna24.bookkeeping.payout import NAMES, ZERO
from klarna24.check.months import History, HistoryMonth, HistoryPayout, MissingAccount, Standing
from klarna24.cli.output.lines import while_someone_reads
from klarna24.report.view import STATUSES
from klarna24.state.records import Status
from klarna24.text.reader import Reader, capital
from klarna24.text.sentences import Sentence, joined, sentence

OUTCOMES = (Status.READY, Status.BLOCKED, Status.SKIPPED, None)
NOT_READ = "not-read"  # in JSON, what rows would have to tell
STYLES = {
    Standing.KNOWN: "green",
    Standing.CERTAIN: "green",
    Standing.PROBABLE: "yellow",
    Standing.NOT_FOUND: "",
    Standing.NOT_READ: "dim",
}
SHOWN_REFERENCE = 20  # characters


def print_history(history: History) -> None:
    """Each month with its counts, kinds and missing accounts, and a line for each payout; then what was not looked
    at, and which start_date fits. In the profile's language, within the width of the terminal."""
    console, reader = Console(highlight=False, markup=False, emoji=False), Reader(history.language)
    with while_someone_reads():
        title = sentence(
            "{profile}: payouts from {since} to {until}",
            profile=history.profile,
            since=str(history.since),
            until=str(history.until),
        )
        console.print(Text(reader.say(title), "bold"))
        for month in history.months:
            _print_month(console, reader, month)
        if not history.months:
            _print(console, reader, sentence("no payouts"))
        console.print()
        for searched in _searched(history):
            _print(console, reader, searched, "dim")
        for left_out in history.not_looked_at:
            _print(console, reader, joined(" ", ("!", left_out)), "yellow")
        for advice in history.advice:
            _print(console, reader, joined(" ", ("→", advice)), "bold")
        console.print()


def _print(console: Console, reader: Reader, text: str, style: str = "", left: int = 2) -> None:
    console.print(Padding(Text(reader.say(text), style), (0, 0, 0, left)))


def _print_month(console: Console, reader: Reader, month: HistoryMonth) -> None:
    console.print()
    counts = joined(", ", _counts(month))
    head = Text(f"  {capital(reader.month(month.month.first))}", "bold")
    console.print(head.append(f"  {reader.say(counts)}", "not bold"))
    kinds = joined(", ", [*(NAMES[name] for name in month.totals), *month.detailed_types])
    if kinds:
        _print(console, reader, sentence("kinds: {kinds}", kinds=kinds), "dim", 4)
    if month.missing:
        missing = joined(", ", map(_missing, month.missing))
        _print(console, reader, sentence("no account in the profile for: {missing}", missing=missing), "yellow", 4)
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    table.add_column(justify="right", no_wrap=True)
    table.add_column(ratio=1)
    for payout in month.payouts:
        amount = reader.amount(payout.past.payout.figures.get("settlement", ZERO))
        table.add_row(
            reader.day(payout.day),
            Text(payout.past.key.payment_reference[:SHOWN_REFERENCE]),
            f"{amount}\u00a0{payout.past.key.currency}",
            Text("\n").join(_said(reader, payout)),
        )
    console.print(Padding(table, (0, 0, 0, 4)))


def _counts(month: HistoryMonth) -> Iterator[Sentence]:
    """How many payouts there are, and of each outcome that occurs."""
    yield sentence("payouts: {count}", count=len(month.payouts))
    for outcome in OUTCOMES:
        words = STATUSES[outcome] if outcome else sentence("rows not read")
        if count := sum(payout.past.outcome is outcome for payout in month.payouts):
            yield joined(": ", (words, str(count)))


def _missing(missing: MissingAccount) -> str:
    kind = NAMES.get(missing.kind, missing.kind)
    return joined(" ", (missing.key, sentence("({meaning})", meaning=kind)))


def _said(reader: Reader, payout: HistoryPayout) -> Iterator[Text]:
    """Where the payout stands, and what a dry run has against it."""
    yield Text(reader.say(_standing(payout)), STYLES[payout.standing])
    if payout.past.outcome is Status.BLOCKED:
        yield Text(reader.say(sentence("blocked: {why}", why=payout.past.reason)), "red")


def _standing(payout: HistoryPayout) -> Sentence:
    row, found = payout.row, payout.found
    if payout.is_settled and row:
        number = _number(payout)
        voucher = sentence("voucher {number} in the ledger", number=number) if number else None
        return joined(": ", ("klarna24", joined(", ", filter(None, (STATUSES[row.shown_status], voucher)))))
    match payout.standing:
        case Standing.CERTAIN | Standing.PROBABLE if found:
            voucher = sentence("voucher {number} of {day}", number=found.transaction_no, day=str(found.day))
            if found.is_certain:
                return joined(": ", (voucher, found.why))
            return sentence("probably {voucher}: {why}", voucher=voucher, why=found.why)
        case Standing.NOT_READ:
            return sentence("the ledger was not read")
    return sentence("not in the ledger")


def _number(payout: HistoryPayout) -> int | None:
    """The number of its voucher; of a draft as well that was booked since the state last heard of it."""
    if payout.row and payout.row.transaction_no:
        return payout.row.transaction_no
    return payout.found.transaction_no if payout.found else None


def _searched(history: History) -> Iterator[Sentence]:
    """What was looked through."""
    if history.ledger_since:
        yield sentence(
            "the ledger was read from {since} on, on account {accounts}; drafts that nobody has booked cannot be "
            "seen there",
            since=str(history.ledger_since),
            accounts=", ".join(map(str, history.accounts)),
        )


def history_json(history: History) -> dict[str, Any]:
    """The history as ``klarna24 check --json`` has it; texts are English."""
    return {
        "since": history.since.isoformat(),
        "until": history.until.isoformat(),
        "start_date": history.start_date.isoformat(),
        "ledger_since": history.ledger_since.isoformat() if history.ledger_since else None,
        "accounts": [*history.accounts],
        "months": [_month(month) for month in history.months],
        "not_looked_at": [*history.not_looked_at],
        "advice": [*history.advice],
    }


def _month(month: HistoryMonth) -> dict[str, Any]:
    outcomes = [payout.past.outcome for payout in month.payouts]
    return {
        "month": str(month.month),
        "payouts": [_payout(payout) for payout in month.payouts],
        "counts": {str(outcome or NOT_READ): outcomes.count(outcome) for outcome in OUTCOMES},
        "totals": [*month.totals],
        "detailed_types": [*month.detailed_types],
        "missing_accounts": [missing._asdict() for missing in month.missing],
    }


def _payout(payout: HistoryPayout) -> dict[str, Any]:
    past, row, found = payout.past, payout.row, None if payout.is_settled else payout.found
    return {
        "payment_reference": past.key.payment_reference,
        "payout_date": payout.day.isoformat(),
        "currency": past.key.currency,
        "settlement_amount": f"{past.payout.figures.get('settlement', ZERO):.2f}",
        "outcome": past.outcome or NOT_READ,
        "reason": past.reason or None,
        "status": row.shown_status if row else None,
        "ledger": payout.standing,
        "transaction_no": _number(payout),
        "found_by": found.why if found else None,
        "is_noticed": found.is_noticed if found else None,
    }
