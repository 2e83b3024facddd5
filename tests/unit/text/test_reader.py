"""Numbers and dates in the reader's form, against those of Unicode's CLDR (by Babel)."""

from datetime import date
from decimal import Decimal

import pytest
from babel.numbers import format_decimal
from hypothesis import given
from hypothesis import strategies as st

from klarna24.text.reader import Reader
from klarna24.text.sentences import Language, sentence

AMOUNTS = st.decimals("-99999999999.99", "99999999999.99", places=2)


@pytest.mark.parametrize(
    ("language", "shown"),
    [("sv", "−162\u00a0316,50"), ("nb", "−162\u00a0316,50"), ("en", "-162,316.50")],
)
def test_an_amount_is_written_as_its_reader_does(language: Language, shown: str) -> None:
    assert Reader(language).amount(Decimal("-162316.50")) == shown


@given(AMOUNTS, st.sampled_from(["sv", "nb", "en"]))
def test_amounts_are_those_of_the_unicode_consortium(amount: Decimal, language: Language) -> None:
    expected = format_decimal(amount + 0, "#,##0.00", locale=language)
    written = (
        Reader(language).amount(amount).replace("−", "-")
    )  # Babel leaves the sign of a given pattern as it is
    assert written == expected.replace("\u202f", "\u00a0")


@pytest.mark.parametrize("amount", ["-0.00", "-0.001", "0"])
def test_zero_has_no_sign(amount: str) -> None:
    assert Reader("sv").amount(Decimal(amount)) == "0,00"


def test_shares_have_one_decimal_and_a_dash_stands_for_none() -> None:
    assert Reader("sv").percent(Decimal("2.949")) == "2,9\u00a0%"
    assert Reader("en").percent(None) == "–"


@pytest.mark.parametrize(
    ("language", "shown"), [("sv", "2026-11-09"), ("nb", "09.11.2026"), ("en", "9\u00a0Nov\u00a02026")]
)
def test_a_date_is_written_as_its_reader_does(language: Language, shown: str) -> None:
    assert Reader(language).day(date(2026, 11, 9)) == shown


def test_amounts_and_dates_in_a_sentence_are_written_alike_and_nothing_else() -> None:
    inner = sentence("off by {amount}", amount="-1234.50 SEK")
    text = sentence(
        "{day}: {what}, {reference}, {rate}", day="2026-11-09", what=inner, reference="12.345", rate="2026-02-31"
    )
    assert Reader("nb").say(text) == "09.11.2026: off by −1\u00a0234,50\u00a0SEK, 12.345, 2026-02-31"


def test_a_text_with_signs_that_do_not_show_is_shown_without_them() -> None:
    assert Reader("sv").say("X\u202eISA\x00\n93") == "XISA93"


@pytest.mark.parametrize(
    ("variables", "language"),
    [
        ({}, "en"),
        ({"LANG": "sv_SE.UTF-8"}, "sv"),
        ({"LANG": "nb_NO.UTF-8"}, "nb"),
        ({"LANG": "nn_NO"}, "nb"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({"LANG": "sv_SE.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LANG": "en_US.UTF-8", "LC_MESSAGES": "no"}, "nb"),
        ({"LANG": "en_US.UTF-8", "LANGUAGE": "de:sv:en"}, "sv"),
        ({"LANG": "sv_SE.UTF-8", "LANGUAGE": ""}, "sv"),
    ],
)
def test_the_environment_says_what_language_a_person_reads(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], language: str
) -> None:
    for name in ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert Reader.of_environment().language == language
