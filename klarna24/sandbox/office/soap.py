"""SOAP 1.1 envelopes with one element in the body, and faults. DTDs, entities and SOAP 1.2 are refused."""

from lxml import etree

from klarna24.sandbox.office.schema import Violation

ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
_NAMES = {name: f"{{{ENVELOPE}}}{name}" for name in ("Envelope", "Header", "Body", "Fault", "mustUnderstand")}


class Fault(Exception):
    """Raised to answer HTTP 500 with `soap:Client` (the request is wrong) or `soap:Server` instead of a result."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code, self.text = code, text


def body_of(raw: bytes) -> etree._Element:
    """The one element in the body of the envelope. Raises Violation."""
    # checked before parsing: libxml2 expands entities in attributes whatever its options are
    if b"<!DOCTYPE" in raw or b"\0" in raw:
        raise Violation("a DTD, or an encoding other than UTF-8, is not allowed")
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True, huge_tree=True
    )
    try:
        root = etree.fromstring(raw, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise Violation(f"not XML: {error}") from None
    if any(not isinstance(node.tag, str) for node in root.iter()):
        raise Violation("processing instructions and entities are not allowed")
    if root.tag != _NAMES["Envelope"]:
        raise Violation("the root is not a SOAP 1.1 envelope")
    return _only_body(root)


def _only_body(root: etree._Element) -> etree._Element:
    parts = list(root)
    if parts and parts[0].tag == _NAMES["Header"]:
        if any(block.get(_NAMES["mustUnderstand"]) == "1" for block in parts[0]):
            raise Violation("no header block is understood")
        del parts[0]
    if len(parts) != 1 or parts[0].tag != _NAMES["Body"] or len(parts[0]) != 1:
        raise Violation("an envelope holds one Body with one element")
    return parts[0][0]


def envelope(content: etree._Element) -> bytes:
    """The envelope as bytes: UTF-8 with an XML declaration, as .NET sends it."""
    root = etree.Element(_NAMES["Envelope"], nsmap={"soap": ENVELOPE})
    etree.SubElement(root, _NAMES["Body"]).append(content)
    return etree.tostring(root, xml_declaration=True, encoding="utf-8")


def fault(code: str, text: str) -> bytes:
    """The envelope of a fault, as bytes."""
    element = etree.Element(_NAMES["Fault"], nsmap={"soap": ENVELOPE})
    etree.SubElement(element, "faultcode").text = f"soap:{code}"
    # a fault may quote the request, and lxml refuses control characters
    etree.SubElement(element, "faultstring").text = "".join(c for c in text if c.isprintable() or c == "\n")
    etree.SubElement(element, "detail")
    return envelope(element)
