"""The entries of a large bundle as bytes: zeep writes one of each shape, and the others are written like it.

zeep builds some ten thousand entries a second, for it looks at each value anew. Two entries that have the same
fields, and differ in amount and texts alone, come out alike but for those: so the first of each shape is the
pattern for the rest, contract, order and escapes included. Transport.post_xml is where zeep lets us in.
"""

import io
from collections.abc import Callable, Iterable
from html import escape
from typing import BinaryIO
from uuid import uuid4

from lxml import etree

from klarna24.bookkeeping.voucher import Entry

Shape = tuple[object, ...]
Pattern = list[tuple[str, Callable[[Entry], str]]]  # text, and what of the entry follows it
FIELDS: dict[str, Callable[[Entry], str]] = {
    "Amount": lambda entry: f"{entry.amount:f}",
    "Comment": lambda entry: escape(entry.comment, quote=False),
    "InvoiceReferenceNo": lambda entry: escape(entry.invoice_no or "", quote=False),
    "InvoiceOcr": lambda entry: escape(entry.ocr or "", quote=False),
}


def shape_of(entry: Entry) -> Shape:
    """Whatever is not one of FIELDS, and which of those are there."""
    references = (entry.invoice_no is None, entry.ocr is None)
    return (entry.account_no, *references, entry.customer_id, entry.department_id, entry.project_id)


def one_of_each_shape(entries: Iterable[Entry]) -> list[Entry]:
    """The first of each, for zeep to write and :func:`whole_message` to go by."""
    first: dict[Shape, Entry] = {}
    for entry in entries:
        first.setdefault(shape_of(entry), entry)
    return list(first.values())


def whole_message(envelope: etree._Element, firsts: Iterable[Entry], entries: Iterable[Entry]) -> BinaryIO:
    """``envelope`` is zeep's, with ``firsts``, one entry of each shape; the message has them all, in order."""
    parent = next(envelope.iter("{*}Entries"))
    elements, here = list(parent), uuid4().hex  # a mark that no reference or name can hold
    patterns = {shape_of(entry): _pattern(element) for entry, element in zip(firsts, elements, strict=True)}
    for element in elements:
        parent.remove(element)
    parent.text = here
    head, tail = etree.tostring(envelope, encoding="utf-8", xml_declaration=True).split(here.encode())
    message = io.BytesIO()
    message.write(head)
    for entry in entries:
        text = "".join(part + value(entry) for part, value in patterns[shape_of(entry)])
        message.write(text.encode())
    message.write(tail)
    message.seek(0)
    return message


def _pattern(element: etree._Element) -> Pattern:
    """The element as text, cut where its entry's own values stand."""
    places: dict[str, Callable[[Entry], str]] = {}
    for field in element:
        name = etree.QName(field).localname
        if name in FIELDS:
            mark = uuid4().hex
            places[mark], field.text = FIELDS[name], mark
    rest = etree.tostring(element, encoding="unicode", with_tail=False)
    for prefix, uri in element.nsmap.items():  # declared above it in the message
        rest = rest.replace(f' xmlns:{prefix}="{uri}"' if prefix else f' xmlns="{uri}"', "", 1)
    pattern: Pattern = []
    for mark, value in places.items():
        before, rest = rest.split(mark)
        pattern.append((before, value))
    return [*pattern, (rest, _nothing)]


def _nothing(entry: Entry) -> str:
    del entry
    return ""
