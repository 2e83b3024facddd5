"""Writes the mail of the month's report: a text that stands by itself, and the page as an attachment."""

import socket
from collections.abc import Iterator, Sequence
from datetime import datetime
from email.message import EmailMessage

from klarna24.config.contacts import Email
from klarna24.notify.letter import moment, new_message, wrapped
from klarna24.report.month import CurrencyMonth, ProfileMonth, worst_first
from klarna24.report.page import page
from klarna24.report.view import verdict, wrong
from klarna24.text.clean import clean
from klarna24.text.reader import SPACE, Reader, capital
from klarna24.text.sentences import joined, sentence

MOST_REASONS = 20  # of one shop; the page has all


def compose(settings: Email, months: Sequence[ProfileMonth], now: datetime) -> EmailMessage:
    """The mail about one month of these profiles, of which there is at least one. ``now``: they were read then."""
    reader = Reader(months[0].language)
    made = new_message(settings, _subject(months, reader), "\n".join(_body(months, reader, now)), now)
    name = months[0].profile if len(months) == 1 else "klarna24"
    made.add_attachment(
        page(months, now),
        subtype="html",
        cte="base64",  # it may have lines that are too long for mail
        filename=f"{name}-{months[0].month}.html",
    )
    return made


def _subject(months: Sequence[ProfileMonth], reader: Reader) -> str:
    if len(months) == 1:
        (it,) = months
        said = verdict_of(it, it.currencies[0], reader) if len(it.currencies) == 1 else verdict(it)
        return f"klarna24 {it.profile}: {said}".replace(SPACE, " ")  # a header has no other spaces
    count = sentence(
        "klarna24: {month}: {closing} of {number} shops close",
        month=reader.month(months[0].month.first),
        closing=sum(it.closes for it in months),
        number=len(months),
    )
    return reader.say(count)


def _body(months: Sequence[ProfileMonth], reader: Reader, now: datetime) -> Iterator[str]:
    for it in worst_first(months):
        yield from _shop(it, f"{it.profile}: " if len(months) > 1 else "")
        yield ""
    attached = sentence("The attached page has all figures. It opens in any browser, and prints on A4.")
    yield from (*wrapped(reader.say(attached)), "", "-- ")
    host, when = clean(socket.gethostname()), moment(now, months[0].zone)
    yield from (reader.say(sentence("klarna24 on {host}, {when}", host=host, when=when)), "")


def _shop(it: ProfileMonth, who: str) -> Iterator[str]:
    """What the shop's month comes to, and each thing that keeps it from closing, in a paragraph of its own."""
    reader = Reader(it.language)
    if it.problems:
        for problem in it.problems:
            why = joined(" → ", (problem.message, problem.hint))
            yield from wrapped(f"{who}{verdict(it)}: {reader.say(why)}")
    elif not it.currencies:
        none = sentence("no payouts") if it.is_over else sentence("no payouts so far")
        yield from wrapped(f"{who}{reader.say(joined(': ', (verdict(it), none)))}")
    for one in it.currencies:
        yield from wrapped(f"{who}{verdict_of(it, one, reader)}")
        reasons = list(wrong(one, reader))
        for reason in reasons[:MOST_REASONS]:
            first, *others = wrapped(reason)
            yield from (f"- {first}", *(f"  {other}" for other in others))
        if more := len(reasons[MOST_REASONS:]):
            yield reader.say(sentence("… and {number} more", number=more))


def verdict_of(it: ProfileMonth, one: CurrencyMonth, reader: Reader) -> str:
    """``November 2026 closes: 4 payouts, 162,316.50 SEK, fees 2.9 %``, or that it does not."""
    facts = {
        "month": reader.month(it.month.first),
        "payouts": _payouts(len(one.payouts)),
        "amount": reader.amount(one.settlement),
        "currency": one.currency,
        "cost": reader.percent(one.cost),
    }
    closes = sentence("{month} closes: {payouts}, {amount} {currency}, fees {cost}", **facts)
    not_yet = sentence("{month} does not close: {payouts}, {amount} {currency}, fees {cost}", **facts)
    return capital(reader.say(closes if one.closes else not_yet))


def _payouts(number: int) -> str:
    return sentence("1 payout") if number == 1 else sentence("{number} payouts", number=number)
