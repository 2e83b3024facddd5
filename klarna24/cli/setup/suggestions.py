"""The usual accounts, time zone and language of a country.

The accounts are those of BAS in Sweden and NS 4102 in Norway. Elsewhere nothing is suggested.
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
    """SE, NO or "", from the country; where 24SevenOffice names none, from the currency of the books."""
    if country:
        return _COUNTRIES.get(country.strip().lower(), "")
    return {"SEK": "SE", "NOK": "NO"}.get(currency, "")


def account(country: str, key: str, chart: dict[int, str]) -> int | None:
    """The first usual account of ``key`` that is in the chart, if any."""
    return next((number for number in USUAL.get(country, {}).get(key, ()) if number in chart), None)
