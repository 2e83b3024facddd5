"""The house: its storeys, its doors, and how fast it opens. The two lists below are the rule.

Read from the source, imports inside functions and for type checkers included.
"""

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import klarna24
from tests.loading import loaded_by

HOUSE = Path(klarna24.__file__).parent

# Read downwards: a module imports only what stands on a storey below its own.
STOREYS = [
    ["__main__"],
    ["cli"],
    ["running", "wizard"],
    ["as_cron", "output", "side_by_side", "telling", "trying"],
    ["check", "resolve", "status", "sync"],
    ["plan", "post"],
    ["shop"],
    ["logs", "report"],
    ["klarna", "lock", "notify", "state", "twentyfour"],
    ["credentials", "due", "mapping", "pace", "problems", "schedule", "troubles", "web"],
    ["config", "not_due"],
    ["folders", "lookup"],
    ["payout", "voucher"],
    ["redaction"],
    ["errors", "stopping", "systemd", "text", "wording"],
    [""],  # the package itself: its version
]
# A package is entered by its own door; inside, the same rule.
ROOMS = {
    "config": [["loading"], ["tables"], ["values"]],
    "mapping": [["entries"], ["lines"], ["figures"]],
    "notify": [["heartbeat", "letter", "smtp"], ["limit"]],
    "output": [["tables"], ["documents", "lines"]],
    "state": [["store", "troubles"], ["base"], ["database", "rows"]],
    "twentyfour": [
        ["client", "setup"],
        ["books", "bundle", "journal", "writing"],
        ["connection"],
        ["answers"],
        ["dates", "sessions", "transport"],
    ],
    "wizard": [
        ["saving"],
        ["connections", "settings"],
        ["draft", "keeping"],
        ["asking", "profile_file", "usual"],
    ],
}

# The only doors to what is not ours, and not Python's own.
DOORS = {
    "click": {"cli", "trying", "wizard"},
    "filelock": {"lock"},
    "lxml": {"twentyfour", "sandbox"},
    "platformdirs": {"folders"},
    "pydantic": {"config", "klarna"},
    "pydantic_core": {"config", "wizard"},
    "requests": {"klarna", "notify", "twentyfour", "web"},
    "rich": {"output"},
    "smtplib": {"notify"},
    "sqlite3": {"state"},
    "tenacity": {"klarna", "notify", "twentyfour"},
    "tomli_w": {"trying", "wizard"},
    "urllib3": {"klarna", "twentyfour"},
    "zeep": {"twentyfour"},
}
SLOW = {"keyring", "lxml", "pydantic", "requests", "rich", "sqlite3", "tomli_w", "urllib3", "zeep"}


def sources() -> dict[str, Path]:
    """Dotted name below klarna24 → file; a package by its own name, klarna24 itself by none."""
    files = {path.relative_to(HOUSE).with_suffix(""): path for path in HOUSE.rglob("*.py")}
    return {".".join(part for part in name.parts if part != "__init__"): path for name, path in files.items()}


SOURCES = sources()


@cache
def imports(module: str) -> frozenset[str]:
    """Every name that is imported, absolute: ``klarna24.config`` for ``from klarna24 import config``."""
    return frozenset(_imports(module))


def _imports(module: str) -> Iterator[str]:
    package = SOURCES[module].parent.relative_to(HOUSE.parent).parts
    for node in ast.walk(ast.parse(SOURCES[module].read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            origin = ".".join(filter(None, [base, node.module]))
            names = [f"{origin}.{alias.name}" for alias in node.names]
            yield from (name if name.removeprefix("klarna24.") in SOURCES else origin for name in names)


def room(dotted: str) -> str:
    """``twentyfour`` for ``twentyfour.client``."""
    return dotted.partition(".")[0]


def ours(module: str) -> list[str]:
    """What a module imports of klarna24, as dotted names below it; the sandbox is a house of its own."""
    own = [name for name in imports(module) if room(name) == "klarna24"]
    return [name.removeprefix("klarna24").removeprefix(".") for name in own]


def test_the_reading_of_imports_sees_what_is_there() -> None:
    """A test of this test: each way to write an import is found somewhere."""
    assert "config" in ours("cli"), "inside a function, and as from klarna24 import config"
    assert "report" in ours("cli"), "for type checkers"
    assert "" in ours("cli"), "the package itself"
    assert "sandbox.faults" in ours("sandbox.server"), "relative"
    assert "twentyfour.answers" in ours("twentyfour.client")
    assert "sqlite3" in imports("state.store")


def test_every_module_has_its_storey() -> None:
    """A new module is put into the list above, on the storey that its imports allow."""
    listed = [name for storey in STOREYS for name in storey]
    assert len(listed) == len(set(listed))
    assert sorted(listed) == sorted({room(module) for module in SOURCES} - {"sandbox"})
    listed = [f"{house}.{name}" for house, storeys in ROOMS.items() for storey in storeys for name in storey]
    assert sorted(listed) == sorted(module for module in SOURCES if "." in module and room(module) != "sandbox")


@pytest.mark.parametrize("module", sorted(module for module in SOURCES if room(module) != "sandbox"))
def test_imports_go_downwards(module: str) -> None:
    storey = {name: number for number, names in enumerate(STOREYS) for name in names}
    inside = {
        f"{house}.{name}": number
        for house, storeys in ROOMS.items()
        for number, names in enumerate(storeys)
        for name in names
    }
    for imported in ours(module):
        if room(imported) == "sandbox":
            assert module == "trying", f"{module} imports {imported}: only trying plays both vendors"
        elif room(imported) == room(module) in ROOMS:
            assert inside.get(module, -1) < inside[imported], f"{module} imports {imported}, which is not below it"
        else:
            assert imported in storey, f"{module} imports {imported}: a package is entered by its own door"
            assert storey[room(module)] < storey[imported], f"{module} imports {imported}, which is not below it"


@pytest.mark.parametrize("module", sorted(SOURCES))
def test_each_foreign_package_has_its_doors(module: str) -> None:
    for imported in {room(name) for name in imports(module)} - {"klarna24"}:
        if imported in DOORS:
            assert room(module) in DOORS[imported], f"{module} imports {imported}"
        else:
            assert imported in sys.stdlib_module_names, f"{module} imports {imported}, which has no door yet"


def test_no_door_stands_for_nothing() -> None:
    for package, modules in DOORS.items():
        through = {room(module) for module in SOURCES if package in {room(name) for name in imports(module)}}
        assert through == modules, package


@pytest.mark.parametrize("module", sorted(module for module in SOURCES if room(module) == "sandbox"))
def test_the_sandbox_imports_nothing_of_klarna24(module: str) -> None:
    assert {room(name) for name in ours(module)} <= {"sandbox"}


def test_nothing_is_imported_by_name_at_run_time() -> None:
    """Such an import could not be seen here."""
    for module in SOURCES:
        assert not {"importlib", "runpy", "imp"} & {room(name) for name in imports(module)}, module
        assert "__import__" not in SOURCES[module].read_text("utf-8"), module


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["sync", "--help"], ["no-such-command"]], ids=" ".join
)
def test_help_loads_nothing_that_is_slow(arguments: list[str]) -> None:
    assert loaded_by(arguments, SLOW) == (2 if arguments == ["no-such-command"] else 0, [])
