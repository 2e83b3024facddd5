"""What people read is translated: the catalogues have every message, and pybabel finds every message.

After a message has changed, from the repository's folder (the head of each .po says it, too):

    pybabel extract -k sentence --no-default-keywords --add-location=file -o klarna24.pot klarna24
    pybabel update -D klarna24 -d klarna24/text/locale -i klarna24.pot -w 115 --no-fuzzy-matching --ignore-obsolete
    (translate what is new in klarna24/text/locale/*/LC_MESSAGES/klarna24.po)
    pybabel compile -D klarna24 -d klarna24/text/locale
"""

import ast
import io
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from string import Formatter
from typing import Any, get_args

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import read_mo, write_mo
from babel.messages.pofile import read_po

import klarna24
from klarna24 import errors
from klarna24.errors import Klarna24Error
from klarna24.text.sentences import LOCALE, Language

PACKAGE = Path(klarna24.__file__).parent
LANGUAGES = [language for language in get_args(Language) if language != "en"]
WHAT_TO_DO = "the commands stand at the head of this file"


@cache
def catalogue(language: str) -> Catalog:
    with (LOCALE / language / "LC_MESSAGES" / "klarna24.po").open("rb") as file:
        return read_po(file, locale=language)


@cache
def extracted() -> frozenset[str]:
    """The messages that ``pybabel extract`` finds."""
    found = extract_from_dir(str(PACKAGE), keywords={"sentence": None})
    return frozenset(str(message) for _, _, message, _, _ in found)


def translations(it: Catalog) -> dict[str, str]:
    return {str(message.id): str(message.string) for message in it if message.id}


def places(template: str) -> list[tuple[str, str | None, str | None]]:
    """The name of each place, with its format and its conversion."""
    return sorted((name, form, how) for _, name, form, how in Formatter().parse(template) if name is not None)


# The catalogues


def test_there_is_a_catalogue_for_every_language_and_no_other() -> None:
    assert sorted(path.name for path in LOCALE.iterdir()) == sorted(LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_message_is_translated_and_nothing_else_is(language: str) -> None:
    it = catalogue(language)
    messages = translations(it).keys()
    assert sorted(extracted() - messages) == [], WHAT_TO_DO
    assert sorted(messages - extracted()) + list(it.obsolete) == [], WHAT_TO_DO
    assert [message.id for message in it if message.id and (message.fuzzy or not message.string)] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_has_the_places_of_its_message_and_no_format(language: str) -> None:
    for message, translation in translations(catalogue(language)).items():
        assert places(message) == places(translation), message
        assert all((form, how) == ("", None) for _, form, how in places(message)), message


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_gettext_reads_is_what_people_edit(language: str) -> None:
    compiled = io.BytesIO()
    write_mo(compiled, catalogue(language))
    compiled.seek(0)
    with (LOCALE / language / "LC_MESSAGES" / "klarna24.mo").open("rb") as file:
        assert translations(read_mo(file)) == translations(read_mo(compiled)), WHAT_TO_DO


def test_the_package_contains_what_gettext_reads() -> None:
    project = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text("utf-8"))
    patterns = project["tool"]["setuptools"]["package-data"]["klarna24"]
    packaged = {file for pattern in patterns for file in PACKAGE.glob(pattern)}
    assert {LOCALE / language / "LC_MESSAGES" / "klarna24.mo" for language in LANGUAGES} <= packaged


# The source


# What is called with a text for a person, and the index of its message, which its hint follows.
MESSAGE_AT = {
    **{name: 0 for name, it in vars(errors).items() if isinstance(it, type) and issubclass(it, Klarna24Error)},
    "Blocked": 1,
    "Problem": 1,
    "_TryAgain": 0,
    "NotSent": 0,
    "NoAnswer": 0,
    "Answer": 1,
}
del MESSAGE_AT["UsageFault"]  # the command line, which is English
# Where all messages are English: before the language is known, in a conversation, and in logs.
ENGLISH = (
    "cli/setup/",
    "config/file.py",
    "config/loading.py",
    "config/tables.py",
    "config/values.py",
    "notify/",
    "sandbox/",
)
COMMANDS = ("klarna24 ", "chmod ", "chown ", "ls -l ")  # the same in every language
EXCEPTIONS = {
    "f'24SevenOffice: {message}'",  # the server's text
    "f'{name}: {text}'",  # the server's text
    "f'{it.name}: {it.message}'",  # a failed check, which is English
}


@cache
def tree(path: Path) -> ast.Module:
    """The module, each node of which knows its parent."""
    module = ast.parse(path.read_text("utf-8"))
    for node in ast.walk(module):
        for child in ast.iter_child_nodes(node):
            child.parent = node  # type: ignore[attr-defined]  # not an attribute of ast's own
    return module


def calls(path: Path, names: set[str]) -> Iterator[ast.Call]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names:
            yield node


def untranslatable(value: ast.expr) -> Iterator[str]:
    """The texts that ``value`` may be and that cannot be translated: literals, and what is made of strings."""
    match value:
        case ast.Constant(value=str(text)) if not text.startswith(COMMANDS) and text:
            yield ast.unparse(value)
        case ast.JoinedStr(values=[ast.Constant(value=str(text)), *_]) if text.startswith(COMMANDS):
            pass
        case ast.JoinedStr() | ast.BinOp():
            yield ast.unparse(value)
        case ast.Call(func=ast.Attribute(attr="format" | "join" | "replace" | "strip")):
            yield ast.unparse(value)
        case ast.IfExp(body=one, orelse=other):
            yield from (*untranslatable(one), *untranslatable(other))
        case ast.BoolOp(values=values):
            yield from (text for it in values for text in untranslatable(it))
        case ast.Name():
            yield from (text for it in assigned(value) for text in untranslatable(it))


def assigned(name: ast.Name) -> Iterator[ast.expr]:
    """What is assigned to the name in its function, or else in its module."""
    scope: Any = name
    while not isinstance(scope, ast.Module):
        scope = scope.parent
        if isinstance(scope, ast.FunctionDef | ast.Module) and (found := list(assigned_in(scope, name.id))):
            yield from found
            return


def assigned_in(scope: ast.AST, name: str) -> Iterator[ast.expr]:
    for node in ast.walk(scope):
        match node:
            case (
                ast.Assign(targets=[ast.Name(id=target)], value=value)
                | ast.AnnAssign(target=ast.Name(id=target), value=ast.expr() as value)
                | ast.AugAssign(target=ast.Name(id=target), value=value)
                | ast.NamedExpr(target=ast.Name(id=target), value=value)
            ) if target == name:
                yield value


def untranslatable_messages(path: Path) -> list[str]:
    found = []
    for call in calls(path, set(MESSAGE_AT)):
        assert isinstance(call.func, ast.Name)
        first = MESSAGE_AT[call.func.id]
        texts = [*call.args[first : first + 2]]
        texts += [keyword.value for keyword in call.keywords if keyword.arg in {"message", "hint"}]
        found += [text for it in texts for text in untranslatable(it) if text not in EXCEPTIONS]
    return found


def test_every_message_about_a_payout_or_a_profile_can_be_translated() -> None:
    paths = {str(path.relative_to(PACKAGE)): path for path in PACKAGE.rglob("*.py")}
    found = {name: untranslatable_messages(it) for name, it in paths.items() if not name.startswith(ENGLISH)}
    assert {name: texts for name, texts in found.items() if texts} == {}, "use sentence('… {place} …', place=…)"


@pytest.mark.parametrize(
    "raised",
    [
        'Blocked("debt", f"{one} is not {other}", HINT)',
        'Locked("another run is under way")',
        'Unavailable(sentence("no answer"), hint="try again")',
        'Unavailable("no answer" if slow else sentence("busy"))',
        'StateFault(said + ": damaged")',
        'BadAnswer("; ".join(parts))',
        'Problem("blocked", why, "")',
        "Unavailable(LATER)",
    ],
)
def test_a_message_that_cannot_be_translated_is_found(raised: str, tmp_path: Path) -> None:
    """A test of the test above."""
    source = tmp_path / "source.py"
    source.write_text(f'LATER = "try again later"\ndef f():\n    why = f"{{1}} is blocked"\n    raise {raised}\n')
    assert untranslatable_messages(source)


def test_a_sentence_and_a_command_need_no_other_form(tmp_path: Path) -> None:
    source = tmp_path / "source.py"
    source.write_text('def f():\n    raise Blocked("debt", sentence("{one}", one=f"{1}"), "klarna24 check")\n')
    assert not untranslatable_messages(source)


def test_the_template_of_a_sentence_is_a_literal() -> None:
    """Else neither pybabel finds it, nor the tests above."""
    templates = set()
    for path in PACKAGE.rglob("*.py"):
        for call in calls(path, {"sentence"}):
            assert call.args, path
            (template,) = call.args
            assert isinstance(template, ast.Constant), f"{path}: {ast.unparse(call)}"
            templates.add(template.value)
    assert templates == extracted()
