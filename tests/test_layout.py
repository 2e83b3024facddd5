"""The layout of the project: which module may import which, how long a module is, what a command loads."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

from tests.support import ROOT, python
from tests.support.loading import loaded_by

PACKAGE = ROOT / "klarna24"
SOURCES = {str(path.relative_to(PACKAGE)): path.read_text("utf-8") for path in sorted(PACKAGE.rglob("*.py"))}
Imports = ast.Import | ast.ImportFrom
SLOW = {"keyring", "lxml", "psycopg", "pydantic", "requests", "rich", "sqlite3", "tomli_w", "urllib3", "zeep"}


def lint_imports(rules: Path) -> tuple[int, str]:
    """The exit code of import-linter under these rules, and what it says of those that are broken."""
    program = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    ended = python("-c", program, "--no-cache", "--no-logo", str(rules))
    return ended.returncode, ended.stdout.partition("Broken contracts")[2] + ended.stderr


def test_imports_follow_the_rules_in_pyproject() -> None:
    assert lint_imports(ROOT / "pyproject.toml") == (0, "")


def test_the_lowest_versions_that_ci_installs_are_those_of_pyproject() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    lowest = [dependency.replace(">=", "==") for dependency in project["dependencies"]]
    assert (ROOT / ".ci" / "lower-bounds.txt").read_text("utf-8").split() == lowest


def test_an_import_of_a_higher_layer_breaks_the_rules(tmp_path: Path) -> None:
    rules = (ROOT / "pyproject.toml").read_text("utf-8")
    rules = rules.replace('"__main__",', '"text",\n"__main__",').replace('"text | ', '"')
    (tmp_path / "pyproject.toml").write_text(rules, "utf-8")
    code, broken = lint_imports(tmp_path / "pyproject.toml")
    assert code == 1
    assert "klarna24.logs is not allowed to import klarna24.text" in broken


def test_the_package_has_at_most_22_entries_at_its_top() -> None:
    entries = sorted(path.name for path in PACKAGE.iterdir() if path.name != "__pycache__")
    assert len(entries) <= 22, entries


def test_a_module_has_at_most_350_lines() -> None:
    assert [name for name, text in SOURCES.items() if text.count("\n") > 350] == []


def test_the_face_of_a_package_is_a_docstring_alone() -> None:
    faces = {name: ast.parse(text).body for name, text in SOURCES.items() if name.endswith("/__init__.py")}
    del faces["sandbox/__init__.py"]  # names what its users need
    assert [name for name, body in faces.items() if [type(it) for it in body] != [ast.Expr]] == []


def test_an_import_inside_a_function_has_a_reason_beside_it() -> None:
    without = []
    for name, text in SOURCES.items():
        functions = [it for it in ast.walk(ast.parse(text)) if isinstance(it, ast.FunctionDef)]
        inside = {it.lineno for function in functions for it in ast.walk(function) if isinstance(it, Imports)}
        lines = text.splitlines()
        without += [f"{name}:{line}" for line in inside if " # noqa: PLC0415 - " not in lines[line - 1]]
    assert without == []


@pytest.mark.parametrize(("argument", "code"), [("--help", 0), ("--version", 0), ("no-such-command", 2)])
def test_what_needs_no_command_loads_nothing_slow(argument: str, code: int) -> None:
    assert loaded_by([argument], SLOW) == (code, [])


def test_a_state_in_a_folder_loads_nothing_for_a_server(tmp_path: Path) -> None:
    """Not due, the most frequent run of all."""
    profiles = tmp_path / "profiles.toml"
    profiles.write_text((ROOT / "profiles.example.toml").read_text("utf-8"), "utf-8")
    profiles.chmod(0o600)
    arguments = ["--config", str(profiles), "--state-dir", str(tmp_path / "state"), "status"]
    assert loaded_by(arguments, {"psycopg", "certifi"}) == (0, [])
    address = "postgresql://nobody@127.0.0.1:1/klarna24"
    assert loaded_by([*arguments[:2], "--state", address, "status"], {"psycopg", "certifi"}) == (
        5,
        ["certifi", "psycopg"],
    )


def test_the_state_is_opened_where_it_is_and_not_in_the_folder_of_this_host() -> None:
    """``config.state`` may be a server; ``config.state_dir`` is the folder for sessions."""
    wrong = re.compile(r"(only_run|no_run|\.open|\.for_reading|loss|begin_again)\(\w*\.?config\.state_dir")
    assert [name for name, text in SOURCES.items() if wrong.search(text)] == []
