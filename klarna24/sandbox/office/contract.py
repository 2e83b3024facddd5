"""The contracts of the six services, read from the field tables in contracts/ (schema.py has their form).

A test compares them with the vendor's WSDLs. Types of requests are complete. Of the types that a file calls
partial, it has only the fields that the sandbox sends.
"""

from pathlib import Path

from klarna24.sandbox.office.schema import Service, table

NO_INT = -(2**31)  # the contract's default, which means "not given"
NO_SHORT = -(2**15)


def _service(file: Path) -> Service:
    """The lines before the first type name the service; the others are the fields of its types."""
    text = file.read_text(encoding="utf-8")
    head, types = text[: text.index("[")].splitlines(), text[text.index("[") :]
    words: dict[str, list[str]] = {}
    enums: dict[str, tuple[str, ...]] = {}
    for key, *values in map(str.split, head):
        if key == "enum":
            enums[values[0]] = tuple(values[1:])
        else:
            words[key] = values
    [name], [path], [namespace] = words["service"], words["path"], words["namespace"]
    operations, partial = tuple(words["operations"]), frozenset(words.get("partial", ()))
    return Service(name, path, namespace, operations, table(types), enums, partial)


_SERVICES = [_service(file) for file in sorted((Path(__file__).parent / "contracts").glob("*.txt"))]
SERVICES = {service.path: service for service in _SERVICES}
ACCOUNT = next(service for service in _SERVICES if service.name == "Account")
