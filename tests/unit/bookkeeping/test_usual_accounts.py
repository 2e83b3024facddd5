"""The accounts that are suggested from a company's chart, by number and name."""

import pytest

from klarna24.bookkeeping.usual_accounts import USUAL, country_code, is_bank, usual_account
from klarna24.sandbox.office.chart import chart
from tests.support import data

EXPECTED = data(__file__, "usual_accounts.toml")


@pytest.mark.parametrize("name", EXPECTED)
def test_what_is_suggested_on_each_chart(name: str) -> None:
    expected = dict(EXPECTED[name])
    country = expected.pop("country")
    suggested = {key: usual_account(country, key, chart(name)) for key in USUAL["SE"]}
    assert {key: number for key, number in suggested.items() if number is not None} == expected


@pytest.mark.parametrize(
    ("change", "key", "expected"),
    [
        ({1935: "Klarna avräkning"}, "payout", 1935),
        ({1935: "KLARNA"}, "payout", 1935),
        ({1935: "Klarna skattekonto"}, "payout", 1940),
        ({1940: "SEB företagskonto"}, "payout", 1930),
        ({1940: "Placeringskonto, bank"}, "payout", 1930),
        ({1940: None}, "payout", 1930),
        ({1940: None, 1930: "Kundfordringar"}, "payout", None),
        ({1581: "Fordran Klarna"}, "receivable", 1581),
        ({1580: "Klarna"}, "receivable", 1580),
        ({1510: "Kundfordringar Klarna"}, "receivable", 1580),
        ({1581: "Klarna, innehållna medel"}, "receivable", 1580),
        ({1581: "Nedskrivning av fordran på Klarna"}, "receivable", 1580),
        ({1581: "Förskott till Klarna"}, "receivable", 1580),
        ({1686: "Reseförskott"}, "receivable", 1580),
        ({1686: "Övriga fordringar"}, "receivable", 1580),
        ({1580: None}, "receivable", None),
        ({1580: "Företagskonto", 1930: "Fordringar för kontokort"}, "receivable", None),
        ({6064: None}, "fees", 6040),
        ({6064: "Kreditupplysning"}, "fees", 6040),
        ({6064: None, 6040: None}, "fees", None),
        ({2641: "Utgående moms"}, "fees_vat", None),
        ({3921: None}, "commission", None),
        ({3921: "Avsättning, provision"}, "commission", None),
        ({1689: "Osäkra kortfristiga fordringar"}, "holdback", None),
        ({2899: "Skuld till anställda, övriga kortfristiga skulder"}, "debt", 2890),
        ({6351: "Befarade förluster på kundfordringar"}, "disputes", None),
        ({2411: "Långfristiga skulder till kreditinstitut"}, "loans", 2419),
    ],
)
def test_a_swedish_account_is_suggested_by_number_and_name(
    change: dict[int, str | None], key: str, expected: int | None
) -> None:
    assert usual_account("SE", key, changed("bas-2025", change)) == expected


@pytest.mark.parametrize(
    ("change", "key", "expected"),
    [
        ({1950: "Klarna skattetrekk"}, "payout", 1920),
        ({1950: "Klarna"}, "payout", 1920),
        ({1945: "Klarna oppgjør"}, "payout", 1945),
        ({1920: "Bankinnskudd for skattetrekk"}, "payout", None),
        ({1920: None}, "payout", None),
        ({1585: "Klarna"}, "receivable", 1585),
        ({1580: "Klarna", 1570: "Klarna"}, "receivable", 1579),
        ({1579: "Tap på andre kortsiktige fordringer"}, "receivable", None),
        ({1579: "ANDRE KORTSIKTIGE FORDRINGER"}, "receivable", 1579),
        ({1579: None}, "receivable", None),
        ({1585: "Klarna, tilbakeholdt"}, "holdback", 1585),
        ({1585: "Klarna, tilbakeholdt"}, "receivable", 1579),
        ({7770: "Reisekostnader"}, "fees", None),
        ({3700: "Husleie", 3707: "Provisjonsinntekter"}, "commission", 3707),
        ({2990: "Forskudd fra kunder, annen kortsiktig gjeld"}, "debt", None),
        ({2999: "Annen kortsiktig gjeld"}, "debt", 2999),
    ],
)
def test_a_norwegian_account_is_suggested_by_number_and_name(
    change: dict[int, str | None], key: str, expected: int | None
) -> None:
    assert usual_account("NO", key, changed("ns-4102", change)) == expected


def test_nothing_is_suggested_elsewhere() -> None:
    assert usual_account("", "payout", chart("bas-2025")) is None


@pytest.mark.parametrize("country", USUAL)
@pytest.mark.parametrize(
    "word", ["skattetrekk", "avsetning", "tap", "nedskrivning", "befarade", "reise", "forskudd"]
)
def test_a_name_with_one_of_these_words_is_never_suggested(country: str, word: str) -> None:
    named = {
        number: f"{name} {word.upper()}"
        for number, name in chart({"SE": "bas-2026", "NO": "ns-4102"}[country]).items()
    }
    assert [key for key in USUAL[country] if usual_account(country, key, named)] == []


@pytest.mark.parametrize(
    ("number", "name", "bank"),
    [
        (1930, "Företagskonto/checkkonto/affärskonto", True),
        (1930, "Klarna, avräkning", False),
        (1935, "Swedbank", True),
        (1940, "Övriga bankkonton", False),
        (1940, "SEB Företagskonto", True),
        (1920, "Bankinnskudd", True),
        (1945, "Klarna oppgjør", False),
        (1510, "Kundfordringar", False),
    ],
)
def test_a_bank_account_is_known_by_its_number_and_name(number: int, name: str, bank: bool) -> None:
    assert is_bank(number, name) is bank


@pytest.mark.parametrize(
    ("country", "currency", "code"),
    [
        ("Sverige", "SEK", "SE"),
        ("", "SEK", "SE"),
        ("Noreg", "EUR", "NO"),
        ("", "NOK", "NO"),
        ("Finland", "EUR", ""),
    ],
)
def test_a_country_is_known_by_its_name_or_else_by_the_currency(country: str, currency: str, code: str) -> None:
    assert country_code(country, currency) == code


def changed(name: str, change: dict[int, str | None]) -> dict[int, str]:
    """The chart with other names; None removes an account."""
    return {number: title for number, title in {**chart(name), **change}.items() if title is not None}
