"""The pages of a PDF: as many, as large and as readable as they should be, or one line that says why not."""

import struct
import zlib

import pytest

from klarna24.errors import Unavailable
from klarna24.run.pages import rendered
from klarna24.sandbox.klarna.reports import _pdf

pytest.importorskip("pypdfium2")


def pdf(pages: int, box: str = "[0 0 595 842]") -> bytes:
    """A PDF of so many pages with a line of text each; the boxes are in points."""
    made = _pdf([[f"Page {number}"] for number in range(pages)])
    return made.replace(b"[0 0 595 842]", box.encode())


def dots(png: bytes) -> tuple[int, int, bytes]:
    """Width, height and the grey values of a PNG, row by row, each after its filter byte."""
    width, height = struct.unpack_from(">II", png, 16)
    data, start = b"", 8
    while start < len(png):
        size, name = struct.unpack_from(">I4s", png, start)
        chunk = png[start + 8 : start + 8 + size]
        assert struct.unpack_from(">I", png, start + 8 + size) == (zlib.crc32(name + chunk),)
        data += chunk if name == b"IDAT" else b""
        start += 12 + size
    return width, height, zlib.decompress(data)


def test_each_page_is_a_png_of_150_dots_an_inch_with_black_on_white() -> None:
    pages = rendered(pdf(3), 30)
    assert len(pages) == 3
    for page in pages:
        width, height, grey = dots(page)
        assert (width, height) == (1240, 1755)
        assert len(grey) == height * (width + 1)
        assert {0, 255} <= set(grey[1 : width + 1]) | set(grey)
        assert grey[1] == 255, "the corner is white"


def test_a_huge_page_is_rendered_smaller() -> None:
    width, height, _ = dots(rendered(pdf(1, "[0 0 9000 300]"), 30)[0])
    assert (width, height) == (3000, 100)


@pytest.mark.parametrize(
    ("file", "words"),
    [
        (pdf(31), "more than 30 pages"),
        (b"%PDF-1.4 and nothing else", "could not be rendered"),
        (b"", "could not be rendered"),
    ],
)
def test_what_is_not_rendered_says_why(file: bytes, words: str) -> None:
    with pytest.raises(Unavailable, match=words):
        rendered(file, 30)
