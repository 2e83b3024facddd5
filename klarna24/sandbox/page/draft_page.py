"""24SevenOffice's journal as a page: the drafts, a button that books one, the ledger beside them.

World in, HTML out, and nothing else. No script, nothing from elsewhere, every text escaped (markup.py).
"""

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from klarna24.sandbox.office.company import Company, Draft
from klarna24.sandbox.office.world import OfficeWorld
from klarna24.sandbox.page.markup import Html, tag
from klarna24.sandbox.page.style import STYLE

MOST_LINES = 200  # of one voucher; a payout in itemised mode may have thousands
_ENTRY = ("InvoiceReferenceNo", "InvoiceOcr", "CurrencyId")  # the contract's names in a draft's entry
_TRANSACTION = ("InvoiceNo", "OCR", "Currency")  # and for the same in the ledger
Lines = Sequence[dict[str, Any]]


def page(office: OfficeWorld, token: str, said: str = "") -> str:
    """The whole document. `token` goes into each form; `said` is a word on what was just asked for, if any.

    The company that klarna24 books in comes first, the other one only if there is anything in it.
    """
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
        tag("p", said, class_="said", role="alert") if said else "",
        _company(office.home, token),
        *(_company(other, token) if other.drafts or other.ledger else _nothing_in(other) for other in others),
    )
    return "<!DOCTYPE html>\n" + tag("html", head, tag("body", _header(), main), lang="en")


def anchor(company: Company, year: int, sort: int, number: int) -> str:
    """Where on the page a booked voucher stands: what follows the # in the address."""
    return f"voucher-{company.client_id}-{year}-{sort}-{number}"


def _header() -> Html:
    return tag(
        "header",
        tag("h1", "24SevenOffice's journal"),
        tag(
            "p",
            "Played by klarna24's sandbox on this machine: nothing here is real. A draft waits for a person, who "
            "checks it, and numbers and books it. No program sees it before that. ",
            tag("a", "Look again", href="/"),
            class_="soft",
        ),
    )


def _nothing_in(company: Company) -> Html:
    return tag(
        "section",
        tag("h2", *_name(company)),
        tag("p", "The user's other company: no drafts, and nothing in the ledger.", class_="soft"),
    )


def _company(company: Company, token: str) -> Html:
    booked: dict[tuple[int, int, int], list[dict[str, Any]]] = {}
    for line in company.ledger:
        booked.setdefault((line["Year"], line["Sort"], line["TransactionNo"]), []).append(line)
    drafts = [_draft(company, draft, token) for draft in company.drafts]
    # the last first: what was booked just now is not to be looked for
    vouchers = [_booked(company, key, booked[key]) for key in reversed(booked)]
    nothing_waits = tag("p", "No draft waits for a person.", class_="empty")
    nothing_booked = tag("p", "Nothing has been booked.", class_="empty")
    return tag(
        "section",
        tag("h2", *_name(company)),
        tag(
            "div",
            tag("div", _title("Journal", len(drafts), "draft"), *drafts or [nothing_waits], class_="journal"),
            tag("div", _title("Ledger", len(vouchers), "voucher"), *vouchers or [nothing_booked], class_="ledger"),
            class_="columns",
        ),
    )


def _name(company: Company) -> tuple[str, Html]:
    return f"{company.name} ", tag("span", str(company.client_id), class_="soft")


def _title(what: str, count: int, unit: str) -> Html:
    return tag("h3", f"{what} ", tag("span", _count(count, unit), class_="soft"))


def _draft(company: Company, draft: Draft, token: str) -> Html:
    known = (
        f"Draft {draft.id}",
        _type(company, draft.sort),
        f"year {draft.year}",
        f"dated {_dates(draft.entries)}",
        f"saved {draft.saved_at:%Y-%m-%d %H:%M:%S}",
        f"asks for number {draft.transaction_no}" if draft.transaction_no else "",
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
        f"dated {_dates(lines)}",
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
    return " to ".join(dict.fromkeys((days[0], days[-1]))) if days else "never"


def _table(company: Company, lines: Lines, names: tuple[str, str, str]) -> Html:
    """The lines, at most MOST_LINES of them; sums and balance are of all."""
    heads = [tag("th", text, scope="col") for text in ("Account", "Comment")]
    heads += [tag("th", text, scope="col", class_="number") for text in ("Debit", "Credit")]
    rows = [_row(company, line, names) for line in lines[:MOST_LINES]]
    left = len(lines) - len(rows)
    if left:
        more = f"and {left:,} more lines, which the sums include"
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
    """Företagskonto/checkkonto/affärskonto is one word to a browser: it may be broken after a slash."""
    first, *others = re.split("(?<=/)", text)
    return [first, *(part for other in others for part in (tag("wbr"), other))]


def _details(company: Company, line: dict[str, Any], names: tuple[str, str, str]) -> str:
    """What a line says besides; nothing for what it leaves out."""
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
    """Two decimals; more only where they are not zero, so that nothing is hidden."""
    if amount is None:
        return tag("td")
    return tag("td", f"{amount:,.2f}" if amount == round(amount, 2) else f"{amount:,f}", class_="number")


def _count(number: int, unit: str) -> str:
    return f"{number:,} {unit}" + ("" if number == 1 else "s")
