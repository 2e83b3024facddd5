"""``klarna24 report --html``: the file, and the page in a real browser, wide, narrow and printed."""

import base64
import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from klarna24.report.page import page
from tests.support.browser import MISSING, Browser, open_browser
from tests.support.loading import loaded_by
from tests.support.months import LAST, book, clearing, on
from tests.support.reports import closing, failing, unread
from tests.support.shops import OpenShop, Result, Shop, snapshot


@pytest.fixture
def shop(open_shop: OpenShop) -> Shop:
    """One payout of last month is booked, another waits as a draft."""
    it = open_shop(payouts=[on(2, "GOOD"), on(5, "WAITS")])
    clearing(it, language="sv")
    it.sync()
    book(it, "GOOD")
    return it


def report(shop: Shop, file: Path) -> Result:
    return shop.run("report", "--html", str(file))


# The file


def test_the_page_is_of_the_month_that_the_table_shows(shop: Shop, tmp_path: Path) -> None:
    file = tmp_path / "month.html"
    result = report(shop, file)
    assert (result.code, result.err) == (7, "")
    document = file.read_text(encoding="utf-8")
    assert '<html lang="sv">' in document
    assert "1\u00a0925,00" in document
    assert all(reference in document and reference in result.out for reference in ("GOOD", "WAITS"))
    assert str(LAST.year) in document
    assert file.stat().st_mode & 0o777 == 0o600


def test_an_older_page_is_replaced_as_a_whole_or_stays(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "pages" / "month.html"
    file.parent.mkdir()
    file.write_text("old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", full)
        result = report(shop, file)
    assert (result.code, len(result.lines())) == (3, 1)
    assert "No space left on device" in result.err
    assert snapshot(file.parent) == {str(file): b"old"}
    assert report(shop, file).code == 7
    assert list(snapshot(file.parent)) == [str(file)]
    assert file.read_text().startswith("<!DOCTYPE html>")


@pytest.mark.parametrize("kind", ["folder", "link", "dangling", "fifo", "nowhere", "below a file"])
def test_what_is_no_file_is_refused_in_one_line_before_anybody_is_asked(
    shop: Shop, tmp_path: Path, kind: str
) -> None:
    place, elsewhere = tmp_path / "page", tmp_path / "elsewhere"
    elsewhere.write_text("of others")
    match kind:
        case "folder":
            place.mkdir()
        case "link":
            place.symlink_to(elsewhere)
        case "dangling":
            place.symlink_to(tmp_path / "not there")
        case "fifo":
            os.mkfifo(place)
        case "nowhere":
            place = tmp_path / "not there" / "page"
        case _:
            place = elsewhere / "page"
    count = len(shop.box.requests)
    result = report(shop, place)
    assert result.code in {2, 3}
    assert len(result.lines()) == 1
    assert str(place) in result.err
    assert result.out == ""
    assert elsewhere.read_text() == "of others"
    assert not (tmp_path / "not there").exists()
    assert len(shop.box.requests) == count


def test_only_the_page_loads_the_templates(shop: Shop, tmp_path: Path) -> None:
    watched = {"jinja2", "klarna24.report.page"}
    command = ["--config", str(shop.config), "report"]
    assert loaded_by(command, watched) == (7, [])
    assert loaded_by(["--config", str(shop.config), "sync", "--all"], watched) == (0, [])
    assert loaded_by([*command, "--html", str(tmp_path / "page")], watched) == (7, sorted(watched))


# In a browser


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    if MISSING:
        pytest.skip(MISSING)
    with open_browser(tmp_path_factory.mktemp("browser")) as browser:
        yield browser


def shown(browser: Browser, folder: Path, *months: Any) -> Path:
    """Open the page of these months."""
    file = folder / "month.html"
    file.write_text(page(months, datetime(2026, 12, 5, 12, tzinfo=UTC)), encoding="utf-8")
    browser.open(file.as_uri())
    return file


@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_is_wider_than_the_window(browser: Browser, tmp_path: Path, width: int) -> None:
    browser.resize(width, 900)
    hostile = "0123456789" * 6
    shown(browser, tmp_path, failing("a" * 40, "sv", hostile), closing("b", "nb"), unread("c"))
    assert browser.errors() == []
    assert browser.value("document.documentElement.scrollWidth") <= width
    cut = "[...document.querySelectorAll('td, li, dd, h1, h2')].filter(it => it.scrollWidth > it.clientWidth + 1)"
    assert browser.value(f"{cut}.map(it => it.textContent)") == []


@pytest.mark.parametrize("width", [1280, 390])
def test_the_letters_of_a_chart_keep_their_size_and_do_not_overlap(
    browser: Browser, tmp_path: Path, width: int
) -> None:
    browser.resize(width, 900)
    shown(browser, tmp_path, closing())
    assert browser.value("document.querySelectorAll('svg').length") == 4
    boxes = browser.value(
        "[...document.querySelectorAll('svg')].map(svg => [...svg.querySelectorAll('text:not(.value)')]"
        ".map(it => it.getBoundingClientRect()).map(it => [it.left, it.right, it.height]))"
    )
    for labels in boxes:
        assert all(height >= 12 for *_, height in labels)
        assert all(one[1] <= other[0] for one, other in pairwise(labels))


def test_a_hostile_reference_runs_nothing(browser: Browser, tmp_path: Path) -> None:
    browser.resize(1280, 900)
    shown(
        browser,
        tmp_path,
        failing(reference="<img src=x onerror='document.title=1'><script>document.title=2</script>"),
    )
    assert browser.value("document.title") == "shop1, November 2026"
    assert browser.value("document.querySelectorAll('img, script').length") == 0


def test_a_link_leads_to_its_shop(browser: Browser, tmp_path: Path) -> None:
    browser.resize(1280, 900)
    shown(browser, tmp_path, closing("a"), failing("b"))
    assert browser.texts("//main/div//tbody//a") == ["b", "a"]
    assert browser.texts("//article[@id='shop-1']/header/p") == ["a"]


def test_the_print_is_on_pages_of_a4(browser: Browser, tmp_path: Path) -> None:
    browser.resize(1280, 900)
    shown(browser, tmp_path, failing("a", "sv"), closing("b", "nb"))
    pdf = base64.b64decode(browser.pdf())
    sizes = {
        (round(float(width)), round(float(height)))
        for width, height in re.findall(rb"/MediaBox ?\[0 0 ([\d.]+) ([\d.]+)\]", pdf)
    }
    assert sizes == {(595, 842)}
    assert 3 <= len(re.findall(rb"/Type ?/Page\b", pdf)) <= 6
