"""The sandbox's journal as a page: what it shows, what it refuses, and a real browser on it."""

from collections.abc import Iterator
from datetime import datetime, time
from decimal import Decimal
from typing import Any

import pytest
import requests
from lxml import etree

from klarna24.sandbox.office.company import Customer, Draft
from klarna24.sandbox.server import Sandbox
from tests.support.browser import MISSING, Browser, open_browser
from tests.support.sandbox_calls import GOOD, TODAY, bundles, entry, login, save
from tests.support.shops import Shop

NASTY = """<script>document.title="oops"</script> "Åsa" & 'Söner' <b>"""
IN_XML = NASTY.replace("&", "&amp;").replace("<", "&lt;")
Element = etree._Element


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox(today=TODAY, payouts=[]) as running:
        yield running
        assert running.errors == []


def look(box: Sandbox) -> Element:
    answer = requests.get(box.url, timeout=5)
    assert answer.status_code == 200
    return parsed(answer)


def parsed(answer: requests.Response) -> Element:
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "Traceback" not in answer.text
    return etree.fromstring(answer.content, etree.HTMLParser(encoding="utf-8"))


def find(inside: Element, xpath: str) -> list[Element]:
    found = inside.xpath(xpath)
    assert isinstance(found, list)
    return [element for element in found if isinstance(element, etree._Element)]


def texts(inside: Element, xpath: str) -> list[str]:
    return ["".join(map(str, element.itertext())) for element in find(inside, xpath)]


def rows(article: Element, part: str = "tbody") -> list[list[str]]:
    return [texts(row, "th | td") for row in find(article, f".//{part}/tr")]


def token(document: Element) -> str:
    (value,) = {element.get("value") for element in find(document, "//input[@name='token']")}
    assert value
    return value


def press(box: Sandbox, draft_id: int, body: str | None = None, **headers: str) -> requests.Response:
    """What the button sends; as a program sends it, without Origin, where none is given."""
    sent = f"token={token(look(box))}" if body is None else body
    headers = {"Content-Type": "application/x-www-form-urlencoded", **headers}
    return requests.post(f"{box.url}/book/{draft_id}", sent, headers=headers, timeout=5, allow_redirects=False)


# What it shows


def test_a_draft_stands_there_as_the_ledger_shows_it(box: Sandbox) -> None:
    invoice = "<InvoiceReferenceNo>F-20</InvoiceReferenceNo><InvoiceOcr>7700</InvoiceOcr>"
    named = "<DepartmentId>10</DepartmentId><ProjectId>7</ProjectId>"
    sale = entry(1510, "-1234567.5", more=named + invoice, before="<CustomerId>1001</CustomerId>")
    save(box, login(box), bundles(entry(1930, "1234548"), entry(6064, "19.50"), sale))
    document = look(box)
    (article,) = find(document, "//article")
    assert texts(article, "h4") == ["Klarna A1"]
    (known,) = texts(article, "p")
    assert known.startswith("Draft 1 · Diverse · year 2026 · dated 2026-11-19 · saved 20")
    assert rows(article, "thead") == [["Account", "Comment", "Debit", "Credit"]]
    details = "invoice F-20 · OCR 7700 · customer 1001 Klarna Bank AB · department 10 Butik · project 7"
    assert rows(article) == [
        ["1930 Företagskonto/checkkonto/affärskonto", "Klarna A1", "1,234,548.00", ""],
        ["6064 Factoringavgifter", "Klarna A1", "19.50", ""],
        ["1510 Kundfordringar", f"Klarna A1{details}", "", "1,234,567.50"],
    ]
    assert rows(article, "tfoot") == [["3 lines", "1,234,567.50", "1,234,567.50"], ["Balance", "0.00"]]
    assert texts(article, ".//button") == ["Number and book"]
    assert find(document, "/html")[0].get("lang") == "en"
    assert texts(document, "//title") == ["1 draft – Exempelbutiken AB – klarna24's sandbox"]


def test_text_from_outside_is_never_markup(box: Sandbox) -> None:
    company = box.office.home
    session, plain = login(box), look(box)
    fields = f"<InvoiceReferenceNo>{IN_XML}</InvoiceReferenceNo><InvoiceOcr>{IN_XML}</InvoiceOcr>"
    named = entry(
        1930, "1", before="<CustomerId>1001</CustomerId>", more=f"<DepartmentId>10</DepartmentId>{fields}"
    )
    body = bundles(named, entry(1580, "-1")).replace(">Klarna A1<", f">{IN_XML}<")
    save(box, session, body)
    save(box, session, body)
    company.name = company.chart[1930] = company.departments[10] = NASTY
    company.customers[1001] = Customer(NASTY)
    company.types = [kind._replace(title=NASTY) for kind in company.types]
    press(box, 1)
    document = look(box)
    text = "".join(map(str, document.itertext()))
    # per voucher: the type, twice the comment; invoice, OCR, customer, department and account. Once: the title,
    # the company, the draft's name
    assert text.count(NASTY) == 2 * 8 + 3
    assert find(document, "//button")[0].get("aria-label") == f"Number and book {NASTY}"
    harmless = {element.tag for element in plain.iter()} | {"article", "h4", "table", "thead", "tbody", "tfoot"}
    harmless |= {"tr", "th", "td", "b", "small", "wbr", "form", "input", "button"}
    assert {element.tag for element in document.iter()} <= harmless
    assert {*texts(document, "//b")} <= {"1930", "1580"}


def test_what_does_not_balance_is_marked(box: Sandbox) -> None:
    save(box, login(box))
    assert not find(look(box), "//tr[@class='off']")
    box.office.edit_draft(1, 0, Amount=Decimal("68.505"), AccountNo=9999)
    document = look(box)
    assert texts(document, "//tr[@class='off']/*") == ["Balance: debit and credit differ", "-11.995"]
    assert rows(document)[0] == ["9999 is not in the chart", "Klarna A1", "68.505", ""]
    assert rows(document, "tfoot")[0] == ["3 lines", "88.005", "100.00"]


def test_the_ledger_shows_each_voucher_by_its_number_the_last_booked_first(box: Sandbox) -> None:
    session = login(box)
    for _ in range(3):
        save(box, session)
    for draft_id in (2, 3):
        assert press(box, draft_id).status_code == 303
    document = look(box)
    assert texts(document, "//div[@class='drafts']//h4") == ["Klarna A1"]
    assert texts(document, "//div[@class='ledger']//h4") == ["Voucher 2", "Voucher 1"]
    for article in find(document, "//div[@class='ledger']/article"):
        assert rows(article)[2] == ["1580 Fordringar för kontokort och kuponger", "Klarna A1", "", "100.00"]
        assert rows(article, "tfoot") == [["3 lines", "100.00", "100.00"], ["Balance", "0.00"]]
        assert texts(article, "p")[0].startswith("Diverse · year 2026 · dated 2026-11-19 · booked 20")
        assert not find(article, ".//button")


def test_where_nothing_is_it_says_so(box: Sandbox) -> None:
    document = look(box)
    assert texts(document, "//p[@class='empty']") == ["There are no drafts.", "Nothing has been booked."]
    assert texts(document, "//h2") == ["Exempelbutiken AB 3000024", "Andra Bolaget AB 3000011"]
    assert "no drafts, and nothing in the ledger" in texts(document, "//section[2]/p")[0]


def test_the_other_company_comes_second_with_whatever_is_in_it(box: Sandbox) -> None:
    save(box, login(box, identity=""))
    document = look(box)
    assert texts(document, "//h2") == ["Exempelbutiken AB 3000024", "Andra Bolaget AB 3000011"]
    assert not find(document, "//section[1]//article")
    assert len(find(document, "//section[2]//article")) == 1
    press(box, 1)
    assert texts(look(box), "//section[2]//h4") == ["Voucher 1"]


def test_a_draft_of_thousands_is_cut_short_and_its_sums_are_of_all(box: Sandbox) -> None:
    lines = [entry(1580, "-0.25") for _ in range(5000)]
    save(box, login(box), bundles(entry(1930, "1250"), *lines))
    (article,) = find(look(box), "//article")
    assert len(rows(article)) == 201
    assert rows(article)[200] == ["The sums include 4,801 more lines."]
    assert rows(article, "tfoot") == [["5,001 lines", "1,250.00", "1,250.00"], ["Balance", "0.00"]]


# What it refuses


def test_a_draft_is_booked_once_and_a_second_click_is_told_so(box: Sandbox) -> None:
    save(box, login(box))
    form = f"token={token(look(box))}"
    answer = press(box, 1, form, Origin=box.url)
    assert (answer.status_code, answer.content) == (303, b"")
    place = answer.headers["Location"].removeprefix("/#")
    assert texts(look(box), f"//article[@id='{place}']/h4") == ["Voucher 1"]
    again = press(box, 1, form, Origin=box.url)
    assert again.status_code == 404
    assert texts(parsed(again), "//p[@role='alert']") == ["Draft 1 no longer exists: it was booked or deleted."]
    assert len(box.office.home.ledger) == 3


def test_a_draft_that_cannot_be_booked_stays_and_is_told_so(box: Sandbox) -> None:
    line: dict[str, Any] = dict.fromkeys(("Comment", "CurrencyId", "InvoiceReferenceNo", "InvoiceOcr"), "")
    line |= dict.fromkeys(("CustomerId", "DepartmentId", "ProjectId", "StampNo"), 0)
    when = datetime.combine(TODAY, time())
    line |= {"AccountNo": 1930, "Amount": Decimal(0), "Date": when}
    company = box.office.home
    box.office.save_draft(company, Draft(0, company.client_id, "odd", 2026, 77, True, 0, [line], when))
    answer = press(box, 1)
    assert answer.status_code == 409
    assert texts(parsed(answer), "//p[@role='alert']") == ["Draft 1 cannot be booked: no voucher type 77."]
    assert len(company.drafts) == 1


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        ("", {}),
        ("token=", {}),
        ("token=guessed", {}),
        (None, {"Origin": "https://evil.example"}),
        (None, {"Origin": "http://127.0.0.1:1"}),
        (None, {"Origin": "null"}),
    ],
)
def test_a_form_that_is_not_the_pages_own_books_nothing(
    box: Sandbox, body: str | None, headers: dict[str, str]
) -> None:
    save(box, login(box))
    answer = press(box, 1, body, **headers)
    assert answer.status_code == 403
    assert "Nothing was booked" in texts(parsed(answer), "//p[@role='alert']")[0]
    assert (len(box.office.home.drafts), len(box.office.home.ledger)) == (1, 0)


def test_the_token_is_the_sandboxs_own(box: Sandbox) -> None:
    save(box, login(box))
    with Sandbox(today=TODAY, payouts=[]) as other:
        save(other, login(other))
        assert press(box, 1, f"token={token(look(other))}").status_code == 403


def test_only_this_machines_own_name_leads_to_the_page(box: Sandbox) -> None:
    save(box, login(box))
    port = box.url.rpartition(":")[2]
    for host in ("evil.example", f"evil.example:{port}", f"127.0.0.1.evil.example:{port}", "127.0.0.1:1"):
        seen = requests.get(box.url, headers={"Host": host}, timeout=5)
        assert (seen.status_code, seen.content) == (404, b"")
        assert press(box, 1, Host=host, Origin=f"http://{host}").status_code == 404
    assert box.office.home.drafts
    typed = f"localhost:{port}"
    assert requests.get(box.url, headers={"Host": typed}, timeout=5).status_code == 200
    assert press(box, 1, Host=typed, Origin=f"http://{typed}").status_code == 303


def test_the_browser_is_told_to_allow_nothing_from_elsewhere(box: Sandbox) -> None:
    save(box, login(box))
    form = f"token={token(look(box))}"
    for answer in (requests.get(box.url, timeout=5), *(press(box, 1, body) for body in (form, form, ""))):
        policy = dict(part.split(" ", 1) for part in answer.headers["Content-Security-Policy"].split("; "))
        assert policy.pop("style-src").startswith("'sha256-")
        assert policy == {
            "default-src": "'none'",
            "form-action": "'self'",
            "frame-ancestors": "'none'",
            "base-uri": "'none'",
        }
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"


def test_head_and_other_methods(box: Sandbox) -> None:
    save(box, login(box))
    whole, head = requests.get(box.url, timeout=5), requests.head(box.url, timeout=5)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["Content-Length"] == str(len(whole.content))
    for method, path, allow in (
        ("POST", "/", "GET, HEAD"),
        ("DELETE", "/", "GET, HEAD"),
        ("GET", "/book/1", "POST"),
    ):
        answer = requests.request(method, box.url + path, timeout=5)
        assert (answer.status_code, answer.headers["Allow"]) == (405, allow)
        assert find(parsed(answer), "//p[@role='alert']")
    assert box.office.home.drafts


@pytest.mark.parametrize(
    "path", ["/x", "/index.html", "/book", "/book/", "/book/x", "/book/1/2", f"/book/{9**99}"]
)
def test_unknown_paths_are_still_not_found(box: Sandbox, path: str) -> None:
    for method in ("GET", "POST"):
        assert requests.request(method, box.url + path, timeout=5).status_code == 404


def test_a_look_at_the_page_is_no_vendors_business(box: Sandbox) -> None:
    """It is counted as no operation, and meets none of the faults that wait for one."""
    save(box, login(box))
    before = box.calls()
    box.faults.arm("cut")
    box.faults.arm("klarna-503")
    assert press(box, 1).status_code == 303
    look(box)
    assert box.calls() == before
    assert [fault.name for fault in box.faults.armed] == ["cut", "klarna-503"]
    assert {request.operation for request in box.requests[2:]} == {None}


# In a real browser


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    if MISSING:
        pytest.skip(MISSING)
    with open_browser(tmp_path_factory.mktemp("browser")) as browser:
        yield browser


@pytest.fixture
def browser(started: Browser) -> Iterator[Browser]:
    """The one that is started, on an empty page; nothing that a test does may make it complain."""
    started.open("about:blank")
    started.resize(1400, 1000)
    started.complaints()
    yield started
    assert not started.complaints()


def test_a_draft_booked_by_its_button_is_found_by_the_sync_that_was_in_doubt(shop: Shop, browser: Browser) -> None:
    shop.box.faults.arm("cut-after-save")
    first = shop.sync("--json")
    assert first.code == 8
    payouts = first.json["profiles"][0]["payouts"]
    (lost,) = [payout for payout in payouts if payout["status"] == "in-doubt"]
    name, drafts = lost["voucher"]["name"], shop.drafts()
    browser.open(shop.box.url)
    assert browser.texts("//div[@class='drafts']//h4") == drafts
    assert name in drafts
    browser.follow(f"//article[h4='{name}']//button[.='Number and book']")
    assert browser.texts("//div[@class='drafts']//h4") == [draft for draft in drafts if draft != name]
    (booked,) = browser.texts("//div[@class='ledger']//article")
    assert booked.startswith("Voucher 1\n")
    assert f"Klarna {lost['payment_reference']}" in booked
    found = shop.sync("--now", "--json")
    statuses = {it["payment_reference"]: it["status"] for it in found.json["profiles"][0]["payouts"]}
    assert statuses[lost["payment_reference"]] == "drafted"
    assert set(statuses.values()) == {"drafted", "blocked"}, "nothing is in doubt any more"
    assert found.code == 7
    said = shop.run("log").out
    assert "found in the ledger as 1" in " ".join(said.split())
    assert sorted([*shop.drafts(), name]) == sorted(drafts), "no draft was made twice"
    assert shop.box.calls()["SaveBundleList"] == len(drafts)


def test_the_browser_runs_nothing_of_what_a_text_says_and_takes_our_style(box: Sandbox, browser: Browser) -> None:
    save(box, login(box), bundles(*GOOD).replace(">Klarna A1<", f">{IN_XML}<"))
    browser.open(box.url)
    assert browser.texts("//h4") == [NASTY]
    assert browser.value("document.title").startswith("1 draft")
    style = "getComputedStyle(document.querySelector('td.number'))"
    assert browser.value(f"[{style}.textAlign, {style}.whiteSpace]") == ["right", "nowrap"]


def test_two_tabs_book_a_draft_once(box: Sandbox, browser: Browser) -> None:
    save(box, login(box))
    save(box, login(box))
    browser.open(box.url)
    press(box, 1)
    browser.follow("//article[@id='draft-1']//button")
    assert "Draft 1 no longer exists" in browser.texts("//p[@role='alert']")[0]
    browser.follow("//article[@id='draft-2']//button")
    assert browser.texts("//div[@class='ledger']//h4") == ["Voucher 2", "Voucher 1"]
    assert not browser.texts("//p[@role='alert']")


def test_a_page_from_elsewhere_books_nothing_even_if_it_knew_the_token(box: Sandbox, browser: Browser) -> None:
    save(box, login(box))
    field = f"<input name=token value={token(look(box))}>"
    browser.open(f"data:text/html,<form method=post action={box.url}/book/1>{field}<button>Win</button></form>")
    browser.follow("//button")
    assert "Nothing was booked" in browser.texts("//p[@role='alert']")[0]
    assert box.office.home.drafts


def test_the_columns_stand_side_by_side_where_there_is_room_and_nothing_is_cut_off(
    shop: Shop, browser: Browser
) -> None:
    shop.sync()
    for draft in shop.box.office.home.drafts[:2]:
        press(shop.box, draft.id)
    browser.open(shop.box.url)
    for width, beside in ((1400, True), (800, False), (420, False), (320, False)):
        browser.resize(width, 900)
        journal, ledger = browser.value(_all(".columns > div", "it.getBoundingClientRect().top"))
        assert (journal == ledger) is beside, width
        assert browser.value("document.documentElement.scrollWidth") <= width
        assert not any(browser.value(_all("td, th", "it.scrollWidth > it.clientWidth + 1"))), width
        account, comment = browser.value(_all("tbody td", "it.getBoundingClientRect().top"))[:2]
        assert (comment > account) is (width < 560), "there, the comment stands below its account"


def _all(css: str, expression: str) -> str:
    return f"[...document.querySelectorAll('{css}')].map(it => {expression})"
