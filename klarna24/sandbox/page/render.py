"""24SevenOffice as a web page: what to do, a list of links, and the drafts with their buttons beside the ledger.

The page has no scripts and loads nothing. markup.py escapes all text.
"""

from typing import Any

from klarna24.sandbox.office.company import Company
from klarna24.sandbox.office.state import OfficeState
from klarna24.sandbox.page.markup import Html, joined, tag
from klarna24.sandbox.page.style import STYLE
from klarna24.sandbox.page.vouchers import TOP, Key, Lines, anchor, booked_article, draft_anchor, draft_article
from klarna24.sandbox.page.words import Words

_SYNC = "klarna24 sync --profile shop1 --now"  # of the profile that the sandbox writes


def render(office: OfficeState, token: str, words: Words, message: str = "") -> str:
    """The document. `token` is put into each form; `message` tells why a request was refused, if one was."""
    companies = [office.home, *(company for company in office.companies if company is not office.home)]
    drafts = words.count(len(office.home.drafts), "{count} draft", "{count} drafts")
    title = words.say("{title} – {company} – klarna24's sandbox", title=drafts, company=office.home.name)
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
        _jumps(words, companies),
        *(
            _company(words, company, token)
            if company is office.home or company.drafts or company.ledger
            else _empty(words, company)
            for company in companies
        ),
    )
    return "<!DOCTYPE html>\n" + tag("html", head, tag("body", _header(words), main), lang=words.language)


def _header(words: Words) -> Html:
    steps = (
        words.say("Check a draft: its accounts, its amounts, and that the difference is zero."),
        words.say("Press “Number and book” below it. It gets the next voucher number and moves to the ledger."),
        joined(
            words.say("Then run this command in a terminal:"),
            " ",
            tag("code", _SYNC),
            ". ",
            words.say("It finds the voucher in the ledger, and the payout becomes “booked”."),
        ),
    )
    simulated = words.say("Simulated by klarna24's sandbox on this machine; nothing here is real.")
    return tag(
        "header",
        tag("h1", words.say("Drafts and ledger in 24SevenOffice")),
        tag("p", simulated, class_="soft"),
        tag("ol", *(tag("li", step) for step in steps)),
    )


def _jumps(words: Words, companies: list[Company]) -> Html:
    """A link to each draft and each booked voucher, of all companies."""
    drafts = [(draft_anchor(draft), draft.name) for company in companies for draft in company.drafts]
    vouchers = [
        (anchor(company, key), f"{key[-1]} · {lines[0]['DraftName']}")
        for company in companies
        for key, lines in _booked(company).items()
    ]
    lists = [
        tag("div", tag("p", words.say(title)), tag("ul", *(_link(*target) for target in targets)))
        for title, targets in (("Drafts", drafts), ("Ledger", vouchers))
        if targets
    ]
    return tag("nav", *lists, id=TOP, aria_label=words.say("Jump to"))


def _link(place: str, text: str) -> Html:
    return tag("li", tag("a", text, href=f"#{place}"))


def _booked(company: Company) -> dict[Key, Lines]:
    """The lines of each booked voucher; the last booked comes first, so that it is seen."""
    booked: dict[Key, list[dict[str, Any]]] = {}
    for line in company.ledger:
        booked.setdefault((line["Year"], line["Sort"], line["TransactionNo"]), []).append(line)
    return dict(reversed(booked.items()))


def _empty(words: Words, company: Company) -> Html:
    nothing = words.say("The user's other company has no drafts, and nothing in the ledger.")
    return tag("section", tag("h2", *_name(company)), tag("p", nothing, class_="soft"))


def _company(words: Words, company: Company, token: str) -> Html:
    drafts = [draft_article(words, company, draft, token) for draft in company.drafts]
    vouchers = [booked_article(words, company, key, lines) for key, lines in _booked(company).items()]
    missing = words.say(
        "There are no drafts. This command saves one for each new payout; reload the page after it:"
    )
    no_drafts = tag("p", missing, " ", tag("code", _SYNC), class_="empty")
    nothing_booked = tag("p", words.say("Nothing has been booked."), class_="empty")
    to_do = words.say("{count} to check and book", count=words.whole(len(drafts)))
    booked = "{count} voucher, the last booked first", "{count} vouchers, the last booked first"
    done = words.count(len(vouchers), *booked) if vouchers else ""
    return tag(
        "section",
        tag("h2", *_name(company)),
        tag(
            "div",
            tag(
                "div",
                _title(words.say("Drafts"), to_do if drafts else ""),
                *drafts or [no_drafts],
                class_="drafts",
            ),
            tag("div", _title(words.say("Ledger"), done), *vouchers or [nothing_booked], class_="ledger"),
            class_="columns",
        ),
    )


def _name(company: Company) -> tuple[str, Html]:
    return f"{company.name} ", tag("span", str(company.client_id), class_="soft")


def _title(what: str, count: str) -> Html:
    return tag("h3", f"{what} ", tag("span", count, class_="soft"))
