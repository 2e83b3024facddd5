"""The accounts that are usual in a company's country, by the profile's key: suggestions, where the chart has them.

Sweden: BAS. Norway: NS 4102. Elsewhere nothing is suggested.
"""

USUAL: dict[str, dict[str, tuple[int, ...]]] = {
    "SE": {
        "payout": (1930, 1940),
        "receivable": (1580, 1510),
        "fees": (6064, 6570),
        "fees_vat": (2641, 2640),
        "commission": (3590, 3990),
        "holdback": (1689, 1680),
        "debt": (2899, 2890),
        "charges": (6990, 6570),
        "credits": (3990, 3590),
    },
    "NO": {
        "payout": (1920, 1950),
        "receivable": (1570, 1580, 1500),
        "fees": (7770, 7790),
        "commission": (3900, 3990),
        "holdback": (1570, 1580),
        "debt": (2990, 2900),
        "charges": (7790, 7770),
        "credits": (3900, 3990),
    },
}
_COUNTRIES = {"sweden": "SE", "sverige": "SE", "se": "SE", "norway": "NO", "norge": "NO", "no": "NO"}
ZONES = {"SE": "Europe/Stockholm", "NO": "Europe/Oslo"}
LANGUAGES = {"SE": "sv", "NO": "nb"}


def country_code(country: str, currency: str) -> str:
    """What 24SevenOffice calls the country, or the currency of its books where it says nothing; "" elsewhere."""
    return _COUNTRIES.get(
        country.strip().lower(), {"SEK": "SE", "NOK": "NO"}.get(currency, "") if not country else ""
    )


def suggestion(country: str, key: str, chart: dict[int, str]) -> int | None:
    """The first usual account that exists; never an invented one."""
    return next((number for number in USUAL.get(country, {}).get(key, ()) if number in chart), None)
