"""The files of rates are read strictly, and a rate is given only for a day on which it is known."""

from datetime import date, timedelta
from decimal import Decimal
from itertools import product

import pytest

from klarna24.bookkeeping.voucher import Rate
from klarna24.ecb.client import WHOLE
from klarna24.ecb.rates import Days, Unusable, parse, rate_of
from klarna24.errors import Blocked

GOOD = '<Cube currency="SEK" rate="11.0250"/><Cube currency="NOK" rate="11.7850"/>'
NO_FILE = "the answer is not a file of rates"


def document(*days: str) -> bytes:
    head = '<?xml version="1.0" encoding="UTF-8"?><gesmes:Envelope xmlns:gesmes="http://www.gesmes.org/xml/2002-08-01"'
    head += ' xmlns="http://www.ecb.int/vocabulary/2002-08-01/eurofxref"><gesmes:subject>Reference rates'
    return f"{head}</gesmes:subject><Cube>{''.join(days)}</Cube></gesmes:Envelope>".encode()


def day(time: str, cubes: str = GOOD) -> str:
    return f'<Cube time="{time}">{cubes}</Cube>'


def published(*days: str, **rates: str) -> Days:
    """These rates on each of the days, or GOOD ones."""
    usual = rates or {"SEK": "11.0250", "NOK": "11.7850", "USD": "1.1610"}
    known = {code: Decimal(rate) for code, rate in usual.items()}
    return {date.fromisoformat(it): {"EUR": Decimal(1), **known} for it in days}


WEEK = published("2026-11-20", "2026-11-19", "2026-11-18", "2026-11-17")  # 20 November is a Friday


# What is read


def test_a_file_is_read_by_day_and_currency() -> None:
    body = document(day("2026-11-20"), "<!-- a note -->", day("2026-11-19", '<Cube currency="SEK" rate="11.1"/>'))
    assert parse(body, 1000) == {
        date(2026, 11, 20): {"EUR": 1, "SEK": Decimal("11.0250"), "NOK": Decimal("11.7850")},
        date(2026, 11, 19): {"EUR": 1, "SEK": Decimal("11.1")},
    }


def test_what_stands_beside_the_rates_does_not_matter() -> None:
    more = '<Cube currency="SEK" rate="11.0250" multiplier="1"><note>new</note></Cube><other/>'
    assert parse(document(day("2026-11-20", more), "<Cube/>"), 1000)[date(2026, 11, 20)]["SEK"] == Decimal(
        "11.025"
    )


@pytest.mark.parametrize(
    "rate", ["0", "0.0000", "-1", "1e3", "NaN", "Infinity", "N/A", "", "1,5", "١", "1_0", " 1"]
)
def test_a_rate_that_is_not_a_number_above_zero_makes_the_file_unusable(rate: str) -> None:
    body = document(day("2026-11-20"), day("2026-11-19", f'{GOOD}<Cube currency="USD" rate="{rate}"/>'))
    with pytest.raises(Unusable, match=r"USD .* of 2026-11-19 is not a rate"):
        parse(body, 1000)


@pytest.mark.parametrize(
    "cube",
    [
        '<Cube currency="SEK" rate="11.0250"/>',
        '<Cube currency="EUR" rate="1"/>',
        '<Cube currency="sek" rate="11.0250"/>',
        '<Cube currency="US DOLLAR" rate="1.1"/>',
        '<Cube rate="1.1"/>',
        '<Cube currency="USD"/>',
        "<Cube/>",
    ],
    ids=["twice", "euro", "small", "long", "no currency", "no rate", "neither"],
)
def test_a_currency_that_is_odd_makes_the_file_unusable(cube: str) -> None:
    with pytest.raises(Unusable, match=r"2026-11-20 is not a rate|(SEK|EUR) has two rates on 2026-11-20"):
        parse(document(day("2026-11-20", GOOD + cube)), 1000)


@pytest.mark.parametrize("time", ["2026-11-31", "20261120", "2026-W47-5", "20.11.2026", "2026-11-20T00:00:00", ""])
def test_a_day_that_cannot_be_read_makes_the_file_unusable(time: str) -> None:
    with pytest.raises(Unusable, match="is not a day"):
        parse(document(day("2026-11-19"), day(time)), 1000)


def test_a_day_that_stands_there_twice_or_is_empty_makes_the_file_unusable() -> None:
    with pytest.raises(Unusable, match="2026-11-20 is listed twice"):
        parse(document(day("2026-11-20"), day("2026-11-20")), 1000)
    with pytest.raises(Unusable, match="there are no rates of 2026-11-19"):
        parse(document(day("2026-11-20"), day("2026-11-19", "")), 1000)


ENTITY = (
    b'<!DOCTYPE a [<!ENTITY r "11.0250">]><a><Cube time="2026-11-20"><Cube currency="SEK" rate="&r;"/></Cube></a>'
)


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"11.0250", b"<html><body><h1>Maintenance</h1></body></html>", b"<html><br></html>", b"\x00\xff"),
        *(document(), document(day("2026-11-20"))[:-40], document(day("2026-11-20", GOOD + "&undeclared;"))),
        *(document(day("2026-11-20")).decode().encode("utf-16"), ENTITY),
        *(
            ENTITY.decode().encode("utf-16"),
            b'<?xml version="1.0" encoding="UTF-7"?>' + ENTITY.replace(b"<", b"+ADw-"),
        ),
        b'{"rates": {"SEK": 11.0250}}',
    ],
)
def test_what_is_not_the_file_is_unusable_and_no_entity_is_resolved(body: bytes) -> None:
    with pytest.raises(Unusable, match=NO_FILE):
        parse(body, 1000)


def test_a_file_with_too_many_elements_is_not_parsed() -> None:
    body = document(day("2026-11-20"))
    marks = body.count(b"<") + body.count(b"=")
    assert parse(body, marks)
    with pytest.raises(Unusable, match="an answer with too many elements"):
        parse(body, marks - 1)


def test_the_whole_history_fits() -> None:
    """As many days and currencies as there will be in 2036: more than libxml2 reads as one text, 10 MB."""
    codes = ["".join(pair) for pair in product("ABCD", "STUVWXYZ")]
    rates = "".join(f'<Cube currency="X{code}" rate="1234.5678"/>' for code in codes)
    body = document(*(day(str(date(1999, 1, 4) + timedelta(days=number)), rates) for number in range(9_600)))
    assert 10e6 < len(body) < WHOLE.most_bytes
    assert len(parse(body, WHOLE.most_marks)) == 9_600


# Which rate it is


def rate(day: str, currency: str = "EUR", home: str = "SEK", days: Days = WEEK) -> tuple[str, str]:
    found = rate_of(days, date.fromisoformat(day), currency, home)
    return str(found.value), str(found.day)


def test_it_is_that_of_the_day() -> None:
    days = published("2026-11-20", SEK="11.1") | published("2026-11-19", SEK="11.0250")
    assert rate("2026-11-19", days=days) == ("11.025000", "2026-11-19")
    assert rate("2026-11-20", days=days) == ("11.100000", "2026-11-20")


@pytest.mark.parametrize("weekend", ["2026-11-21", "2026-11-22"])
def test_on_a_saturday_or_sunday_it_is_fridays_also_before_monday(weekend: str) -> None:
    assert rate(weekend) == ("11.025000", "2026-11-20")
    assert rate(weekend, days=WEEK | published("2026-11-23", SEK="12")) == ("11.025000", "2026-11-20")


@pytest.mark.parametrize("late", ["2026-11-23", "2026-11-24", "2026-11-28", "2027-11-20"])
def test_a_rate_that_is_not_published_yet_blocks(late: str) -> None:
    with pytest.raises(Blocked, match=rf"{late} yet .the newest is of 2026-11-20."):
        rate(late)


def test_a_holiday_blocks_until_the_next_rate_is_published() -> None:
    """Easter 2027: Good Friday is 26 March, Easter Monday the 29th. No list of holidays says so."""
    before = published("2027-03-24", "2027-03-25")
    for holiday in ("2027-03-26", "2027-03-27", "2027-03-28", "2027-03-29"):
        with pytest.raises(Blocked, match="not published the rate"):
            rate(holiday, days=before)
        assert rate(holiday, days=before | published("2027-03-30", SEK="12")) == ("11.025000", "2027-03-25")


def test_a_rate_more_than_seven_days_older_blocks() -> None:
    days = published("2026-11-05", "2026-11-20")
    assert rate("2026-11-12", days=days) == ("11.025000", "2026-11-05")
    with pytest.raises(Blocked, match="published no rates in the 7 days before 2026-11-13"):
        rate("2026-11-13", days=days)


def test_a_day_before_the_first_rate_blocks() -> None:
    with pytest.raises(Blocked, match="published no rates in the 7 days before 2026-11-16"):
        rate("2026-11-16")


@pytest.mark.parametrize(("currency", "home"), [("RUB", "SEK"), ("SEK", "RUB"), ("EUR", "RUB"), ("RUB", "EUR")])
def test_a_currency_that_is_not_quoted_blocks(currency: str, home: str) -> None:
    with pytest.raises(Blocked, match="published no rate of RUB on 2026-11-20") as caught:
        rate("2026-11-20", currency, home)
    assert (caught.value.code, caught.value.exit_code) == ("currency", 7)
    hint = "it is tried again at each run; or book it by hand, then klarna24 resolve --skip"
    assert caught.value.hint == hint


@pytest.mark.parametrize(("sek", "value"), [("0.000000001", "0.000000"), ("999999999", "999999999.000000")])
def test_a_rate_that_no_currency_can_have_blocks(sek: str, value: str) -> None:
    """Rounded to six decimals it would be nothing, or more than a voucher can hold."""
    with pytest.raises(Blocked, match=f"1 EUR would be worth {value} SEK, which cannot be"):
        rate("2026-11-20", days=published("2026-11-20", SEK=sek))


def test_a_currency_that_is_no_longer_quoted_has_no_rate_from_the_days_before() -> None:
    days = published("2026-11-19", SEK="11", RUB="90") | published("2026-11-20", SEK="11")
    assert rate("2026-11-19", "RUB", days=days) == ("0.122222", "2026-11-19")
    with pytest.raises(Blocked, match="published no rate of RUB on 2026-11-20"):
        rate("2026-11-21", "RUB", days=days)


@pytest.mark.parametrize(
    ("currency", "home", "value"),
    [
        ("EUR", "SEK", "11.025000"),
        ("SEK", "EUR", "0.090703"),
        ("NOK", "SEK", "0.935511"),
        ("USD", "NOK", "10.150732"),
        ("USD", "SEK", "9.496124"),
    ],
)
def test_it_is_home_per_euro_through_currency_per_euro(currency: str, home: str, value: str) -> None:
    assert rate("2026-11-20", currency, home) == (value, "2026-11-20")


@pytest.mark.parametrize(("sek", "value"), [("1.0000005", "1.000000"), ("1.0000015", "1.000002")])
def test_a_half_is_rounded_to_the_even_neighbour(sek: str, value: str) -> None:
    assert rate("2026-11-20", days=published("2026-11-20", SEK=sek)) == (value, "2026-11-20")


def test_the_rate_is_one_that_a_voucher_takes() -> None:
    assert rate_of(WEEK, date(2026, 11, 20), "EUR", "SEK") == Rate(Decimal("11.025000"), date(2026, 11, 20))
