"""What people read, in their language: the catalogues have every message, and every message can be found.

After a message has changed, from the repository's folder (the head of each .po says it, too):

    pybabel extract -k say --no-default-keywords --ignore-dirs=wizard --add-location=file -o klarna24.pot klarna24
    pybabel update -D klarna24 -d klarna24/locale -i klarna24.pot -w 115 --no-fuzzy-matching --ignore-obsolete
    (translate what is new in klarna24/locale/*/LC_MESSAGES/klarna24.po)
    pybabel compile -D klarna24 -d klarna24/locale
"""

import ast
import copy
import io
import json
import pickle
import tomllib
from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from pathlib import Path
from string import Formatter
from typing import Any, get_args

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import read_mo, write_mo
from babel.messages.pofile import read_po
from hypothesis import given, settings
from hypothesis import strategies as st

import klarna24
from klarna24 import errors
from klarna24.bookkeeping.mapping import voucher_for
from klarna24.bookkeeping.payout import NAMES, SIGNS, Payout, Totals
from klarna24.errors import Blocked, Changed, Klarna24Error, Problem
from klarna24.run import messages as problems
from klarna24.run.messages import ResolveCommand
from klarna24.text import LOCALE, Language, Sentence, from_json, joined, sentence, to_json, translated
from tests.support import bookkeeping as build
from tests.support.shops import OpenShop, simple

HOUSE = Path(klarna24.__file__).parent
LANGUAGES = [language for language in get_args(Language) if language != "en"]
WHAT_TO_DO = "the commands stand at the head of tests/test_wording.py"


@cache
def catalogue(language: str) -> Catalog:
    with (LOCALE / language / "LC_MESSAGES" / "klarna24.po").open("rb") as file:
        return read_po(file, locale=language)


@cache
def extracted() -> frozenset[str]:
    """What ``pybabel extract`` finds. The wizard asks in English, by a sentence() of its own."""
    methods = [("wizard/**.py", "ignore"), ("**.py", "python")]
    found = extract_from_dir(str(HOUSE), method_map=methods, keywords={"say": None})
    return frozenset(str(message) for _, _, message, _, _ in found)


def translations(of: Catalog) -> dict[str, str]:
    return {str(message.id): str(message.string) for message in of if message.id}


def places(template: str) -> list[tuple[str, str | None, str | None]]:
    """Each place with its format and its conversion."""
    return sorted((name, form, how) for _, name, form, how in Formatter().parse(template) if name is not None)


# The catalogues


def test_there_is_a_catalogue_for_every_language_and_no_other() -> None:
    assert sorted(path.name for path in LOCALE.iterdir()) == sorted(LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_message_is_translated_and_nothing_else_is(language: str) -> None:
    of = catalogue(language)
    has = translations(of)
    assert sorted(extracted() - has.keys()) == [], WHAT_TO_DO
    assert sorted(has.keys() - extracted()) + list(of.obsolete) == [], WHAT_TO_DO
    assert [message.id for message in of if message.id and (message.fuzzy or not message.string)] == []


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


def test_the_package_ships_what_gettext_reads() -> None:
    project = tomllib.loads((HOUSE.parent / "pyproject.toml").read_text("utf-8"))
    patterns = project["tool"]["setuptools"]["package-data"]["klarna24"]
    shipped = {file for pattern in patterns for file in HOUSE.glob(pattern)}
    assert {LOCALE / language / "LC_MESSAGES" / "klarna24.mo" for language in LANGUAGES} <= shipped


# The source


# What is raised with a text for a person, and at which argument that begins.
TOLD = {
    **{name: 0 for name, it in vars(errors).items() if isinstance(it, type) and issubclass(it, Klarna24Error)},
    "Blocked": 1,
    "Problem": 1,
    "_TryAgain": 0,
    "NotSent": 0,
    "NoAnswer": 0,
    "Answer": 1,
}
# Where it is said in English: while the language is not known, at a terminal, and in logs and checks.
IN_ENGLISH = {"config", "notify", "sandbox", "wizard"}
OF_THE_CALLER = "UsageFault"
COMMANDS = ("klarna24 ", "chmod ", "ls -l ")  # the same in every language
WITHOUT_WORDS = {
    "f'24SevenOffice: {clean(company.APIException.Message)}'",  # it is the server that says it
    "f'{name}: {said}'",  # the same
    "f'{it.name}: {it.message}'",  # a failed check, which is told in English
}


@cache
def tree(path: Path) -> ast.Module:
    module = ast.parse(path.read_text("utf-8"))
    for node in ast.walk(module):
        for child in ast.iter_child_nodes(node):
            child.parent = node  # type: ignore[attr-defined]  # the way up, which ast does not know
    return module


def sources() -> list[Path]:
    return [path for path in sorted(HOUSE.rglob("*.py")) if not {*path.relative_to(HOUSE).parts} & IN_ENGLISH]


def calls(path: Path, names: set[str]) -> Iterator[ast.Call]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names:
            yield node


def unsaid(value: ast.expr) -> Iterator[str]:
    """The texts that ``value`` may be and that nobody can translate: literals, and what is made of strings."""
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
            yield from (*unsaid(one), *unsaid(other))
        case ast.BoolOp(values=values):
            yield from (text for it in values for text in unsaid(it))
        case ast.Name():
            yield from (text for it in assigned(value) for text in unsaid(it))


def assigned(name: ast.Name) -> Iterator[ast.expr]:
    """What the name is given in its function, or else in its module."""
    scope: Any = name
    while not isinstance(scope, ast.Module):
        scope = scope.parent
        if isinstance(scope, ast.FunctionDef | ast.Module) and (found := list(given_in(scope, name.id))):
            yield from found
            return


def given_in(scope: ast.AST, name: str) -> Iterator[ast.expr]:
    for node in ast.walk(scope):
        match node:
            case (
                ast.Assign(targets=[ast.Name(id=target)], value=value)
                | ast.AnnAssign(target=ast.Name(id=target), value=ast.expr() as value)
                | ast.AugAssign(target=ast.Name(id=target), value=value)
                | ast.NamedExpr(target=ast.Name(id=target), value=value)
            ) if target == name:
                yield value


def said_badly(path: Path) -> list[str]:
    found = []
    for call in calls(path, TOLD.keys() - {OF_THE_CALLER}):
        assert isinstance(call.func, ast.Name)
        first = TOLD[call.func.id]
        given = [*call.args[first : first + 2]]
        given += [keyword.value for keyword in call.keywords if keyword.arg in {"message", "hint"}]
        found += [text for value in given for text in unsaid(value) if text not in WITHOUT_WORDS]
    return found


def test_what_is_told_of_a_payout_or_a_profile_can_be_said_in_each_language() -> None:
    bad = {str(path.relative_to(HOUSE)): texts for path in sources() if (texts := said_badly(path))}
    assert bad == {}, "wrap it: sentence('… {place} …', place=…)"


@pytest.mark.parametrize(
    "raised",
    [
        'Blocked("debt", f"{one} is not {other}", HINT)',
        'Locked("another run is under way")',
        'Unavailable(sentence("no answer"), hint="try again")',
        'Unavailable("no answer" if slow else sentence("busy"))',
        'StateFault(said + ": damaged")',
        'Rejected("; ".join(parts))',
        'Problem("blocked", why, "")',
        "Unavailable(LATER)",
    ],
)
def test_a_text_that_cannot_be_translated_is_seen(raised: str, tmp_path: Path) -> None:
    """A test of the test above."""
    source = tmp_path / "source.py"
    source.write_text(f'LATER = "try again later"\ndef f():\n    why = f"{{1}} is blocked"\n    raise {raised}\n')
    assert said_badly(source)


def test_what_is_said_and_what_needs_no_translation_is_let_by(tmp_path: Path) -> None:
    source = tmp_path / "source.py"
    source.write_text('def f():\n    raise Blocked("debt", sentence("{one}", one=f"{1}"), "klarna24 check")\n')
    assert not said_badly(source)


def test_a_message_is_a_literal_where_it_is_said() -> None:
    """Else neither Babel finds it, nor the test above."""
    said = set()
    for path in sources() + sorted((HOUSE / "notify").glob("*.py")):
        for call in calls(path, {"say"}):
            assert call.args, path
            (template,) = call.args
            assert isinstance(template, ast.Constant), f"{path}: {ast.unparse(call)}"
            said.add(template.value)
    assert said == extracted()


# The sentences


def test_every_figure_of_a_payout_has_a_name() -> None:
    one = Decimal(1)
    assert Totals(one, dict.fromkeys(SIGNS, one), one, one).named().keys() == NAMES.keys()


def test_a_sentence_in_a_sentence_is_translated_with_it() -> None:
    why = joined(
        "; ",
        (
            sentence("no answer ({error})", error="SSLError"),
            sentence("{what} is damaged: {why}", what=sentence("the state"), why="?"),
        ),
    )
    waits = sentence("payout {reference} waits: {why}", reference="X", why=why)
    assert waits == "payout X waits: no answer (SSLError); the state is damaged: ?"
    assert translated(waits, "sv") == "utbetalning X väntar: inget svar (SSLError); statusdatabasen är skadad: ?"
    assert translated(waits, "nb") == "utbetaling X venter: ikke noe svar (SSLError); statusdatabasen er skadet: ?"
    assert translated(waits, "en") == str(waits)


def test_what_is_nobodys_sentence_of_ours_stays_as_it_is() -> None:
    """Not even where its words are those of a message: a server, or a name, says them."""
    assert translated("payout", "sv") == "payout"
    assert (
        translated(sentence("fault {code}: {message}", code="payout", message="fees"), "sv") == "fel payout: fees"
    )


values = st.recursive(
    st.text() | st.integers(),
    lambda inner: st.builds(
        lambda path, why: sentence("{path} cannot be locked: {why}", path=path, why=why), inner, inner
    ),
    max_leaves=8,
)


@settings(deadline=None)  # the first one reads the catalogues
@given(values, values)
def test_a_sentence_can_be_kept_and_copied_and_said_in_any_language_afterwards(
    one: str | int, other: str | int
) -> None:
    """Whatever stands in its places, braces included."""
    said = joined(", ", [sentence("payout {reference} waits: {why}", reference=one, why=other)])
    kept = from_json(json.loads(json.dumps(to_json(said))))
    for again in (kept, copy.deepcopy(said), pickle.loads(pickle.dumps(said))):
        assert again == said
        assert isinstance(again, Sentence)
        for language in get_args(Language):
            assert translated(again, language) == translated(said, language)
    inner = [translated(it, "sv") if isinstance(it, str) else str(it) for it in (one, other)]
    assert translated(said, "sv") == "utbetalning {} väntar: {}".format(*inner)


def test_other_values_reach_the_sentences_within() -> None:
    inner = sentence("book it by hand, then {skip}", skip="…")
    said = sentence("if that is no mistake, add under voucher: {line}; {hint}", line="x", hint=inner)
    other = said.with_values(skip="klarna24 resolve", strange="y")
    assert translated(other, "nb").endswith("x; bokfør den manuelt og kjør deretter klarna24 resolve")
    assert "strange" not in other.values


# Whole problems


COMMAND = ResolveCommand("shop1", "XISA93DJ", "SEK")


def held(payout: Payout) -> Problem:
    with pytest.raises(Blocked) as error:
        voucher_for(payout, (), build.profile(), build.books())
    return problems.blocked(error.value, COMMAND)


def test_a_blocked_payout_is_told_in_swedish_with_its_figures() -> None:
    problem = held(build.payout({"settlement": 96_251, "sale": 100_000, "fee": 3_000, "tax": 750}))
    assert translated(problem.message, "sv") == (
        "utbetalning XISA93DJ hålls tillbaka: beloppen blir tillsammans 962.50 SEK, men utbetalt belopp är "
        "962.51 SEK: 0.01 SEK är oförklarat"
    )
    assert translated(problem.hint, "sv") == (
        "jämför med Klarnas utbetalningsrapport, fråga Klarna; nytt försök görs vid varje körning"
    )


@pytest.mark.parametrize(
    ("language", "hint"),
    [
        ("en", "book the fee invoice by hand, then {}"),
        ("sv", "bokför avgiftsfakturan för hand och kör sedan {}"),
        ("nb", "bokfør gebyrfakturaen manuelt og kjør deretter {}"),
    ],
)
def test_the_command_stands_in_full_in_the_hint_of_each_language(language: str, hint: str) -> None:
    problem = held(build.payout({"settlement": -3_750}, merchant_settlement_type="GROSS_FEE"))
    command = "klarna24 resolve --profile shop1 --currency SEK XISA93DJ --skip"
    assert translated(problem.hint, language) == hint.format(command)


def test_a_payout_that_changed_is_told_with_each_figures_name() -> None:
    then, now = {"sale": Decimal(100), "fee_refund": Decimal(5)}, {"sale": Decimal(90)}
    problem = problems.changed(COMMAND, "drafted", then, now, "SEK")
    assert problem.message == (
        "payout XISA93DJ changed at Klarna after it was drafted: sale 100.00 → 90.00, fee refund 5.00 → 0.00 SEK"
    )
    assert translated(problem.message, "nb") == (
        "utbetaling XISA93DJ ble endret hos Klarna etter at den ble overført: salg 100.00 → 90.00, "
        "refundert gebyr 5.00 → 0.00 SEK"
    )


def test_a_payout_that_is_gone_keeps_what_was_wrong_with_it() -> None:
    before = held(build.payout({"settlement": 1, "sale": 2}))
    gone = problems.gone("XISA93DJ", before)
    assert gone.message == f"payout XISA93DJ is no longer at Klarna. {before.message}"
    assert translated(gone.message, "sv").startswith(
        "utbetalning XISA93DJ finns inte längre hos Klarna. utbetalning XISA93DJ hålls tillbaka: beloppen"
    )
    never_told = problems.gone("XISA93DJ", None)
    assert (never_told.code, never_told.message) == (Changed.code, "payout XISA93DJ is no longer at Klarna.")


def test_a_run_tells_a_person_in_the_profiles_language_and_a_script_in_english(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[simple("GOOD"), simple("BAD", settlement_amount=5, sale_amount=10)])
    shop.write({"language": "sv"})
    (line,) = shop.sync().lines()
    assert line.startswith("klarna24: shop1: utbetalning BAD hålls tillbaka: beloppen blir tillsammans 0.10 SEK")
    (draft,) = shop.box.office.home.drafts
    assert draft.entries[0]["Comment"] == "Klarna GOOD utbetalning"
    document = shop.sync("--json", "--now").json
    (problem,) = document["profiles"][0]["problems"]
    assert problem["message"].startswith("payout BAD is blocked: the totals add up to 0.10 SEK")
    assert "is blocked" in shop.run("log").out
