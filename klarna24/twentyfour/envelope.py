"""A SOAP answer as bytes: bounded before it is parsed, and parsed strictly before zeep reads it leniently."""

import re

from lxml import etree

from klarna24.logs.redaction import redacted

SOAP = "{http://schemas.xmlsoap.org/soap/envelope/}"
# Tags, attributes and references: each costs memory, however short it is. A row of the ledger has up to 44 tags.
MOST_MARKS = 500_000
LARGEST_PAGE = 2**20  # bytes of a page that is no SOAP in which the message of the limit is looked for
REFERENCE = re.compile(rb"&#(?:(\d+)|x([\da-fA-F]+));")
CONTROL_CHARACTERS = bytes(set(range(32)) - {9, 10, 13})
DECLARED = re.compile(rb"\s*<\?xml\s[^>]{0,200}?encoding\s*=\s*[\"']([^\"']*)")
# The documented message (docs/vendors/24sevenoffice.md, "Limits and traps"); it continues with "Quarantine ends
# at …". What may stand between is bounded, so that the search is linear.
LIMIT = re.compile(r"Limit exceeded by [^<]{0,100}?Request is blocked[^<]{0,500}", re.IGNORECASE)


def has_too_much(body: bytes) -> bool:
    """Return whether there are more elements and attributes than in the largest honest answer."""
    return body.count(b"<") + body.count(b"=") + body.count(b"&") > MOST_MARKS


def readable(body: bytes) -> bytes:
    """Return the answer without what no XML may contain. .NET writes a control character of anybody's comment as
    a reference such as &#x1F;, and no other row of the answer shall be lost by it. For reads only."""
    body = REFERENCE.sub(lambda found: found[0] if _is_character(found) else b"", body)
    body = body.translate(None, CONTROL_CHARACTERS)
    try:
        body.decode()
    except UnicodeDecodeError:
        body = body.decode(errors="replace").encode()
    return body.replace(b"\xef\xbf\xbe", b"").replace(b"\xef\xbf\xbf", b"")  # U+FFFE and U+FFFF


def _is_character(found: re.Match[bytes]) -> bool:
    digits = (found[1] or found[2]).lstrip(b"0") or b"0"
    number = int(digits[:8], 10 if found[1] else 16)  # a longer one is too large with its first digits already
    return (
        number in {9, 10, 13}
        or 0x20 <= number <= 0xD7FF
        or 0xE000 <= number <= 0xFFFD
        or 0x10000 <= number <= 0x10FFFF
    )


def parse(body: bytes) -> etree._Element | None:
    """Return the document, or None if it is not XML in UTF-8, as .NET writes it, or has a document type."""
    declared = DECLARED.match(body)
    if b"<!DOCTYPE" in body or (declared and declared[1].lower() not in {b"utf-8", b"us-ascii"}):
        return None
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        return etree.fromstring(body, parser)
    except (etree.XMLSyntaxError, ValueError):
        return None


def content(document: etree._Element | None) -> list[etree._Element] | None:
    """Return what stands in the envelope's body, comments left out; None if it is no envelope, or is empty."""
    if document is None or document.tag != f"{SOAP}Envelope":
        return None
    bodies = [child for child in elements(document) if child.tag == f"{SOAP}Body"]
    return elements(bodies[0]) or None if len(bodies) == 1 else None


def elements(parent: etree._Element) -> list[etree._Element]:
    """Return the children without comments; a processing instruction counts as one."""
    return [child for child in parent if not isinstance(child, etree._Comment)]


def limit_in(text: str) -> str:
    """Return the message of the hourly limit, without secrets, or an empty text."""
    found = LIMIT.search(redacted(text))  # before it is cut, so that no part of a secret is left
    return found[0] if found else ""


def text_of(element: etree._Element) -> str:
    """Return all text in the element."""
    return str(etree.tostring(element, method="text", encoding="unicode"))
