"""The files of the European Central Bank as bytes: bounded, read strictly, and looked up by day. All pure.

A file that is odd in one place is not used at all, because nothing says that the rest of it is right.
"""

import re
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from io import BytesIO

from lxml import etree

from klarna24.bookkeeping.figures import SKIP
from klarna24.bookkeeping.voucher import SIX_DECIMALS, Rate
from klarna24.errors import Blocked
from klarna24.logs.redaction import server_text
from klarna24.text.sentences import Sentence, sentence

Days = dict[date, dict[str, Decimal]]
"""By day of publication: what one euro is worth in each currency. The euro itself is among them, with 1."""

OLDEST = timedelta(
    days=7
)  # the longest holidays, at Easter and Christmas, are shorter: docs/vendors/ecb.md, "Days"
SATURDAY = 5
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
CURRENCY = re.compile(r"[A-Z]{3}")
RATE = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")


class Unusable(Exception):
    """The file is not what the bank publishes; ``why`` says so in a sentence."""

    def __init__(self, why: Sentence) -> None:
        super().__init__(why)
        self.why = why


class NoRate(Blocked):
    """A payout cannot be converted. ``first`` is what a person has to do before the next run, or empty."""

    def __init__(self, message: str, first: str = "") -> None:
        again = sentence("it is tried again at each run; or book it by hand, then {skip}", skip=SKIP)
        super().__init__(
            "currency", message, sentence("{first}; {then}", first=first, then=again) if first else again
        )
        self.first = first


def parse(body: bytes, most_marks: int) -> Days:
    """Return the rates in a file (docs/vendors/ecb.md, "The files"). ``most_marks`` limits tags and attributes,
    each of which costs memory. Raises Unusable."""
    if body.count(b"<") + body.count(b"=") + body.count(b"&") > most_marks:
        raise Unusable(sentence("an answer with too many elements"))
    if b"<!DOCTYPE" in body:  # read as UTF-8 below whatever it declares, so that none can hide
        raise Unusable(sentence("the answer is not a file of rates"))
    days: Days = {}
    try:
        for _, cube in etree.iterparse(
            BytesIO(body), tag="{*}Cube", resolve_entities=False, no_network=True, load_dtd=False, encoding="utf-8"
        ):
            if (time := cube.get("time")) is not None:
                day = _day(time)
                if day in days:
                    raise Unusable(sentence("{day} is listed twice", day=time))
                days[day] = _rates(cube, time)
                cube.clear()  # the whole history as elements would take 200 MB
    except (etree.XMLSyntaxError, ValueError):
        raise Unusable(sentence("the answer is not a file of rates")) from None
    if not days:
        raise Unusable(sentence("the answer is not a file of rates"))
    return days


def _day(text: str) -> date:
    try:
        if DAY.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise Unusable(sentence("{text} is not a day", text=repr(server_text(text, 40))))


def _rates(cube: etree._Element, day: str) -> dict[str, Decimal]:
    rates = {"EUR": Decimal(1)}
    for child in cube.iterchildren("{*}Cube"):
        currency, rate = child.get("currency", ""), child.get("rate", "")
        if not (CURRENCY.fullmatch(currency) and RATE.fullmatch(rate) and Decimal(rate)):
            what = f"{server_text(currency, 10)} {server_text(rate, 40)!r}"
            raise Unusable(sentence("{what} of {day} is not a rate", what=what, day=day))
        if currency in rates:
            raise Unusable(sentence("{currency} has two rates on {day}", currency=currency, day=day))
        rates[currency] = Decimal(rate)
    if len(rates) == 1:
        raise Unusable(sentence("there are no rates of {day}", day=day))
    return rates


def rate_of(days: Days, day: date, currency: str, home: str) -> Rate:
    """Return the last rate published on or before ``day``: what one unit of ``currency`` is worth in ``home``.

    It is known once a later rate is published, or where only a Saturday or Sunday has passed since the newest:
    a holiday cannot be told from a rate that is late. Raises NoRate where it is not known, or not published.
    """
    newest = max(days)
    passed = (newest + timedelta(days=number) for number in range(1, (day - newest).days + 1))
    if any(it.weekday() < SATURDAY for it in passed):
        message = sentence(
            "the European Central Bank has not published the rate of {day} yet (the newest is of {newest}); it "
            "does so at about 16:00 CET on its business days",
            day=str(day),
            newest=str(newest),
        )
        raise NoRate(message)
    published = max((it for it in days if it <= day), default=None)
    if published is None or day - published > OLDEST:
        message = sentence(
            "the European Central Bank published no rates in the {days} days before {day}",
            days=OLDEST.days,
            day=str(day),
        )
        raise NoRate(message)
    rates = days[published]
    for code in (currency, home):
        if code not in rates:
            message = sentence(
                "the European Central Bank published no rate of {currency} on {day}",
                currency=code,
                day=str(published),
            )
            raise NoRate(message)
    value = (rates[home] / rates[currency]).quantize(SIX_DECIMALS, ROUND_HALF_EVEN)
    try:
        return Rate(value, published)
    except ValueError:
        message = sentence(
            "by the European Central Bank's rates of {day}, 1 {currency} would be worth {value} {home}, which "
            "cannot be",
            day=str(published),
            currency=currency,
            value=f"{value:f}",
            home=home,
        )
        raise NoRate(message) from None
