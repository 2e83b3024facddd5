"""A voucher as a table on the terminal."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal

from rich.box import SIMPLE
from rich.table import Table
from rich.text import Text

from klarna24.bookkeeping.payout import ZERO
from klarna24.bookkeeping.voucher import Entry, Voucher
from klarna24.cli.output.lines import wrapped
from klarna24.config.tables import SUPPLIER_LEDGER
from klarna24.text.clean import clean
from klarna24.text.reader import Reader
from klarna24.text.sentences import sentence

FIRST_ENTRIES, LAST_ENTRIES = 40, 10  # of an itemised voucher that are shown; -v shows them all
FRAME = 11  # what rich's box and padding take of five columns
LEAST_WORDS = 10  # columns; below twice that the account names are left out


def voucher_table(voucher: Voucher, chart: Mapping[int, str], show_all: bool, width: int, reader: Reader) -> Table:
    """At most ``width`` columns wide. Figures and account numbers are never cut; names and comments are wrapped at
    words, and where there is space they are whole. Of a very long voucher the first and the last entries are
    shown, and between them how many there are and what they come to."""
    first, between, last = _parts(voucher.entries, show_all)
    shown = (*first, *last)
    heads = [*map(reader.say, (sentence("Account"), sentence("Name"), sentence("Comment")))]
    debit_head, credit_head, total = map(reader.say, (sentence("Debit"), sentence("Credit"), sentence("Sum")))
    figures = reader.amount(voucher.debit)  # no entry is larger
    number_width = max(len(heads[0]), len(total))
    figure_width = max(len(figures), len(debit_head), len(credit_head))
    names = {entry.account_no: chart.get(entry.account_no, "") for entry in shown}
    texts = ["\n".join([_comment(entry, voucher), *_details(entry, reader)]) for entry in shown]
    for_words = width - number_width - 2 * figure_width - FRAME
    name_width = _name_width(for_words, names.values(), texts)
    count = sentence("{title}, {count} entries", title=voucher.type.title, count=len(voucher.entries))

    table = Table(box=SIMPLE, show_footer=True, padding=(0, 1, 0, 0))
    table.add_column(heads[0], Text(total), no_wrap=True, min_width=number_width)
    if name_width:
        table.add_column(heads[1], Text(reader.say(count)), overflow="fold", max_width=name_width)
    comment_width = max(for_words - name_width, LEAST_WORDS)
    table.add_column(heads[2], Text(voucher.currency), overflow="fold", max_width=comment_width)
    for head in (debit_head, credit_head):
        table.add_column(head, Text(figures), justify="right", no_wrap=True, min_width=figure_width)

    def add(number: str, name: str, text: str, debit: Decimal, credit: Decimal) -> None:
        amounts = (reader.amount(it) if it else "" for it in (debit, credit))
        named = [Text(_broken(name, name_width))] if name_width else []
        table.add_row(number, *named, Text(text), *amounts)

    for place, (entry, text) in enumerate(zip(shown, texts, strict=True)):
        if between and place == len(first):
            more = sentence("{number} more entries (-v)", number=len(between))
            add("…", "", reader.say(more), *_sides(between))
        add(str(entry.account_no), names[entry.account_no], text, *_sides([entry]))
    return table


def _parts(entries: Sequence[Entry], show_all: bool) -> tuple[Sequence[Entry], Sequence[Entry], Sequence[Entry]]:
    """The first entries, those that are only counted, and the last ones."""
    if show_all or len(entries) <= FIRST_ENTRIES + LAST_ENTRIES:
        return entries, (), ()
    return entries[:FIRST_ENTRIES], entries[FIRST_ENTRIES:-LAST_ENTRIES], entries[-LAST_ENTRIES:]


def _sides(entries: Sequence[Entry]) -> tuple[Decimal, Decimal]:
    """The sums of their debits and of their credits."""
    amounts = [entry.amount for entry in entries]
    return sum((it for it in amounts if it > 0), ZERO), -sum((it for it in amounts if it < 0), ZERO)


def _name_width(for_words: int, names: Iterable[str], texts: Sequence[str]) -> int:
    """How many of the columns the account names get; 0 where there are too few. Klarna's long words stay whole as
    long as there is space for them, and beyond that names and comments share what there is."""
    longest_word = max((len(word) for text in texts for word in text.split()), default=0)
    longest_text = max((len(line) for text in texts for line in text.split("\n")), default=0)
    wanted = max(map(len, names), default=0)
    width = min(wanted, max(for_words - longest_text, for_words // 2), for_words - longest_word)
    return width if width >= min(LEAST_WORDS, wanted) else 0


def _broken(name: str, width: int) -> str:
    """The name in lines that end at words, or after a slash."""
    if len(name) <= width:
        return name
    parts = wrapped(name.replace("/", "/ "), width, break_long_words=True)
    return "\n".join(line.replace("/ ", "/") for line in parts)


def _comment(entry: Entry, voucher: Voucher) -> str:
    """Without what nearly every comment begins with, which stands in the line above the table."""
    prefix = f"Klarna {voucher.payment_reference} "
    return f"… {entry.comment.removeprefix(prefix)}" if entry.comment.startswith(prefix) else entry.comment


def _details(entry: Entry, reader: Reader) -> Iterator[str]:
    """What else the entry has, in the words of 24SevenOffice's columns."""
    party = sentence("supplier") if entry.account_no in SUPPLIER_LEDGER else sentence("customer")
    fields = (
        (sentence("invoice"), entry.invoice_no),
        (sentence("OCR"), entry.ocr),
        (party, entry.customer_id),
        (sentence("department"), entry.department_id),
        (sentence("project"), entry.project_id),
        (sentence("VAT code"), entry.tax_code),
    )
    if details := [f"{reader.say(name)} {clean(str(value))}" for name, value in fields if value is not None]:
        yield ", ".join(details)
