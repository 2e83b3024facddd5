"""A sentence is an English str that can be stored, copied and translated afterwards."""

import copy
import json
import pickle
from collections.abc import Iterator
from typing import get_args

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from hypothesis import given
from hypothesis import strategies as st

from klarna24.text import sentences as module
from klarna24.text.clean import clean
from klarna24.text.sentences import (
    Language,
    Sentence,
    from_json,
    from_stored,
    joined,
    sentence,
    to_json,
    to_stored,
    translated,
)

SWEDISH = {
    "payout {reference} waits: {why}": "utbetalning {reference} väntar: {why}",
    "no answer ({error})": "inget svar ({error})",
    "{what} is damaged: {why}": "{what} är skadad: {why}",
    "the state": "statusdatabasen",
    "payout": "utbetalning",
    "fault {code}: {message}": "fel {code}: {message}",
    "book it by hand, then {skip}": "bokför den för hand och kör sedan {skip}",
}


@pytest.fixture(scope="module", autouse=True)
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A Swedish catalogue with these messages only."""
    folder = tmp_path_factory.mktemp("locale")
    (folder / "sv" / "LC_MESSAGES").mkdir(parents=True)
    messages = Catalog("sv")
    for message, translation in SWEDISH.items():
        messages.add(message, translation)
    with (folder / "sv" / "LC_MESSAGES" / "klarna24.mo").open("wb") as file:
        write_mo(file, messages)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "LOCALE", folder)
        module._catalogue.cache_clear()
        yield
    module._catalogue.cache_clear()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  åäö \n", "åäö"),
        ("\x1b[31mred\r\nBcc: x\x00", "[31mredBcc: x"),
        ("", ""),
        (None, ""),
    ],
)
def test_text_from_outside_is_cleaned_to_one_line(text: str | None, expected: str) -> None:
    assert clean(text) == expected


TURNING = [0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
UNSEEN = [0xAD, 0x200B, 0x200C, 0x200D, 0x2028, 0x2029, 0x2060, 0xFEFF, 0xFFF9, 0xE0041]
BLANK = [0x34F, 0x115F, 0x1160, 0x17B4, 0x180B, 0x180F, 0x2800, 0x3164, 0xFE00, 0xFE0F, 0xFFA0, 0xE0100, 0xE01EF]


@pytest.mark.parametrize("number", [*range(32), *range(0x7F, 0xA0), *TURNING, *UNSEEN, *BLANK], ids=hex)
def test_what_turns_or_hides_text_is_dropped(number: int) -> None:
    """Bidirectional controls show XISA93DJ.pdf for another name; what shows nothing makes two names look alike."""
    assert clean(f"XISA{chr(number)}93DJ") == "XISA93DJ"
    assert clean(chr(number)) == ""


@pytest.mark.parametrize("text", ["Åsa Öberg", "Ærlig Ødegård", "a\u0308", "שלום", "مرحبا", "日本", "🙂", "½ €"])
def test_what_shows_stays(text: str) -> None:
    assert clean(text) == text


def test_a_sentence_in_a_sentence_is_translated_with_it() -> None:
    error, state = sentence("no answer ({error})", error="SSLError"), sentence("the state")
    why = joined("; ", (error, sentence("{what} is damaged: {why}", what=state, why="?")))
    waits = sentence("payout {reference} waits: {why}", reference="X", why=why)
    assert waits == "payout X waits: no answer (SSLError); the state is damaged: ?"
    assert translated(waits, "sv") == "utbetalning X väntar: inget svar (SSLError); statusdatabasen är skadad: ?"
    assert translated(waits, "en") == str(waits)
    assert translated(waits, "nb") == str(waits), "English where there is no catalogue"


def test_an_empty_sentence_is_empty_in_each_language() -> None:
    """gettext would return the header of the catalogue."""
    assert translated(sentence(""), "sv") == ""


def test_a_str_that_is_not_a_sentence_is_not_translated() -> None:
    """Even where its words are those of a message: it is a server's text, or a name."""
    assert translated("payout", "sv") == "payout"
    of_a_server = sentence("fault {code}: {message}", code="payout", message="fees")
    assert translated(of_a_server, "sv") == "fel payout: fees"


values = st.recursive(
    st.text() | st.integers(),
    lambda inner: st.builds(
        lambda path, why: sentence("{path} cannot be locked: {why}", path=path, why=why), inner, inner
    ),
    max_leaves=8,
)


@given(values, values)
def test_a_sentence_can_be_stored_and_copied_and_translated_afterwards(one: str | int, other: str | int) -> None:
    """Whatever its values are, braces included."""
    made = joined(", ", [sentence("payout {reference} waits: {why}", reference=one, why=other)])
    stored = from_json(json.loads(json.dumps(to_json(made))))
    for again in (stored, copy.deepcopy(made), pickle.loads(pickle.dumps(made))):
        assert again == made
        assert isinstance(again, Sentence)
        for language in get_args(Language):
            assert translated(again, language) == translated(made, language)
    inner = [translated(it, "sv") if isinstance(it, str) else str(it) for it in (one, other)]
    assert translated(made, "sv") == "utbetalning {} väntar: {}".format(*inner)
    assert from_stored(to_stored(made, "klarna24 check")) == (made, "klarna24 check")


def test_other_values_reach_the_sentences_within() -> None:
    inner = sentence("book it by hand, then {skip}", skip="…")
    made = sentence("payout {reference} waits: {why}", reference="X", why=inner)
    other = made.with_values(skip="klarna24 resolve", strange="y")
    assert translated(other, "sv") == "utbetalning X väntar: bokför den för hand och kör sedan klarna24 resolve"
    assert "strange" not in other.values
