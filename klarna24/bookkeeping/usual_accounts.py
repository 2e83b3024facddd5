"""The usual account of each purpose, found in a company's own chart by its number and its name.

docs/vendors/bookkeeping.md, "Accounts", is the source of every row. A number alone says little, because companies
rename accounts and a chart of another year has other ones; so the name must speak of the purpose, and of nothing
that the account must not be. Where no row fits, nothing is suggested, and the person is asked.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import NamedTuple

# Names are compared in small letters without marks, and with single spaces between words: see _plain. An account
# whose name says one of these is never suggested, in Swedish and Norwegian: tax withholding and other taxes,
# allowances, losses, travel, prepayments; then what the purposes below never are: restricted or saved money, and
# what is long-term.
NEVER = (
    r"skatt|trekk"
    r"|avsetning|avsattning|vardereglering|nedskriv|avskriv"
    r"|\btap|tap\b|forlust|befarad|osaker|osakra|usikker|usikre|tvivelaktig"
    r"|reise|\bres[ae]|reskassa"
    r"|forskudd|forskott|forutbetal|forhandsbetal"
    r"|bundn|sperret|sparra|deposit|klientm|sparkonto|placering"
    r"|langfrist|langsikt"
)
# A clearing account holds money that is under way; these words say so.
CLEARING = r"klarna|avrakning|clearing|mellomregning|oppgjor|interim|under vag|transit"
# Accounts whose balance a bank statement shows. 1940, "Övriga bankkonton" in BAS, is used for clearing.
BANK = r"foretagskonto|checkkonto|checkrakning|affarskonto|plusgiro|postgiro|driftskonto|brukskonto|bankinnskudd"
BANK_NUMBERS = {1920, *range(1930, 1940)}
CONTROL = r"kunde?fordring|leverantorsskuld|leverandorgjeld"
_RESERVE = r"innehall|tilbakeh|holdback|reserv|garanti|sakerhet|sikkerhet"


class Row(NamedTuple):
    """An account is suggested if it has one of ``numbers``, the first one first, and its name has ``name`` in it,
    but not NEVER or ``unless`` in what is left of it. All three are regular expressions for plain names."""

    numbers: Sequence[int]
    name: str
    unless: str = "$^"


_OWN_15 = range(1530, 1600)  # 1500–1529 are control accounts (docs/vendors/24sevenoffice.md, "SaveBundleList")
_OWN_19 = range(1900, 2000)
# Never in Norway: travel advances, the allowance for losses, and the restricted money of withheld taxes.
_OWN_15_NO = [number for number in _OWN_15 if number not in {1570, 1580}]
_OWN_19_NO = [number for number in _OWN_19 if number != 1950]

USUAL: Mapping[str, Mapping[str, tuple[Row, ...]]] = {
    "SE": {
        # a payout of 31 December that arrives on 2 January is not bank at year-end: clearing comes first
        "payout": (
            Row(_OWN_19, "klarna"),
            Row((1940,), f"bank|{CLEARING}", unless=BANK),
            Row((1930,), f"bank|{BANK}"),
        ),
        # 1686 took the place of 1580 in BAS 2026; 1510 is the customer ledger's control account
        "receivable": (
            Row(_OWN_15, "klarna", unless=_RESERVE),
            Row((1686, 1580), "kontokort|kupong|klarna|betalkort"),
        ),
        # invoice and part payment, then card-like fees; 6570 is by habit without VAT
        "fees": (Row((6064,), "factoring|klarna"), Row((6040,), "kontokort|kortavgift|klarna")),
        "fees_vat": (Row((2641,), "ingaende moms", unless="omvan|utland"),),
        "commission": (Row((3921,), "provision"),),  # 3590 is something else
        "holdback": (Row((1689,), "kortfristiga fordring|klarna"),),  # 1688 is something else
        "debt": (Row((2899, 2890), "kortfristiga skuld|klarna", unless="kreditinstitut|anstalld"),),
        # an established loss; 6352 is for feared ones, without VAT
        "disputes": (Row((6351,), "konstaterade (kund)?forlust"),),
        # 2390 is for long-term loans
        "loans": (Row((2411, 2419), "kreditinstitut|kortfristiga lan|klarna"),),
        "vat_output": (Row((2614,), "utgaende moms.*omvan[a-z]+( skatt[a-z]*| betalning[a-z]*)?"),),
        "vat_input": (Row((2645,), "ingaende moms"),),
        "currency_gain": (Row((3960,), "valutakursvinst"),),
        "currency_loss": (Row((7960,), "valutakursforlust"),),
    },
    "NO": {
        "payout": (Row(_OWN_19_NO, "klarna"), Row((1920,), f"bank|{BANK}")),
        "receivable": (
            Row(_OWN_15_NO, "klarna", unless=_RESERVE),
            Row((1579,), "kortsiktige? fordring|klarna", unless=_RESERVE),
        ),
        "fees": (Row((7770,), "bank|kort|gebyr|klarna"),),
        "commission": (Row((3700, 3705, 3707), "provisjon"),),
        "holdback": (
            Row(_OWN_15_NO, f"klarna.*({_RESERVE})|({_RESERVE}).*klarna"),
            Row((1579,), "kortsiktige? fordring|klarna"),
        ),
        "debt": (Row((2999, 2990), "kortsiktige? gjeld|klarna"),),  # 2900 is prepayments from customers
    },
}


# How 24SevenOffice writes a country is not documented.
_COUNTRIES = {"SE": {"sweden", "sverige", "se"}, "NO": {"norway", "norge", "noreg", "no"}}


def country_code(country: str, currency: str) -> str:
    """Return SE, NO or "", from the country; where 24SevenOffice names none, from the currency of the books."""
    if not country:
        return {"SEK": "SE", "NOK": "NO"}.get(currency, "")
    name = country.strip().casefold()
    return next((code for code, names in _COUNTRIES.items() if name in names), "")


def usual_account(country: str, key: str, chart: Mapping[int, str]) -> int | None:
    """Return the chart's usual account for ``key`` (as below ``accounts`` in profiles.toml), or None where no
    account fits by number and name. ``country`` is SE or NO; there are no rows of other countries."""
    for row in USUAL.get(country, {}).get(key, ()):
        for number in row.numbers:
            if number in chart and _fits(row, chart[number]):
                return number
    return None


def is_bank(number: int, name: str) -> bool:
    """Return whether the account is a bank account by its number and name, and not one for clearing."""
    plain = _plain(name)
    if number // 100 != 19 or re.search(CLEARING, plain):
        return False
    return number in BANK_NUMBERS or bool(re.search(BANK, plain))


def is_for_something_else(name: str) -> bool:
    """Return whether the name has a word of an account that is never suggested."""
    return bool(re.search(NEVER, _plain(name)))


def is_control(name: str) -> bool:
    """Return whether the account's name is that of a customer or supplier ledger's control account."""
    return bool(re.search(CONTROL, _plain(name)))


def _fits(row: Row, name: str) -> bool:
    plain = _plain(name)
    left, found = re.subn(row.name, " ", plain)
    return bool(found) and not re.search(f"{NEVER}|{row.unless}", left)


def _plain(name: str) -> str:
    """Return the name in small letters without marks (å and ä become a, ö and ø o, æ ae), its words separated by
    one space."""
    letters = name.casefold().replace("ø", "o").replace("æ", "ae")
    decomposed = unicodedata.normalize("NFKD", letters)
    bare = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    return " ".join(re.findall(r"\w+", bare))
