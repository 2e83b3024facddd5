"""Writes the entries of a large bundle: zeep writes one of each shape, the others are written after its pattern.

zeep serialises about ten thousand entries a second, because it examines each value anew. Entries with the same
fields, which differ only in amount and texts, look alike except for those. The first entry of each shape is
therefore the pattern for the rest: element order, namespaces and escapes included. zeep lets us replace the
message in Transport.post_xml.
"""

import io
from collections.abc import Callable, Iterable
from html import escape
from uuid import uuid4

from lxml import etree

from klarna24.bookkeeping.voucher import Entry

Shape = tuple[object, ...]
Pattern = list[tuple[str, Callable[[Entry], str]]]  # pieces of text, each with the value that follows it
FIELDS: dict[str, Callable[[Entry], str]] = {
    "Amount": lambda entry: f"{entry.amount:f}",
    "Comment": lambda entry: escape(entry.comment, quote=False),
    "InvoiceReferenceNo": lambda entry: escape(entry.invoice_no or "", quote=False),
    "InvoiceOcr": lambda entry: escape(entry.ocr or "", quote=False),
}


def shape_of(entry: Entry) -> Shape:
    """Return what decides how an entry is written: all that is not in FIELDS, and which optional fields it has."""
    references = (entry.invoice_no is None, entry.ocr is None)
    return (
        entry.account_no,
        *references,
        entry.customer_id,
        entry.department_id,
        entry.project_id,
        entry.tax_code,
    )


def one_of_each_shape(entries: Iterable[Entry]) -> list[Entry]:
    """Return the first entry of each shape, for zeep to write and :func:`whole_message` to follow."""
    first: dict[Shape, Entry] = {}
    for entry in entries:
        first.setdefault(shape_of(entry), entry)
    return list(first.values())


def whole_message(envelope: etree._Element, firsts: Iterable[Entry], entries: Iterable[Entry]) -> bytes:
    """Return the message with all entries, in order. ``envelope`` is zeep's and holds only ``firsts``, one entry
    of each shape."""
    parent = next(envelope.iter("{*}Entries"))
    elements, here = list(parent), uuid4().hex  # a mark that no reference or name can contain
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
    return message.getvalue()


def _pattern(element: etree._Element) -> Pattern:
    """Return the element as text, split where its entry's own values stand."""
    places: dict[str, Callable[[Entry], str]] = {}
    for field in element:
        name = etree.QName(field).localname
        if name in FIELDS:
            mark = uuid4().hex
            places[mark], field.text = FIELDS[name], mark
    rest = etree.tostring(element, encoding="unicode", with_tail=False)
    for prefix, uri in element.nsmap.items():  # already declared further up in the message
        rest = rest.replace(f' xmlns:{prefix}="{uri}"' if prefix else f' xmlns="{uri}"', "", 1)
    pattern: Pattern = []
    for mark, value in places.items():
        before, rest = rest.split(mark)
        pattern.append((before, value))
    return [*pattern, (rest, lambda _: "")]
