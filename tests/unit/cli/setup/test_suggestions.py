"""The accounts that init suggests."""

import pytest

from klarna24.cli.setup.suggestions import account, country_code


@pytest.mark.parametrize(
    ("country", "key", "chart", "expected"),
    [
        ("SE", "fees", {6570: "Bankkostnader"}, 6570),
        ("SE", "fees", {1930: "Bank"}, None),
        ("NO", "payout", {1920: "Bankinnskudd"}, 1920),
        ("", "payout", {1930: "Bank"}, None),
    ],
)
def test_only_accounts_in_the_chart_are_suggested(
    country: str, key: str, chart: dict[int, str], expected: int | None
) -> None:
    assert account(country, key, chart) == expected


@pytest.mark.parametrize(
    ("country", "currency", "code"), [("Sverige", "SEK", "SE"), ("", "SEK", "SE"), ("Finland", "EUR", "")]
)
def test_a_country_is_known_by_its_name_or_else_by_the_currency(country: str, currency: str, code: str) -> None:
    assert country_code(country, currency) == code
