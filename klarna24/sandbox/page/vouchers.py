"""One draft, or one booked voucher, with its lines. A long one is folded: its first and last lines are seen.

markup.py escapes all text.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from klarna24.sandbox.office.company import Company, Draft
from klarna24.sandbox.page.markup import Html, tag
from klarna24.sandbox.page.words import Words

UNFOLDED = 25  # the most lines that are shown without a fold; an itemised payout may have thousands
ENDS = 10  # lines before the fold, and after it
TOP = "top"  # the id of the list of links
_ENTRY = ("InvoiceReferenceNo", "InvoiceOcr", "CurrencyId")  # names of fields in a draft's entry
_TRANSACTION = ("InvoiceNo", "OCR", "Currency")  # names of the same fields in the ledger
_COLUMNS = tag("colgroup", *(tag("col", class_=name) for name in ("account", "comment", "amount", "amount")))
Lines = Sequence[dict[str, Any]]
Key = tuple[int, int, int]


def draft_anchor(draft: Draft) -> str:
    """The id of a draft's element, which follows the # in its address."""
    return f"draft-{draft.id}"


def anchor(company: Company, key: Key) -> str:
    """The same of a booked voucher; the key is its year, its type's number and its own number."""
    return "-".join(map(str, ("voucher", company.client_id, *key)))


def draft_article(words: Words, company: Company, draft: Draft, token: str) -> Html:
    """A draft with the button that books it."""
    pages = company.pages_of(draft)
    known = (
        words.say("Draft {number}", number=str(draft.id)),
        *_of_both(words, company, draft.year, draft.sort, draft.entries),
        words.say("saved {time}", time=words.time(draft.saved_at)),
        words.say("number {number} requested", number=str(draft.transaction_no)) if draft.transaction_no else "",
        words.count(pages, "{count} page attached", "{count} pages attached") if pages else "",
    )
    form = tag(
        "form",
        tag("input", type="hidden", name="token", value=token),
        tag(
            "button", words.say("Number and book"), aria_label=words.say("Number and book {name}", name=draft.name)
        ),
        method="post",
        action=f"/book/{draft.id}",
    )
    table = _table(words, company, draft.entries, _ENTRY)
    return _article(words, draft_anchor(draft), (draft.name,), known, table, form)


def booked_article(words: Words, company: Company, key: Key, lines: Lines) -> Html:
    """A booked voucher with its number and the name that its draft had."""
    year, sort, number = key
    known = (
        *_of_both(words, company, year, sort, lines),
        words.say("booked {time}", time=words.time(lines[-1]["RegistrationDate"])),
    )
    title = (words.say("Voucher {number}", number=str(number)), " ", tag("span", lines[0]["DraftName"]))
    return _article(words, anchor(company, key), title, known, _table(words, company, lines, _TRANSACTION))


def _article(words: Words, place: str, title: Sequence[str], known: Sequence[str], *content: Html) -> Html:
    return tag(
        "article",
        tag("a", words.say("To the list"), href=f"#{TOP}", class_="up"),
        tag("h4", *title),
        tag("p", " · ".join(filter(None, known)), class_="soft"),
        *content,
        id=place,
    )


def _of_both(words: Words, company: Company, year: int, sort: int, lines: Lines) -> tuple[str, str, str]:
    """What is known of a draft and of a booked voucher: type, year and dates."""
    kind = company.type_of(sort)
    title = kind.title if kind else words.say("unknown voucher type {number}", number=str(sort))
    return title, words.say("year {year}", year=str(year)), _dates(words, lines)


def _dates(words: Words, lines: Lines) -> str:
    days: list[datetime] = sorted({line["Date"] for line in lines})
    if not days:
        return words.say("without a date")
    first, last = words.day(days[0]), words.day(days[-1])
    return words.say("dated {first}" if first == last else "dated {first} to {last}", first=first, last=last)


def _table(words: Words, company: Company, lines: Lines, names: tuple[str, str, str]) -> Html:
    heads = [tag("th", words.say(text), scope="col") for text in ("Account", "Comment")]
    heads += [tag("th", words.say(text), scope="col", class_="number") for text in ("Debit", "Credit")]
    rows = [_row(words, company, line, names) for line in lines]
    if len(rows) > UNFOLDED:
        rows[ENDS:-ENDS] = [_fold(words, rows[ENDS:-ENDS])]
    head, foot = tag("thead", tag("tr", *heads)), tag("tfoot", *_sums(words, lines))
    return tag("table", _COLUMNS, head, tag("tbody", *rows), foot)


def _fold(words: Words, rows: list[Html]) -> Html:
    """One row that opens to show these. A browser that searches the page for a text opens it too."""
    first, last, count = map(words.whole, (ENDS + 1, ENDS + len(rows), len(rows)))
    summary = words.say("{count} more lines ({first}–{last})", first=first, last=last, count=count)
    inside = tag("table", _COLUMNS, tag("tbody", *rows))
    return tag("tr", tag("td", tag("details", tag("summary", summary), inside), colspan="4"))


def _row(words: Words, company: Company, line: dict[str, Any], names: tuple[str, str, str]) -> Html:
    account, amount = line["AccountNo"], line["Amount"]
    name = company.chart.get(account) or words.say("is not in the chart")
    details = _details(words, company, line, names)
    return tag(
        "tr",
        tag("td", tag("b", str(account)), " ", *_breaking(name)),
        tag("td", line["Comment"], tag("small", details) if details else ""),
        _number(words, amount if amount >= 0 else None),
        _number(words, -amount if amount < 0 else None),
    )


def _breaking(text: str) -> list[str]:
    """Let the browser break a long name such as Företagskonto/checkkonto/affärskonto after a slash."""
    first, *others = re.split("(?<=/)", text)
    return [first, *(part for other in others for part in (tag("wbr"), other))]


def _details(words: Words, company: Company, line: dict[str, Any], names: tuple[str, str, str]) -> str:
    """The other fields of a line that are set."""
    invoice, ocr, currency = (line[name] for name in names)
    customer = company.customers.get(line["CustomerId"])
    known = (
        ("invoice", invoice, ""),
        ("OCR", ocr, ""),
        ("customer", line["CustomerId"], customer.name if customer else ""),
        ("department", line["DepartmentId"], company.departments.get(line["DepartmentId"], "")),
        ("project", line["ProjectId"], ""),
        ("in", currency if currency != company.home_currency else "", ""),
    )
    return " · ".join(f"{words.say(word)} {value} {name}".rstrip() for word, value, name in known if value)


def _sums(words: Words, lines: Lines) -> list[Html]:
    """The sums and the difference, of all lines."""
    amounts: list[Decimal] = [line["Amount"] for line in lines]
    debit = sum((amount for amount in amounts if amount > 0), Decimal(0))
    credit = -sum((amount for amount in amounts if amount < 0), Decimal(0))
    difference = debit - credit
    text = words.say("Difference: debit and credit are not equal" if difference else "Difference")
    count = words.count(len(lines), "{count} line", "{count} lines")
    kind = "off" if difference else "balanced"
    return [
        tag("tr", _total(count), _number(words, debit), _number(words, credit)),
        tag("tr", _total(text, "3"), _number(words, difference), class_=kind),
    ]


def _total(text: str, columns: str = "2") -> Html:
    return tag("th", text, scope="row", colspan=columns)


def _number(words: Words, amount: Decimal | None) -> Html:
    return tag("td") if amount is None else tag("td", words.amount(amount), class_="number")
