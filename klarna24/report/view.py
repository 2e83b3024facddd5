"""What the page shows, as texts in the reader's language; templates/page.html lays it out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from klarna24.bookkeeping.payout import NAMES, ZERO, net_fees, net_vat
from klarna24.report.charts import Chart, charts
from klarna24.report.month import Balance, CurrencyMonth, MonthPayout, ProfileMonth
from klarna24.state.records import Status
from klarna24.state.words import status_words
from klarna24.text.reader import SPACE, Reader, capital
from klarna24.text.sentences import Language, Sentence, joined, sentence

# Those that have columns of their own. All others of a payout stand in the line below it.
_IN_COLUMNS = {"settlement", "sale", "return", "fee", "fee_correction", "fee_refund", "tax", "tax_refund"}


@dataclass(frozen=True, slots=True)
class Line:
    """A row of a table: a text for each column, and the notes below it. An odd one needs a person; ``link`` is the
    id that its first text leads to."""

    cells: Sequence[str]
    notes: Sequence[str] = ()
    is_odd: bool = False
    link: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Its first ``texts`` columns hold text, the others numbers."""

    title: str
    heads: Sequence[str]
    texts: int
    lines: Sequence[Line]
    total: Sequence[str] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """One currency of a shop: its main figures, each with its name; each thing that keeps it from closing.
    ``verdict`` says whether it closes, where the shop has others."""

    verdict: str
    figures: Sequence[tuple[str, str]]
    wrong: Sequence[str]
    charts: Sequence[Chart]
    tables: Sequence[Table]


@dataclass(frozen=True, slots=True)
class Shop:
    """A shop's part of the page, whose id is ``anchor``. ``problems`` are reads that failed, with what to do."""

    anchor: str
    language: Language
    name: str
    verdict: str
    closes: bool
    problems: Sequence[str]
    sections: Sequence[Section]
    clearing: Table | None


def shop(it: ProfileMonth, number: int) -> Shop:
    """The part of the profile that has this place on the page."""
    reader = Reader(it.language)
    return Shop(
        anchor=_anchor(number),
        language=it.language,
        name=reader.say(it.profile),
        verdict=verdict(it),
        closes=it.closes,
        problems=[reader.say(joined(" → ", (each.message, each.hint))) for each in it.problems],
        sections=[_section(it, one, reader) for one in it.currencies],
        clearing=_clearing(it, reader) if it.clearing is not None else None,
    )


def verdict(it: ProfileMonth) -> str:
    """Whether the month closes, as a sentence in the profile's language."""
    reader = Reader(it.language)
    month = reader.month(it.month.first)
    said = (
        sentence("{month} closes", month=month) if it.closes else sentence("{month} does not close", month=month)
    )
    if not it.is_over:
        said = sentence("{month} is not over", month=month)
    if it.problems:
        said = sentence("{month} could not be read", month=month)
    return capital(reader.say(said))


def overview(months: Sequence[ProfileMonth], language: Language) -> Table:
    """A line for each shop and currency, in the order given."""
    reader = Reader(language)
    heads = (
        sentence("Shop"),
        sentence("Result"),
        sentence("Payouts"),
        sentence("Paid out"),
        sentence("Fees"),
        sentence("Of sales"),
    )
    lines = [line for number, it in enumerate(months) for line in _overview_lines(it, number, reader)]
    return Table(reader.say(sentence("All shops")), [*map(reader.say, heads)], 2, lines)


def _overview_lines(it: ProfileMonth, number: int, reader: Reader) -> Iterator[Line]:
    name = reader.say(it.profile)
    for one in it.currencies:
        figures = (
            str(len(one.payouts)),
            f"{reader.amount(one.settlement)}{SPACE}{reader.say(one.currency)}",
            reader.amount(one.fees),
            reader.percent(one.cost),
        )
        yield Line((name, reader.say(_result(one)), *figures), (), not one.closes, _anchor(number))
    if not it.currencies:
        result = sentence("no payouts") if it.is_over else sentence("no payouts so far")
        if it.problems:
            result = sentence("could not be read")
        yield Line((name, reader.say(result), "", "", "", ""), (), not it.closes, _anchor(number))


def _result(one: CurrencyMonth) -> Sentence:
    wrong = len(one.differences)
    return sentence("does not close: {number}", number=wrong) if wrong else sentence("closes")


def _anchor(number: int) -> str:
    return f"shop-{number}"


def _section(it: ProfileMonth, one: CurrencyMonth, reader: Reader) -> Section:
    figures = (
        (sentence("Paid out, {currency}", currency=one.currency), reader.amount(one.settlement)),
        (sentence("Payouts"), str(len(one.payouts))),
        (sentence("Sales"), reader.amount(one.klarna.get("sale", ZERO))),
        (sentence("Fees without VAT"), reader.amount(one.fees)),
        (sentence("VAT on the fees"), reader.amount(one.vat)),
        (sentence("Fees of sales"), reader.percent(one.cost)),
    )
    tables = (_payouts(one, reader), _totals(one, reader), _ledger(it, one, reader), *_balances(one, reader))
    return Section(
        verdict=f"{one.currency} {reader.say(_result(one))}" if len(it.currencies) > 1 else "",
        figures=[(reader.say(name), shown) for name, shown in figures],
        wrong=list(wrong(one, reader)),
        charts=charts(one, it.month, reader),
        tables=[table for table in tables if table.lines],
    )


def wrong(one: CurrencyMonth, reader: Reader) -> Iterator[str]:
    """Each thing that keeps the currency from closing, with its payout."""
    for difference in one.differences:
        reference, message = difference.payment_reference, difference.message
        known = reference and reference not in message
        yield reader.say(joined(": ", (reference, message))) if known and reference else reader.say(message)


def _payouts(one: CurrencyMonth, reader: Reader) -> Table:
    heads = (
        sentence("Date"),
        sentence("Payout"),
        sentence("Status"),
        sentence("Voucher"),
        sentence("Sales"),
        sentence("Returns"),
        sentence("Fees"),
        sentence("VAT"),
        sentence("Other"),
        sentence("Paid out"),
    )
    rows = [_in_columns(it.totals) for it in one.payouts]
    odd = {difference.payment_reference for difference in one.differences}
    lines = [
        Line(
            (
                reader.day(it.payout_date),
                reader.say(it.key.payment_reference),
                reader.say(status_words(it.status)),
                str(it.transaction_no or "–"),
                *map(reader.amount, row),
            ),
            _notes(it, reader),
            it.status not in {Status.BOOKED, Status.SKIPPED} or it.key.payment_reference in odd,
        )
        for it, row in zip(one.payouts, rows, strict=True)
    ]
    sums = [reader.amount(sum(column, ZERO)) for column in zip(*rows, strict=True)]
    total = (reader.say(sentence("Sum")), "", "", "", *sums)
    return Table(reader.say(sentence("Payouts")), [*map(reader.say, heads)], 4, lines, total)


def _in_columns(totals: Mapping[str, Decimal]) -> list[Decimal]:
    """Sales, returns, fees, VAT, all others, and the settlement, of which they are the sum."""
    sale, returned, settlement = (totals.get(name, ZERO) for name in ("sale", "return", "settlement"))
    parts = [sale, -returned, -net_fees(totals), -net_vat(totals)]
    return [*parts, settlement - sum(parts, ZERO), settlement]


def _notes(it: MonthPayout, reader: Reader) -> list[str]:
    """What else stands in it, and its remarks. Why it does not close stands on top of the page."""
    others = [
        f"{capital(reader.say(NAMES[name]))} {reader.amount(value)}"
        for name, value in it.totals.items()
        if name not in _IN_COLUMNS and value
    ]
    return [reader.say(text) for text in (" · ".join(others), *it.remarks) if text]


def _totals(one: CurrencyMonth, reader: Reader) -> Table:
    """Klarna's totals as it states them now, and as they were drafted. Where the month closes, a difference is of
    payouts that are skipped, and needs nobody."""
    heads = (sentence("Total"), sentence("Klarna states"), sentence("Drafted"), sentence("Difference"))
    lines = []
    for name, words in NAMES.items():
        stated, drafted = one.klarna.get(name, ZERO), one.stored.get(name, ZERO)
        if (stated or drafted) and name not in {"opening_debt", "closing_debt"}:
            line = _compared((capital(reader.say(words)),), stated, drafted, reader)
            lines.append(replace(line, is_odd=line.is_odd and not one.closes))
    return Table(reader.say(sentence("Klarna's totals")), [*map(reader.say, heads)], 1, lines)


def _ledger(it: ProfileMonth, one: CurrencyMonth, reader: Reader) -> Table:
    """The booked vouchers' sums per account, and what was drafted of them."""
    heads = (
        sentence("Account"),
        sentence("Name"),
        sentence("In the ledger"),
        sentence("As drafted"),
        sentence("Difference"),
    )
    chart = it.chart or {}
    lines = [
        _compared(
            (str(number), reader.say(chart.get(number, ""))),
            one.ledger.get(number, ZERO),
            one.expected.get(number, ZERO),
            reader,
        )
        for number in sorted({*one.ledger, *one.expected})
    ]
    title = sentence("Booked vouchers, {currency}", currency=it.home_currency)
    return Table(reader.say(title), [*map(reader.say, heads)], 2, lines)


def _compared(texts: tuple[str, ...], one: Decimal, other: Decimal, reader: Reader) -> Line:
    difference = one - other
    shown = reader.amount(difference) if difference else "–"
    return Line((*texts, reader.amount(one), reader.amount(other), shown), (), bool(difference))


def _balances(one: CurrencyMonth, reader: Reader) -> Iterator[Table]:
    """The debt to Klarna and what it holds back: opening, moved, closing, and what the ledger has of it."""
    for title, it in (
        (sentence("Debt to Klarna"), one.debt),
        (sentence("Held back by Klarna"), one.holdback),
    ):
        if not it.is_empty:
            yield _balance(title, it, reader)


def _balance(title: str, it: Balance, reader: Reader) -> Table:
    rows = [
        (sentence("Opening"), it.opening),
        (sentence("Added"), it.added),
        (sentence("Taken"), -it.taken),
        (sentence("Settled elsewhere"), it.settled),
    ]
    lines = [Line((reader.say(name), reader.amount(value))) for name, value in rows if value or name == "Opening"]
    total = (reader.say(sentence("Closing")), reader.amount(it.closing))
    heads = [reader.say(sentence("Kind")), reader.say(sentence("Amount"))]
    note = sentence("There is no account for it in profiles.toml.")
    if it.account_no is not None and it.ledger is not None:
        note = sentence(
            "Account {number} moved by {moved} in the month, of which {by_payouts} by vouchers of these payouts.",
            number=it.account_no,
            moved=f"{it.ledger:.2f}",
            by_payouts=f"{it.by_payouts or ZERO:.2f}",
        )
    return Table(reader.say(title), heads, 1, lines, total, reader.say(note))


def _clearing(it: ProfileMonth, reader: Reader) -> Table:
    """The open items of the clearing account, oldest first."""
    heads = (sentence("Date"), sentence("Voucher"), sentence("Comment"), sentence("Days"), sentence("Amount"))
    lines = [
        Line(
            (
                reader.day(item.day),
                str(item.transaction_no),
                reader.say(item.comment),
                str(item.age),
                reader.amount(item.amount),
            ),
            [reader.say(sentence("matched on {day}", day=item.settled_on.isoformat()))] if item.settled_on else (),
        )
        for item in it.open_items
    ]
    total = (reader.say(sentence("Sum")), "", "", "", reader.amount(it.balance))
    title = sentence(
        "Open items of account {number} at the month's end, {currency}",
        number=it.clearing or 0,
        currency=it.home_currency,
    )
    since = it.read_from and sentence("Lines since {day}.", day=it.read_from.isoformat())
    nothing = sentence("Nothing is open.")
    note = reader.say(since or "") if lines else reader.say(nothing)
    return Table(reader.say(title), [*map(reader.say, heads)], 3, lines, total if lines else (), note)
