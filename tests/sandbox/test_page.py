"""The sandbox's web page: what it shows, what it refuses, and how it works in a real browser."""

import re
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urljoin

import pytest
import requests
from lxml import etree

from klarna24.sandbox.office.company import Customer, Image
from klarna24.sandbox.page.words import TABLE, Words
from klarna24.sandbox.server import Sandbox
from tests.support.browser import MISSING, Browser, open_browser
from tests.support.sandbox_calls import GOOD, TODAY, bundles, entry, login, save, soap
from tests.support.shops import Shop

NASTY = """<script>document.title="oops"</script> "Åsa" & 'Söner' <b>"""
IN_XML = NASTY.replace("&", "&amp;").replace("<", "&lt;")
DRAFTS, LEDGER = "//div[@class='drafts']", "//div[@class='ledger']"
ALERT = "//p[@role='alert']"
ECONOMY = "http://24sevenoffice.com/webservices/economy/accounting/"
TRANSACTION = "/Economy/Accounting/V001/TransactionService.asmx"


@pytest.fixture
def saved(box: Sandbox) -> Sandbox:
    """A sandbox with one draft, which has the id 1."""
    save(box, login(box))
    return box


def parsed(answer: requests.Response) -> Any:
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "Traceback" not in answer.text
    return etree.fromstring(answer.content, etree.HTMLParser(encoding="utf-8"))


def look(box: Sandbox, language: str = "", path: str = "") -> Any:
    """The page, for a browser that asks for this language."""
    answer = requests.get(f"{box.url}/{path}", headers={"Accept-Language": language}, timeout=30)
    assert answer.status_code == 200
    return parsed(answer)


def texts(inside: Any, xpath: str) -> list[str]:
    return ["".join(element.itertext()) for element in inside.xpath(xpath)]


def rows(article: Any, part: str = "tbody") -> list[list[str]]:
    """The rows, with those in a fold but without the row that holds it."""
    return [texts(row, "th | td") for row in article.xpath(f".//{part}/tr[not(.//details)]")]


def form(box: Sandbox) -> str:
    """What every form of the page sends."""
    (value,) = {element.get("value") for element in look(box).xpath("//input[@name='token']")}
    assert value
    return f"token={value}"


def refusal(answer: requests.Response) -> list[str]:
    """What the page says that the button's answer leads to."""
    assert (answer.status_code, answer.content) == (303, b"")
    url = urljoin(answer.url, answer.headers["Location"])
    return texts(parsed(requests.get(url, timeout=30)), ALERT)


def press(box: Sandbox, draft_id: int, body: str | None = None, **headers: str) -> requests.Response:
    """Send what the draft's button sends; without Origin, as a program does, unless one is given."""
    body = form(box) if body is None else body
    headers = {"Content-Type": "application/x-www-form-urlencoded", **headers}
    return requests.post(f"{box.url}/book/{draft_id}", body, headers=headers, timeout=30, allow_redirects=False)


# What it shows


def test_a_draft_is_shown_with_its_lines_and_sums(box: Sandbox) -> None:
    invoice = "<InvoiceReferenceNo>F-20</InvoiceReferenceNo><InvoiceOcr>7700</InvoiceOcr>"
    named = "<DepartmentId>10</DepartmentId><ProjectId>7</ProjectId>"
    sale = entry(1510, "-1234567.5", more=named + invoice, before="<CustomerId>1001</CustomerId>")
    save(box, login(box), bundles(entry(1930, "1234548"), entry(6064, "19.50"), sale))
    document = look(box)
    (article,) = document.xpath("//article")
    assert texts(article, "h4") == ["Klarna A1"]
    (known,) = texts(article, "p")
    assert known.startswith("Draft 1 · Diverse · year 2026 · dated 19\u00a0Nov\u00a02026 · saved ")
    assert rows(article, "thead") == [["Account", "Comment", "Debit", "Credit"]]
    details = "invoice F-20 · OCR 7700 · customer 1001 Klarna Bank AB · department 10 Butik · project 7"
    assert rows(article) == [
        ["1930 Företagskonto/checkkonto/affärskonto", "Klarna A1", "1,234,548.00", ""],
        ["6064 Factoringavgifter", "Klarna A1", "19.50", ""],
        ["1510 Kundfordringar", f"Klarna A1{details}", "", "1,234,567.50"],
    ]
    assert rows(article, "tfoot") == [["3 lines", "1,234,567.50", "1,234,567.50"], ["Difference", "0.00"]]
    assert texts(article, ".//button") == ["Number and book"]
    assert document.xpath("/html")[0].get("lang") == "en"
    assert texts(document, "//title") == ["1 draft – Exempelbutiken AB – klarna24's sandbox"]


def test_text_from_outside_is_never_markup(box: Sandbox) -> None:
    company = box.office.home
    session, plain = login(box), look(box)
    fields = f"<InvoiceReferenceNo>{IN_XML}</InvoiceReferenceNo><InvoiceOcr>{IN_XML}</InvoiceOcr>"
    more = f"<DepartmentId>10</DepartmentId>{fields}"
    named = entry(1930, "1", before="<CustomerId>1001</CustomerId>", more=more)
    body = bundles(named, entry(1580, "-1")).replace(">Klarna A1<", f">{IN_XML}<")
    for _ in range(2):
        save(box, session, body)
    company.name = company.chart[1930] = company.departments[10] = NASTY
    company.customers[1001] = Customer(NASTY)
    company.types = [kind._replace(title=NASTY) for kind in company.types]
    press(box, 1)
    document = look(box)
    text = "".join(map(str, document.itertext()))
    # 8 per voucher: the type, the comment twice, invoice, OCR, customer, department and account;
    # 2 per voucher: the draft's name, in its heading and in the list of links;
    # 2 once: the title of the page and the company
    assert text.count(NASTY) == 2 * (8 + 2) + 2
    assert document.xpath("//button")[0].get("aria-label") == f"Number and book {NASTY}"
    harmless = {element.tag for element in plain.iter()} | {"article", "h4", "table", "thead", "tbody", "tfoot"}
    harmless |= {"tr", "th", "td", "b", "small", "wbr", "form", "input", "button", "ul", "a", "colgroup", "col"}
    assert {element.tag for element in document.iter()} <= harmless
    assert {*texts(document, "//b")} <= {"1930", "1580"}


def test_a_draft_that_does_not_balance_is_marked(saved: Sandbox) -> None:
    assert not look(saved).xpath("//tr[@class='off']")
    saved.office.edit_draft(1, 0, Amount=Decimal("68.505"), AccountNo=9999)
    document = look(saved)
    assert texts(document, "//tr[@class='off']/*") == ["Difference: debit and credit are not equal", "-11.995"]
    assert rows(document)[0] == ["9999 is not in the chart", "Klarna A1", "68.505", ""]
    assert rows(document, "tfoot")[0] == ["3 lines", "88.005", "100.00"]


def test_the_ledger_shows_each_voucher_with_its_number_and_the_last_booked_first(box: Sandbox) -> None:
    session = login(box)
    for _ in range(3):
        save(box, session)
    for draft_id in (2, 3):
        assert press(box, draft_id).status_code == 303
    document = look(box)
    assert texts(document, "//h3") == ["Drafts 1 to check and book", "Ledger 2 vouchers, the last booked first"]
    assert texts(document, f"{DRAFTS}//h4") == ["Klarna A1"]
    assert texts(document, f"{LEDGER}//h4") == ["Voucher 2 Klarna A1", "Voucher 1 Klarna A1"]
    for article in document.xpath(f"{LEDGER}/article"):
        assert rows(article)[2] == ["1580 Fordringar för kontokort och kuponger", "Klarna A1", "", "100.00"]
        assert rows(article, "tfoot") == [["3 lines", "100.00", "100.00"], ["Difference", "0.00"]]
        assert texts(article, "p")[0].startswith("Diverse · year 2026 · dated 19\u00a0Nov\u00a02026 · booked ")
        assert not article.xpath(".//button")


def test_the_other_company_comes_second_and_the_page_says_where_there_is_nothing(box: Sandbox) -> None:
    empty = look(box)
    to_do, nothing = texts(empty, "//p[@class='empty']")
    assert to_do.startswith("There are no drafts.")
    assert to_do.endswith(" klarna24 sync --profile shop1 --now")
    assert nothing == "Nothing has been booked."
    assert "no drafts, and nothing in the ledger" in texts(empty, "//section[2]/p")[0]
    save(box, login(box, identity=""))
    document = look(box)
    for page in (empty, document):
        assert texts(page, "//h2") == ["Exempelbutiken AB 3000024", "Andra Bolaget AB 3000011"]
    assert [len(section.xpath(".//article")) for section in document.xpath("//section")] == [0, 1]
    press(box, 1)
    assert texts(look(box), "//section[2]//h4") == ["Voucher 1 Klarna A1"]


@pytest.mark.parametrize("booked", [False, True])
def test_a_long_voucher_is_folded_between_its_first_and_last_lines(box: Sandbox, booked: bool) -> None:
    lines = [entry(1580, f"-0.{number:02}") for number in range(1, 100)]
    save(box, login(box), bundles(entry(1930, "49.50"), *lines))
    if booked:
        press(box, 1)
    (article,) = look(box).xpath("//article")
    assert texts(article, ".//summary") == ["80 more lines (11–90)"]
    assert not article.xpath(".//details/@open")
    amounts = [row[3] for row in rows(article)]
    assert amounts == ["", *(f"0.{number:02}" for number in range(1, 100))], "each line once, in its order"
    folded = [row[3] for row in rows(article.xpath(".//details")[0])]
    assert folded == amounts[10:90]
    assert rows(article, "tfoot") == [["100 lines", "49.50", "49.50"], ["Difference", "0.00"]]


def test_a_voucher_that_fits_a_screen_is_not_folded(box: Sandbox) -> None:
    save(box, login(box), bundles(entry(1930, "6"), *[entry(1580, "-0.25") for _ in range(24)]))
    (article,) = look(box).xpath("//article")
    assert len(rows(article)) == 25
    assert not article.xpath(".//details")


def test_the_list_at_the_top_leads_to_each_draft_and_each_booked_voucher(box: Sandbox) -> None:
    for identity in ({}, {}, {}, {"identity": ""}):
        save(box, login(box, **identity))
    for draft_id in (1, 3):
        press(box, draft_id)
    document = look(box)
    links = document.xpath("//nav//a")
    assert texts(document, "//nav//a") == ["Klarna A1", "Klarna A1", "2 · Klarna A1", "1 · Klarna A1"]
    places = [link.get("href").removeprefix("#") for link in links]
    assert sorted(places) == sorted(document.xpath("//article/@id"))
    assert {*document.xpath("//article/a/@href")} == {f"#{document.xpath('//nav/@id')[0]}"}


def test_the_name_of_a_draft_stays_on_the_page_and_is_not_in_the_api(saved: Sandbox) -> None:
    session = login(saved)
    press(saved, 1)
    assert texts(look(saved), f"{LEDGER}//h4") == ["Voucher 1 Klarna A1"]
    for line in saved.office.home.ledger:
        line["Comment"] = "of the line"
    search = "<DateStart>2026-01-01T00:00:00</DateStart><DateEnd>2026-12-31T00:00:00</DateEnd>"
    search += '<SystemType xsi:nil="true"/><HasInvoiceId xsi:nil="true"/>'
    searched = f"<searchParams>{search}</searchParams>"
    answer = soap(saved, TRANSACTION, "GetTransactions", searched, session, ECONOMY)
    assert answer.text.count("of the line") == 3
    assert "Klarna A1" not in answer.text


# Its language

TITLES = {
    "en": "Drafts and ledger in 24SevenOffice",
    "sv": "Utkast och huvudbok i 24SevenOffice",
    "nb": "Utkast og hovedbok i 24SevenOffice",
}
LANGUAGES = {
    "": "en",
    "en-GB,en;q=0.9,sv;q=0.8": "en",
    "sv-SE,sv;q=0.9,en;q=0.8": "sv",
    "SV,nb": "sv",
    "de-DE,de;q=0.9,sv;q=0.5,en;q=0.3": "sv",
    "en;q=0.2, sv;q=0.7": "sv",
    "sv;q=0,nb-NO": "nb",
    "nn, no;q=0.9, en;q=0.1": "nb",
    "da,*": "en",
    "sv;q=x,;;,q=1": "en",
}


@pytest.mark.parametrize(("accepted", "language"), LANGUAGES.items())
def test_the_page_is_in_the_language_that_the_browser_likes_best(
    box: Sandbox, accepted: str, language: str
) -> None:
    document = look(box, accepted)
    assert document.xpath("/html")[0].get("lang") == language
    assert texts(document, "//h1") == [TITLES[language]]


@pytest.mark.parametrize(
    ("language", "number", "day", "button"),
    [
        ("en", "-1,234,567.50", "19 Nov 2026", "Number and book"),
        ("sv", "−1 234 567,50", "2026-11-19", "Numrera och bokför"),
        ("nb", "−1 234 567,50", "19.11.2026", "Nummerer og bokfør"),
    ],
)
def test_numbers_and_dates_have_the_form_of_the_language(
    saved: Sandbox, language: str, number: str, day: str, button: str
) -> None:
    for line, amount in enumerate(("0", "0", "-1234567.5")):
        saved.office.edit_draft(1, line, Amount=Decimal(amount))
    (article,) = look(saved, language).xpath("//article")
    assert rows(article, "tfoot")[1][1] == number.replace(" ", "\u00a0")
    assert f" {day} · " in texts(article, "p")[0].replace("\u00a0", " ")
    assert texts(article, ".//button") == [button]


def test_each_sentence_of_the_page_has_its_translations_and_is_said(
    box: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: set[str] = set()
    say = Words.say

    def listen(self: Words, text: str, **values: str) -> str:
        said.add(text)
        return say(self, text, **values)

    monkeypatch.setattr(Words, "say", listen)
    home = box.office.home
    for language in ("sv", "nb"):
        look(box, language)
        for _ in range(4):
            save(box, login(box), bundles(*GOOD, *GOOD, *[entry(1580, "0")] * 20))
        one, two, three, last = home.drafts
        other: dict[str, Any] = {
            "InvoiceReferenceNo": "F-20",
            "InvoiceOcr": "7700",
            "CurrencyId": "EUR",
            "ProjectId": 7,
        }
        box.office.edit_draft(one.id, 0, AccountNo=9, CustomerId=1001, DepartmentId=10, Amount=Decimal(1), **other)
        box.office.edit_draft(one.id, 1, Date=datetime(2026, 11, 20))  # noqa: DTZ001 - as in the contract
        one.sort, one.transaction_no, two.entries, three.entries = 77, 5, [], three.entries[:1]
        home.images = {number: Image(number, stamp_no=min(number, 2), page=1) for number in (1, 2, 3)}
        one.entries[0]["StampNo"], three.entries[0]["StampNo"] = 1, 2
        look(box, language)
        for draft in (last, three, two):
            assert press(box, draft.id).status_code == 303
            look(box, language)
        for reason in ("gone", "type", "foreign"):
            assert look(box, language, f"?{reason}=1").xpath(ALERT)
        for method, path in (("POST", ""), ("GET", "book/1")):
            answer = requests.request(
                method, f"{box.url}/{path}", headers={"Accept-Language": language}, timeout=30
            )
            assert texts(parsed(answer), ALERT)
        home.drafts.clear()
        home.ledger.clear()
    assert said == set(TABLE)
    for english, others in TABLE.items():
        for text in others:
            assert sorted(re.findall(r"{\w+}", text)) == sorted(re.findall(r"{\w+}", english))


# What it refuses


def test_a_draft_is_booked_once_and_the_page_says_why_a_click_is_refused(saved: Sandbox) -> None:
    body = form(saved)
    answer = press(saved, 1, body, Origin=saved.url)
    assert (answer.status_code, answer.content) == (303, b"")
    place = answer.headers["Location"].removeprefix("/#")
    assert texts(look(saved), f"//article[@id='{place}']/h4") == ["Voucher 1 Klarna A1"]
    again = press(saved, 1, body, Origin=saved.url)
    assert refusal(again) == ["Draft 1 no longer exists: it was booked or deleted."]
    assert len(saved.office.home.ledger) == 3
    save(saved, login(saved))
    saved.office.home.drafts[0].sort = 77
    assert refusal(press(saved, 2)) == ["Draft 2 cannot be booked: there is no such voucher type."]
    assert len(saved.office.home.drafts) == 1


def test_an_address_makes_the_page_say_only_its_own_sentences(saved: Sandbox) -> None:
    for query in ("gone=x", "gone=", "other=1", "gone=1&gone=2", f"gone={9**99}", "gone=%3Cb%3E"):
        assert not look(saved, path=f"?{query}").xpath(ALERT)


FORMS: list[tuple[str | None, dict[str, str]]] = [(body, {}) for body in ("", "token=", "token=guessed")]
FORMS += [(None, {"Origin": origin}) for origin in ("https://evil.example", "http://127.0.0.1:1", "null")]


@pytest.mark.parametrize(("body", "headers"), FORMS)
def test_a_form_of_another_page_books_nothing(saved: Sandbox, body: str | None, headers: dict[str, str]) -> None:
    answer = press(saved, 1, body, **headers)
    assert "Nothing was booked" in refusal(answer)[0]
    assert (len(saved.office.home.drafts), len(saved.office.home.ledger)) == (1, 0)


def test_the_page_is_served_only_under_this_machines_own_names_with_its_own_token(saved: Sandbox) -> None:
    with Sandbox(today=TODAY, payouts=[]) as other:
        save(other, login(other))
        assert "Nothing was booked" in refusal(press(saved, 1, form(other)))[0]
    port = saved.url.rpartition(":")[2]
    for host in ("evil.example", f"evil.example:{port}", f"127.0.0.1.evil.example:{port}", "127.0.0.1:1"):
        seen = requests.get(saved.url, headers={"Host": host}, timeout=30)
        assert (seen.status_code, seen.content) == (404, b"")
        assert press(saved, 1, Host=host, Origin=f"http://{host}").status_code == 404
    assert saved.office.home.drafts
    typed = f"localhost:{port}"
    assert requests.get(saved.url, headers={"Host": typed}, timeout=30).status_code == 200
    assert press(saved, 1, Host=typed, Origin=f"http://{typed}").status_code == 303


def test_the_browser_is_told_to_allow_nothing_from_elsewhere(saved: Sandbox) -> None:
    body = form(saved)
    for answer in (requests.get(saved.url, timeout=30), *(press(saved, 1, sent) for sent in (body, body, ""))):
        policy = dict(part.split(" ", 1) for part in answer.headers["Content-Security-Policy"].split("; "))
        assert policy.pop("style-src").startswith("'sha256-")
        names = ("default-src", "form-action", "frame-ancestors", "base-uri")
        assert policy == dict(zip(names, ("'none'", "'self'", "'none'", "'none'"), strict=True))
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"


def test_head_is_answered_without_a_body_and_other_methods_are_refused(saved: Sandbox) -> None:
    whole, head = requests.get(saved.url, timeout=30), requests.head(saved.url, timeout=30)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["Content-Length"] == str(len(whole.content))
    for method, path, allow in (("POST", "", "GET, HEAD"), ("DELETE", "", "GET, HEAD"), ("GET", "book/1", "POST")):
        answer = requests.request(method, f"{saved.url}/{path}", timeout=30)
        assert (answer.status_code, answer.headers["Allow"]) == (405, allow)
        assert texts(parsed(answer), ALERT)
    assert saved.office.home.drafts


@pytest.mark.parametrize("path", ["x", "index.html", "book", "book/", "book/x", "book/1/2", f"book/{9**99}"])
def test_other_paths_are_not_found(box: Sandbox, path: str) -> None:
    for method in ("GET", "POST"):
        assert requests.request(method, f"{box.url}/{path}", timeout=30).status_code == 404


def test_the_page_counts_as_no_operation_and_meets_no_fault(saved: Sandbox) -> None:
    before = saved.calls()
    saved.faults.arm("cut")
    saved.faults.arm("klarna-503")
    assert press(saved, 1).status_code == 303
    look(saved)
    assert saved.calls() == before
    assert [fault.name for fault in saved.faults.armed] == ["cut", "klarna-503"]
    assert {request.operation for request in saved.requests[2:]} == {None}


# In a real browser


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    if MISSING:
        pytest.skip(MISSING)
    with open_browser(tmp_path_factory.mktemp("browser")) as browser:
        yield browser


@pytest.fixture
def browser(started: Browser) -> Iterator[Browser]:
    """The browser on an empty page. The test fails if the browser has reported an error at its end."""
    started.open("about:blank")
    started.resize(1400, 1000)
    started.errors()
    yield started
    assert not started.errors()


def test_a_draft_booked_by_its_button_is_found_by_a_sync_that_was_in_doubt(shop: Shop, browser: Browser) -> None:
    shop.box.faults.arm("cut-after-save")
    first = shop.sync("--json")
    assert first.code == 8
    payouts = first.json["profiles"][0]["payouts"]
    (lost,) = [payout for payout in payouts if payout["status"] == "in-doubt"]
    name, drafts = lost["voucher"]["name"], shop.drafts()
    browser.open(shop.box.url)
    assert browser.texts(f"{DRAFTS}//h4") == drafts
    assert name in drafts
    browser.follow(f"//article[h4='{name}']//button[.='Number and book']")
    assert browser.texts(f"{DRAFTS}//h4") == [draft for draft in drafts if draft != name]
    (booked,) = browser.texts(f"{LEDGER}//article")
    assert f"Voucher 1 {name}\n" in booked
    assert f"Klarna {lost['payment_reference']}" in booked
    second = shop.sync("--now", "--json")
    statuses = {it["payment_reference"]: it["status"] for it in second.json["profiles"][0]["payouts"]}
    assert statuses[lost["payment_reference"]] == "booked"
    assert set(statuses.values()) == {"booked", "blocked"}, "nothing is in doubt any more"
    assert second.code == 7
    assert "found in the ledger as 1" in " ".join(shop.run("log").out.split())
    assert sorted([*shop.drafts(), name]) == sorted(drafts), "no draft was made twice"
    assert shop.box.calls()["SaveBundleList"] == len(drafts)


def test_the_browser_runs_no_script_from_a_text_and_applies_the_style(box: Sandbox, browser: Browser) -> None:
    save(box, login(box), bundles(*GOOD).replace(">Klarna A1<", f">{IN_XML}<"))
    browser.open(box.url)
    assert browser.texts("//h4") == [NASTY]
    assert browser.value("document.title").startswith("1 draft")
    style = "getComputedStyle(document.querySelector('td.number'))"
    assert browser.value(f"[{style}.textAlign, {style}.whiteSpace]") == ["right", "nowrap"]


def test_two_tabs_book_a_draft_once(saved: Sandbox, browser: Browser) -> None:
    save(saved, login(saved))
    browser.open(saved.url)
    press(saved, 1)
    browser.follow("//article[@id='draft-1']//button")
    assert "Draft 1 no longer exists" in browser.texts(ALERT)[0]
    browser.follow("//article[@id='draft-2']//button")
    assert browser.texts(f"{LEDGER}//h4") == ["Voucher 2 Klarna A1", "Voucher 1 Klarna A1"]
    assert not browser.texts(ALERT)


def test_to_reload_the_page_sends_no_form_again(saved: Sandbox, browser: Browser) -> None:
    def forms() -> int:
        return sum(request.path.startswith("/book/") for request in saved.requests)

    save(saved, login(saved))
    browser.open(saved.url)
    browser.follow("//article[@id='draft-1']//button")
    browser.reload()
    assert forms() == 1
    assert browser.texts(f"{LEDGER}//h4") == ["Voucher 1 Klarna A1"]
    press(saved, 2)
    browser.follow("//article[@id='draft-2']//button")
    browser.reload()
    assert forms() == 3, "one by its button, one by a program, and one that was refused"
    assert "Draft 2 no longer exists" in browser.texts(ALERT)[0]


def test_an_opened_fold_shows_its_lines_in_the_columns_of_the_others(box: Sandbox, browser: Browser) -> None:
    def edges() -> list[float]:
        """Of the comments that can be seen."""
        shown = "[...document.querySelectorAll('tbody td:nth-child(2)')].filter(it => it.checkVisibility())"
        found: list[float] = browser.value(f"{shown}.map(it => it.getBoundingClientRect().left)")
        return found

    save(box, login(box), bundles(entry(1930, "25"), *[entry(1580, "-0.25") for _ in range(100)]))
    browser.open(box.url)
    assert len(edges()) == 20
    browser.value("document.querySelector('summary').click()")
    assert len(edges()) == 101
    assert len({*edges()}) == 1


def test_a_page_from_elsewhere_books_nothing_even_with_the_token(saved: Sandbox, browser: Browser) -> None:
    field = f"<input name=token value={form(saved).removeprefix('token=')}>"
    action = f"<form method=post action={saved.url}/book/1>{field}<button>Win</button></form>"
    browser.open(f"data:text/html,{action}")
    browser.follow("//button")
    assert "Nothing was booked" in browser.texts(ALERT)[0]
    assert saved.office.home.drafts


def test_the_columns_are_side_by_side_only_in_a_wide_window_and_nothing_is_cut_off(
    shop: Shop, browser: Browser
) -> None:
    shop.sync()
    home = shop.box.office.home
    home.drafts[-1].entries *= 30
    for draft in home.drafts[:2]:
        press(shop.box, draft.id)
    browser.open(shop.box.url)

    def each(css: str, expression: str) -> Any:
        return browser.value(f"[...document.querySelectorAll('{css}')].map(it => {expression})")

    for width, beside in ((1400, True), (800, False), (420, False), (360, False), (320, False)):
        browser.resize(width, 900)
        browser.value("document.querySelector('details').open = true")
        drafts, ledger = each(".columns > div", "it.getBoundingClientRect().top")
        assert (drafts == ledger) is beside, width
        assert browser.value("document.documentElement.scrollWidth") <= width
        assert not any(each("td, th", "it.scrollWidth > it.clientWidth + 1")), width
        account, comment = each("tbody td", "it.getBoundingClientRect().top")[:2]
        assert (comment > account) is (width < 560), "the comment is below its account in a narrow window"
