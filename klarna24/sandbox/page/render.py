"""24SevenOffice as a web page: the drafts, each with a button that books it, beside the ledger.

The page has no scripts and loads nothing. markup.py escapes all text.
"""

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from klarna24.sandbox.office.company import Company, Draft
from klarna24.sandbox.office.state import OfficeState
from klarna24.sandbox.page.markup import Html, tag
from klarna24.sandbox.page.style import STYLE

MOST_LINES = 200  # of one voucher; an itemised payout may have thousands
_ENTRY = ("InvoiceReferenceNo", "InvoiceOcr", "CurrencyId")  # names of fields in a draft's entry
_TRANSACTION = ("InvoiceNo", "OCR", "Currency")  # names of the same fields in the ledger
Lines = Sequence[dict[str, Any]]


def render(office: OfficeState, token: str, message: str = "") -> str:
    """The document. `token` is put into each form; `message` tells why a request was refused, if one was."""
    others = [company for company in office.companies if company is not office.home]
    title = f"{_count(len(office.home.drafts), 'draft')} – {office.home.name} – klarna24's sandbox"
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("title", title),
        tag("style", STYLE),
    )
    main = tag(
        "main",
        tag("p", message, class_="message", role="alert") if message else "",
        _company(office.home, token),
        *(_company(other, token) if other.drafts or other.ledger else _empty(other) for other in others),
    )
    return "<!DOCTYPE html>\n" + tag("html", head, tag("body", _header(), main), lang="en")


def anchor(company: Company, year: int, sort: int, number: int) -> str:
    """The id of a booked voucher's element, which follows the # in its address."""
    return f"voucher-{company.client_id}-{year}-{sort}-{number}"


def _header() -> Html:
    return tag(
        "header",
        tag("h1", "Drafts and ledger in 24SevenOffice"),
        tag(
            "p",
            "Simulated by klarna24's sandbox on this machine; nothing here is real. A person checks a draft, "
            "gives it a number and books it. Only then is it in the ledger, where programs can read it. ",
            tag("a", "Reload", href="/"),
            class_="soft",
        ),
    )


def _empty(company: Company) -> Html:
    return tag(
        "section",
        tag("h2", *_name(company)),
        tag("p", "The user's other company has no drafts, and nothing in the ledger.", class_="soft"),
    )


def _company(company: Company, token: str) -> Html:
    booked: dict[tuple[int, int, int], list[dict[str, Any]]] = {}
    for line in company.ledger:
        booked.setdefault((line["Year"], line["Sort"], line["TransactionNo"]), []).append(line)
    drafts = [_draft(company, draft, token) for draft in company.drafts]
    # the last booked voucher comes first, so that it is seen
    vouchers = [_booked(company, key, booked[key]) for key in reversed(booked)]
    no_drafts = tag("p", "There are no drafts.", class_="empty")
    nothing_booked = tag("p", "Nothing has been booked.", class_="empty")
    return tag(
        "section",
        tag("h2", *_name(company)),
        tag(
            "div",
            tag(
                "div",
                _title("Drafts", f"{len(drafts):,} saved, not booked"),
                *drafts or [no_drafts],
                class_="drafts",
            ),
            tag(
                "div",
                _title("Ledger", f"{len(vouchers):,} booked"),
                *vouchers or [nothing_booked],
                class_="ledger",
            ),
            class_="columns",
        ),
    )


def _name(company: Company) -> tuple[str, Html]:
    return f"{company.name} ", tag("span", str(company.client_id), class_="soft")


def _title(what: str, count: str) -> Html:
    return tag("h3", f"{what} ", tag("span", count, class_="soft"))


def _draft(company: Company, draft: Draft, token: str) -> Html:
    known = (
        f"Draft {draft.id}",
        _type(company, draft.sort),
        f"year {draft.year}",
        _dates(draft.entries),
        f"saved {draft.saved_at:%Y-%m-%d %H:%M:%S}",
        f"number {draft.transaction_no} requested" if draft.transaction_no else "",
        f"{_count(pages, 'page')} attached" if (pages := company.pages_of(draft)) else "",
    )
    return tag(
        "article",
        tag("h4", draft.name),
        tag("p", " · ".join(filter(None, known)), class_="soft"),
        _table(company, draft.entries, _ENTRY),
        tag(
            "form",
            tag("input", type="hidden", name="token", value=token),
            tag("button", "Number and book", aria_label=f"Number and book {draft.name}"),
            method="post",
            action=f"/book/{draft.id}",
        ),
        id=f"draft-{draft.id}",
    )


def _booked(company: Company, key: tuple[int, int, int], lines: Lines) -> Html:
    year, sort, number = key
    known = (
        _type(company, sort),
        f"year {year}",
        _dates(lines),
        f"booked {lines[-1]['RegistrationDate']:%Y-%m-%d %H:%M:%S}",
    )
    return tag(
        "article",
        tag("h4", f"Voucher {number}"),
        tag("p", " · ".join(known), class_="soft"),
        _table(company, lines, _TRANSACTION),
        id=anchor(company, *key),
    )


def _type(company: Company, sort: int) -> str:
    kind = company.type_of(sort)
    return kind.title if kind else f"unknown voucher type {sort}"


def _dates(lines: Lines) -> str:
    days = sorted({str(line["Date"].date()) for line in lines})
    return "dated " + " to ".join(dict.fromkeys((days[0], days[-1]))) if days else "without a date"


def _table(company: Company, lines: Lines, names: tuple[str, str, str]) -> Html:
    """The first MOST_LINES lines; sums and balance are those of all lines."""
    heads = [tag("th", text, scope="col") for text in ("Account", "Comment")]
    heads += [tag("th", text, scope="col", class_="number") for text in ("Debit", "Credit")]
    rows = [_row(company, line, names) for line in lines[:MOST_LINES]]
    left = len(lines) - len(rows)
    if left:
        more = f"The sums include {left:,} more lines."
        rows.append(tag("tr", tag("td", more, colspan="4", class_="soft")))
    return tag("table", tag("thead", tag("tr", *heads)), tag("tbody", *rows), tag("tfoot", *_sums(lines)))


def _row(company: Company, line: dict[str, Any], names: tuple[str, str, str]) -> Html:
    account, amount = line["AccountNo"], line["Amount"]
    details = _details(company, line, names)
    return tag(
        "tr",
        tag("td", tag("b", str(account)), " ", *_breaking(company.chart.get(account, "is not in the chart"))),
        tag("td", line["Comment"], tag("small", details) if details else ""),
        _number(amount if amount >= 0 else None),
        _number(-amount if amount < 0 else None),
    )


def _breaking(text: str) -> list[str]:
    """Let the browser break a long name such as Företagskonto/checkkonto/affärskonto after a slash."""
    first, *others = re.split("(?<=/)", text)
    return [first, *(part for other in others for part in (tag("wbr"), other))]


def _details(company: Company, line: dict[str, Any], names: tuple[str, str, str]) -> str:
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
    return " · ".join(f"{word} {value} {name}".rstrip() for word, value, name in known if value)


def _sums(lines: Lines) -> list[Html]:
    amounts: list[Decimal] = [line["Amount"] for line in lines]
    debit = sum((amount for amount in amounts if amount > 0), Decimal(0))
    credit = -sum((amount for amount in amounts if amount < 0), Decimal(0))
    balance = debit - credit
    words = "Balance" if not balance else "Balance: debit and credit differ"
    return [
        tag("tr", _total(_count(len(lines), "line")), _number(debit), _number(credit)),
        tag("tr", _total(words, "3"), _number(balance), class_="off" if balance else "balanced"),
    ]


def _total(text: str, columns: str = "2") -> Html:
    return tag("th", text, scope="row", colspan=columns)


def _number(amount: Decimal | None) -> Html:
    """An amount with two decimals, or with all of them where more are not zero."""
    if amount is None:
        return tag("td")
    return tag("td", f"{amount:,.2f}" if amount == round(amount, 2) else f"{amount:,f}", class_="number")


def _count(number: int, unit: str) -> str:
    return f"{number:,} {unit}" + ("" if number == 1 else "s")
