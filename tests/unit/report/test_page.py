"""The month's page as a document: whole in itself, valid, escaped, in three languages."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from html.parser import HTMLParser
from typing import Any

import pytest
from jinja2 import UndefinedError
from lxml import html

from klarna24.report.month import ProfileMonth
from klarna24.report.page import _environment, page
from klarna24.text.sentences import Language
from tests.support.reports import closing, currency, failing, payout, unread

NOW = datetime(2026, 12, 5, 12, tzinfo=UTC)
HOSTILE = """"><script>alert(1)</script>{{7*7}}<img src=x onerror='alert(2)'>&amp;"""
VOID = {"meta", "rect", "line"}


class Checker(HTMLParser):
    """Every element that is opened is closed, in order; ids are unique; ``tags`` are all that were met."""

    def __init__(self, document: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(document)
        self.close()
        assert self.open == []
        ids = [attributes["id"] for _, attributes in self.tags if "id" in attributes]
        assert len(ids) == len(set(ids))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        assert len(dict(attrs)) == len(attrs), tag
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in VOID
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def parsed(document: str) -> Any:
    """Its root element, whose stubs know of too many kinds of results."""
    return html.document_fromstring(document)


def texts(document: str, xpath: str) -> list[str]:
    return [it.text_content() for it in parsed(document).xpath(xpath)]


@pytest.mark.parametrize(
    "months", [[closing()], [failing()], [unread()], [closing("a"), failing("b"), unread("c")]]
)
def test_a_page_is_valid_and_loads_nothing(months: list[ProfileMonth]) -> None:
    document = page(months, NOW)
    tags = Checker(document).tags
    assert document.startswith("<!DOCTYPE html>\n")
    assert not {tag for tag, _ in tags} & {"script", "link", "img", "iframe", "object", "embed", "base", "form"}
    assert not [name for _, attributes in tags for name in attributes if name.startswith("on") or name == "src"]
    assert all((attributes.get("href") or "#").startswith("#") for _, attributes in tags)
    assert not re.search(r"url\(|@import|https?:", document)
    (charset, *_) = [attributes for tag, attributes in tags if tag == "meta"]
    assert charset == {"charset": "utf-8"}


def test_each_cell_has_a_head_and_each_row_as_many_cells_as_heads() -> None:
    for table in parsed(page([failing()], NOW)).xpath("//table"):
        heads = [head.text_content() for head in table.xpath("thead//th")]
        for row in table.xpath("*[self::tbody or self::tfoot]/tr[not(@class)]"):
            assert [cell.get("data-head") for cell in row.xpath("td")] == heads


def test_names_and_references_of_others_are_shown_and_never_obeyed() -> None:
    document = page([failing("shop1", reference=HOSTILE), closing("shop2")], NOW)
    tags = Checker(document).tags
    assert not {tag for tag, _ in tags} & {"script", "img"}
    assert "49" not in texts(document, "//td[2]")
    assert HOSTILE in texts(document, "//td[@data-head='Payout']")
    assert f"{HOSTILE}: drafted on 12\u00a0Nov\u00a02026, not booked yet" in texts(document, "//li")


@pytest.mark.parametrize(
    ("language", "amount", "day", "month"),
    [
        ("sv", "162\u00a0314,48", "2026-11-05", "2026"),
        ("nb", "162\u00a0314,48", "05.11.2026", "2026"),
        ("en", "162,314.48", "5\u00a0Nov\u00a02026", "November 2026 closes"),
    ],
)
def test_a_page_is_in_the_profile_s_language(language: Language, amount: str, day: str, month: str) -> None:
    document = page([closing(language=language)], NOW)
    assert texts(document, "//dd")[0] == texts(document, "//tfoot/tr/td[last()]")[0] == amount
    assert texts(document, "//tbody/tr/td[1]")[0] == day
    assert month in texts(document, "//h1")[0]
    assert parsed(document).get("lang") == language


def test_a_share_is_rounded_once() -> None:
    month = closing(language="sv")
    totals = {"sale": Decimal("3371.74"), "fee": Decimal("109.57")}  # 3.2497 %
    document = page([replace(month, currencies=(replace(month.currencies[0], klarna=totals),))], NOW)
    assert texts(document, "//dd")[-1] == "3,2\u00a0%"


def test_what_a_month_that_closes_leaves_undrafted_is_not_marked() -> None:
    month = closing()
    skipped = replace(month.currencies[0], stored={})
    document = page([replace(month, currencies=(skipped,))], NOW)
    assert texts(document, "//td[@data-head='Drafted']")[0] == "0.00"
    assert texts(document, "//tbody[@class='odd']") == []


def test_a_month_that_does_not_close_says_why() -> None:
    document = page([failing()], NOW)
    assert texts(document, "//h1[@class='bad']") == ["November 2026 does not close"]
    assert texts(document, "//li") == [
        "XBENMNZV: drafted on 12\u00a0Nov\u00a02026, not booked yet",
        "0a1b2c3d-4e5f-6789-abcd-0123456789ab: its totals differ by 12.50",
    ]
    assert texts(document, "//tbody[@class='odd']//td[@data-head='Status']") == ["drafted", "blocked"]
    assert "opening debt 1,250.00" in texts(document, "//tr[@class='note']")


def test_of_several_shops_the_worst_stands_on_top_and_leads_to_its_part() -> None:
    document = page([closing("well"), failing("waits", "sv"), unread("lost")], NOW)
    assert texts(document, "//main/div//tbody//td[1]") == ["lost", "waits", "well"]
    root = parsed(document)
    for link in root.xpath("//td/a"):
        (part,) = root.xpath(f"//article[@id='{link.get('href')[1:]}']")
        assert part.xpath(".//p[@class='shop']")[0].text_content() == link.text_content()
    assert root.xpath("//article/@lang") == ["en", "sv", "en"]


def test_a_name_that_a_template_misspells_is_a_fault() -> None:
    with pytest.raises(UndefinedError):
        _environment().from_string("{{ shpo }}").render(shop=1)


def test_of_two_currencies_each_says_whether_it_closes() -> None:
    both = replace(closing(), currencies=(currency([payout("A", 5)]), *failing().currencies))
    headings = html.fromstring(page([both], NOW)).xpath("//section/h3/text()")
    assert headings == ["SEK closes", "SEK does not close: 2"]
    assert not html.fromstring(page([closing()], NOW)).xpath("//section/h3")
