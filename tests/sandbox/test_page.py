"""The sandbox's web page: what it shows, what it refuses, and how it works in a real browser."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
import requests
from lxml import etree

from klarna24.sandbox.office.company import Customer
from klarna24.sandbox.server import Sandbox
from tests.support.browser import MISSING, Browser, open_browser
from tests.support.sandbox_calls import GOOD, TODAY, bundles, entry, login, save
from tests.support.shops import Shop

NASTY = """<script>document.title="oops"</script> "Åsa" & 'Söner' <b>"""
IN_XML = NASTY.replace("&", "&amp;").replace("<", "&lt;")
DRAFTS, LEDGER = "//div[@class='drafts']", "//div[@class='ledger']"
ALERT = "//p[@role='alert']"


@pytest.fixture
def saved(box: Sandbox) -> Sandbox:
    """A sandbox with one draft, which has the id 1."""
    save(box, login(box))
    return box


def parsed(answer: requests.Response) -> Any:
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "Traceback" not in answer.text
    return etree.fromstring(answer.content, etree.HTMLParser(encoding="utf-8"))


def look(box: Sandbox) -> Any:
    answer = requests.get(box.url, timeout=30)
    assert answer.status_code == 200
    return parsed(answer)


def texts(inside: Any, xpath: str) -> list[str]:
    return ["".join(element.itertext()) for element in inside.xpath(xpath)]


def rows(article: Any, part: str = "tbody") -> list[list[str]]:
    return [texts(row, "th | td") for row in article.xpath(f".//{part}/tr")]


def form(box: Sandbox) -> str:
    """What every form of the page sends."""
    (value,) = {element.get("value") for element in look(box).xpath("//input[@name='token']")}
    assert value
    return f"token={value}"


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
    # 3 once: the title of the page, the company and the name of the draft
    assert text.count(NASTY) == 2 * 8 + 3
    assert document.xpath("//button")[0].get("aria-label") == f"Number and book {NASTY}"
    harmless = {element.tag for element in plain.iter()} | {"article", "h4", "table", "thead", "tbody", "tfoot"}
    harmless |= {"tr", "th", "td", "b", "small", "wbr", "form", "input", "button"}
    assert {element.tag for element in document.iter()} <= harmless
    assert {*texts(document, "//b")} <= {"1930", "1580"}


def test_a_draft_that_does_not_balance_is_marked(saved: Sandbox) -> None:
    assert not look(saved).xpath("//tr[@class='off']")
    saved.office.edit_draft(1, 0, Amount=Decimal("68.505"), AccountNo=9999)
    document = look(saved)
    assert texts(document, "//tr[@class='off']/*") == ["Balance: debit and credit differ", "-11.995"]
    assert rows(document)[0] == ["9999 is not in the chart", "Klarna A1", "68.505", ""]
    assert rows(document, "tfoot")[0] == ["3 lines", "88.005", "100.00"]


def test_the_ledger_shows_each_voucher_with_its_number_and_the_last_booked_first(box: Sandbox) -> None:
    session = login(box)
    for _ in range(3):
        save(box, session)
    for draft_id in (2, 3):
        assert press(box, draft_id).status_code == 303
    document = look(box)
    assert texts(document, "//h3") == ["Drafts 1 saved, not booked", "Ledger 2 booked"]
    assert texts(document, f"{DRAFTS}//h4") == ["Klarna A1"]
    assert texts(document, f"{LEDGER}//h4") == ["Voucher 2", "Voucher 1"]
    for article in document.xpath(f"{LEDGER}/article"):
        assert rows(article)[2] == ["1580 Fordringar för kontokort och kuponger", "Klarna A1", "", "100.00"]
        assert rows(article, "tfoot") == [["3 lines", "100.00", "100.00"], ["Balance", "0.00"]]
        assert texts(article, "p")[0].startswith("Diverse · year 2026 · dated 2026-11-19 · booked 20")
        assert not article.xpath(".//button")


def test_the_other_company_comes_second_and_the_page_says_where_there_is_nothing(box: Sandbox) -> None:
    empty = look(box)
    assert texts(empty, "//p[@class='empty']") == ["There are no drafts.", "Nothing has been booked."]
    assert "no drafts, and nothing in the ledger" in texts(empty, "//section[2]/p")[0]
    save(box, login(box, identity=""))
    document = look(box)
    for page in (empty, document):
        assert texts(page, "//h2") == ["Exempelbutiken AB 3000024", "Andra Bolaget AB 3000011"]
    assert [len(section.xpath(".//article")) for section in document.xpath("//section")] == [0, 1]
    press(box, 1)
    assert texts(look(box), "//section[2]//h4") == ["Voucher 1"]


def test_a_long_draft_is_cut_short_and_its_sums_include_all_lines(box: Sandbox) -> None:
    lines = [entry(1580, "-0.25") for _ in range(5000)]
    save(box, login(box), bundles(entry(1930, "1250"), *lines))
    (article,) = look(box).xpath("//article")
    assert len(rows(article)) == 201
    assert rows(article)[200] == ["The sums include 4,801 more lines."]
    assert rows(article, "tfoot") == [["5,001 lines", "1,250.00", "1,250.00"], ["Balance", "0.00"]]


# What it refuses


def test_a_draft_is_booked_once_and_the_page_says_why_a_click_is_refused(saved: Sandbox) -> None:
    body = form(saved)
    answer = press(saved, 1, body, Origin=saved.url)
    assert (answer.status_code, answer.content) == (303, b"")
    place = answer.headers["Location"].removeprefix("/#")
    assert texts(look(saved), f"//article[@id='{place}']/h4") == ["Voucher 1"]
    again = press(saved, 1, body, Origin=saved.url)
    assert again.status_code == 404
    assert texts(parsed(again), ALERT) == ["Draft 1 no longer exists: it was booked or deleted."]
    assert len(saved.office.home.ledger) == 3
    save(saved, login(saved))
    saved.office.home.drafts[0].sort = 77
    answer = press(saved, 2)
    assert answer.status_code == 409
    assert texts(parsed(answer), ALERT) == ["Draft 2 cannot be booked: no voucher type 77."]
    assert len(saved.office.home.drafts) == 1


FORMS: list[tuple[str | None, dict[str, str]]] = [(body, {}) for body in ("", "token=", "token=guessed")]
FORMS += [(None, {"Origin": origin}) for origin in ("https://evil.example", "http://127.0.0.1:1", "null")]


@pytest.mark.parametrize(("body", "headers"), FORMS)
def test_a_form_of_another_page_books_nothing(saved: Sandbox, body: str | None, headers: dict[str, str]) -> None:
    answer = press(saved, 1, body, **headers)
    assert answer.status_code == 403
    assert "Nothing was booked" in texts(parsed(answer), ALERT)[0]
    assert (len(saved.office.home.drafts), len(saved.office.home.ledger)) == (1, 0)


def test_the_page_is_served_only_under_this_machines_own_names_with_its_own_token(saved: Sandbox) -> None:
    with Sandbox(today=TODAY, payouts=[]) as other:
        save(other, login(other))
        assert press(saved, 1, form(other)).status_code == 403
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
    assert booked.startswith("Voucher 1\n")
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
    assert browser.texts(f"{LEDGER}//h4") == ["Voucher 2", "Voucher 1"]
    assert not browser.texts(ALERT)


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
    for draft in shop.box.office.home.drafts[:2]:
        press(shop.box, draft.id)
    browser.open(shop.box.url)

    def each(css: str, expression: str) -> Any:
        return browser.value(f"[...document.querySelectorAll('{css}')].map(it => {expression})")

    for width, beside in ((1400, True), (800, False), (420, False), (320, False)):
        browser.resize(width, 900)
        drafts, ledger = each(".columns > div", "it.getBoundingClientRect().top")
        assert (drafts == ledger) is beside, width
        assert browser.value("document.documentElement.scrollWidth") <= width
        assert not any(each("td, th", "it.scrollWidth > it.clientWidth + 1")), width
        account, comment = each("tbody td", "it.getBoundingClientRect().top")[:2]
        assert (comment > account) is (width < 560), "the comment is below its account in a narrow window"
