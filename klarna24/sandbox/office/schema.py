"""The part of XML Schema that the services use: requests are checked and read, answers written as .NET does.

The fields of a type are a table with a line for each, in the vendor's order:

    Name type [!] [*] [?] [=default]      ! required   * any number   ? nillable   = the contract's default

A request becomes a dict: field name → int, Decimal, bool, datetime, str, bytes, dict, or list for an ArrayOf type.
A field that was left out has the contract's default, or None if there is none.
"""

import base64
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from lxml import etree

XSI = "http://www.w3.org/2001/XMLSchema-instance"
NIL = f"{{{XSI}}}nil"
_DATETIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d{1,7})?(Z|[+-]\d\d:\d\d)?")
_DECIMAL = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)")
_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_LARGEST = Decimal(
    "79228162514264337593543950335"
)  # the limit of .NET's decimal; its negative is a default of the contract


class Violation(Exception):
    """The contract does not allow the request; the text says where and why."""


@dataclass(frozen=True)
class Field:
    """One element of a complex type."""

    name: str
    type: str
    required: bool = False
    many: bool = False
    nillable: bool = False
    default: str | None = None


@dataclass(frozen=True)
class Service:
    """The contract of one service. `types` includes those of the calls, such as `Login` and `LoginResponse`.

    `partial` names types of answers whose table has only the fields that the sandbox sends.
    """

    name: str
    path: str
    namespace: str
    operations: tuple[str, ...]
    types: dict[str, tuple[Field, ...]]
    enums: dict[str, tuple[str, ...]] = field(default_factory=dict)
    partial: frozenset[str] = frozenset()

    def action(self, operation: str) -> str:
        """The SOAPAction: the namespace and the operation, with one slash between them."""
        return f"{self.namespace.rstrip('/')}/{operation}"


def table(text: str) -> dict[str, tuple[Field, ...]]:
    """Type name → fields, from a text with `[Type]` headings and a line for each field."""
    types: dict[str, tuple[Field, ...]] = {}
    name = ""
    for line in filter(None, map(str.strip, text.splitlines())):
        if line.startswith("["):
            name = line.strip("[]")
            types[name] = ()
        else:
            types[name] += (_field(line),)
    return types


def _field(line: str) -> Field:
    words, equals, default = line.partition("=")
    name, kind, *marks = words.split()
    return Field(name, kind, "!" in marks, "*" in marks, "?" in marks, default if equals else None)


# --- lexical forms ---


def _whole(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not re.fullmatch(r"[+-]?\d{1,20}", text) or not low <= int(text) <= high:
            raise ValueError
        return int(text)

    return parse


def _boolean(text: str) -> bool:
    return {"true": True, "1": True, "false": False, "0": False}[text]


def _decimal(text: str) -> Decimal:
    if not _DECIMAL.fullmatch(text) or abs(Decimal(text)) > _LARGEST:
        raise ValueError
    return Decimal(text)


def _datetime(text: str) -> datetime:
    match = _DATETIME.fullmatch(text)
    if not match:
        raise ValueError
    base, fraction, zone = match.groups()
    return datetime.fromisoformat(base + (fraction or "")[:7] + (zone or ""))


def _guid(text: str) -> str:
    if not _GUID.fullmatch(text):
        raise ValueError
    return text.lower()


def _base64(text: str) -> bytes:
    return base64.b64decode("".join(text.split()), validate=True)  # binascii.Error is a ValueError


PARSERS: dict[str, Callable[[str], Any]] = {
    "string": str,
    "boolean": _boolean,
    "unsignedByte": _whole(0, 2**8 - 1),
    "short": _whole(-(2**15), 2**15 - 1),
    "int": _whole(-(2**31), 2**31 - 1),
    "long": _whole(-(2**63), 2**63 - 1),
    "decimal": _decimal,
    "dateTime": _datetime,
    "guid": _guid,
    "base64Binary": _base64,
}


def text_of(value: object) -> str:
    """The value as .NET writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return f"{value:f}"
    return value.isoformat() if isinstance(value, datetime) else str(value)


# --- requests ---


def read(service: Service, kind: str, element: etree._Element) -> dict[str, Any]:
    """The element as a dict with the fields of its type. Raises Violation."""
    where = etree.QName(element).localname
    if any(name != NIL for name in element.attrib):
        raise Violation(f"{where}: attributes are not allowed")
    if "".join([element.text or "", *(child.tail or "" for child in element)]).strip():
        raise Violation(f"{where}: text between elements")
    fields = service.types[kind]
    values: dict[str, Any] = {f.name: [] if f.many else _default(service, f) for f in fields}
    children = iter(element)
    child = next(children, None)
    for f in fields:
        tag, seen = f"{{{service.namespace}}}{f.name}", 0
        while child is not None and child.tag == tag and (f.many or not seen):
            value = _read_value(service, f, child)
            if f.many:
                values[f.name].append(value)
            else:
                values[f.name] = value
            seen += 1
            child = next(children, None)
        if f.required and not seen:
            raise Violation(f"{where}: {f.name} is required, and in the contract's order")
    if child is not None:
        raise Violation(f"{where}: {child.tag} is unknown, repeated or out of order")
    return values


def _default(service: Service, f: Field) -> object:
    return None if f.default is None else _parse(service, f.type, f.default)


def _read_value(service: Service, f: Field, element: etree._Element) -> object:
    nil = element.get(NIL)
    if nil not in (None, "true", "1", "false", "0"):
        raise Violation(f"{f.name}: xsi:nil={nil!r}")
    if nil in ("true", "1"):
        if not f.nillable or len(element) or element.text:
            raise Violation(f"{f.name}: must not be nil")
        return None
    if f.type in service.types:
        values = read(service, f.type, element)
        return values[service.types[f.type][0].name] if f.type.startswith("ArrayOf") else values
    if len(element) or any(name != NIL for name in element.attrib):
        raise Violation(f"{f.name}: neither elements nor attributes are allowed in a {f.type}")
    text = element.text or ""
    try:
        return _parse(service, f.type, text)
    except (ValueError, KeyError):
        raise Violation(f"{f.name}: {text[:60]!r} is not a valid {f.type}") from None


def _parse(service: Service, kind: str, text: str) -> object:
    if kind in service.enums:
        if text not in service.enums[kind]:
            raise ValueError(text)
        return text
    return PARSERS[kind](text if kind == "string" else text.strip())


# --- responses ---


def write(service: Service, kind: str, tag: str, value: Mapping[str, Any]) -> etree._Element:
    """An element of the type. Like .NET, it leaves out None, empty lists and values that equal their default."""
    element = etree.Element(f"{{{service.namespace}}}{tag}", nsmap={"tns": service.namespace})
    _fill(service, kind, element, value)
    return element


def _fill(service: Service, kind: str, element: etree._Element, value: Mapping[str, Any]) -> None:
    fields = service.types[kind]
    unknown = set(value) - {f.name for f in fields}
    if unknown - {"SandboxExtra"}:  # see OfficeState.extra_elements
        raise KeyError(f"{kind} has no {unknown}")
    for f in fields:
        for item in _items(f, value.get(f.name)):
            _append(service, f, element, item)
    if "SandboxExtra" in value:
        etree.SubElement(element, f"{{{service.namespace}}}SandboxExtra").text = text_of(value["SandboxExtra"])


def _items(f: Field, value: Any) -> Iterator[Any]:
    if f.many:
        yield from value or ()
    elif value is None:
        if f.required and not f.nillable:
            raise KeyError(f"{f.name} is required in the answer")
        if f.required:
            yield None
    elif not (f.type.startswith("ArrayOf") and not value) and (f.default is None or text_of(value) != f.default):
        yield value


def _append(service: Service, f: Field, parent: etree._Element, value: Any) -> None:
    element = etree.SubElement(parent, f"{{{service.namespace}}}{f.name}")
    if value is None:
        element.set(NIL, "true")
    elif f.type.startswith("ArrayOf"):
        _fill(service, f.type, element, {service.types[f.type][0].name: value})
    elif f.type in service.types:
        _fill(service, f.type, element, value)
    else:
        element.text = text_of(value)
