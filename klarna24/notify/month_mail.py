"""Mails a month's report as a text that stands by itself: one mail to each mail server for all its profiles."""

import logging
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from email.message import EmailMessage

from klarna24.config import credentials
from klarna24.config.loading import Config
from klarna24.config.tables import Email
from klarna24.errors import ConfigFault
from klarna24.notify.letter import new_message, wrapped
from klarna24.notify.smtp import send
from klarna24.report.month import CurrencyMonth, ProfileMonth
from klarna24.report.reader import SPACE, Reader
from klarna24.text import Sentence, joined, sentence

log = logging.getLogger(__name__)
Attachment = tuple[str, bytes, str]
"""A file's name, its content, and its type below text/."""


def mail_months(config: Config, months: Sequence[ProfileMonth], attachments: Sequence[Attachment] = ()) -> None:
    """Mail the months, which are one or more. Raises ConfigFault where a profile has no mail settings, and what
    :func:`~klarna24.notify.smtp.send` raises."""
    mails: dict[str, tuple[Email, str, list[ProfileMonth]]] = {}
    for month in months:
        found = config.email_of(config.profile(month.profile))
        if found is None:
            raise ConfigFault(
                f"{month.profile}: there are no mail settings", f"add [notify.email] to {config.path}"
            )
        email, path = found
        mails.setdefault(email.model_dump_json(), (email, path, []))[2].append(month)
    for email, path, its in mails.values():
        password = credentials.fetch(email.password, path) if email.password else None
        send(email, password, compose(email, its, attachments, datetime.now(UTC)))
        log.info("mail to %s about %s of %s", ", ".join(email.to), its[0].month, ", ".join(m.profile for m in its))


def compose(
    settings: Email, months: Sequence[ProfileMonth], attachments: Sequence[Attachment], now: datetime
) -> EmailMessage:
    """The mail about these profiles' month. The subject says whether it closes."""
    reader = Reader(months[0].language)
    names = ", ".join(month.profile for month in months)
    subject = reader.say(summary(months[0], reader)) if len(months) == 1 else reader.say(_of_all(months, reader))
    body = "\n".join(line for month in months for line in _part(month, Reader(month.language)))
    subject, body = (text.replace(SPACE, " ") for text in (f"klarna24 {names}: {subject}", body))
    message = new_message(settings, subject, body, now)
    for name, content, subtype in attachments:
        message.add_attachment(content, maintype="text", subtype=subtype, filename=name)
    return message


def summary(month: ProfileMonth, reader: Reader) -> Sentence:
    """``November 2026 closes: 4 payouts, 162,316.50 SEK, fees 2.9 %``, or what does not."""
    name = reader.month(month.month.first)
    if month.problems:
        return sentence("{month} could not be read", month=name)
    if not month.currencies:
        return sentence("{month}: no payouts", month=name)
    figures = joined("; ", (_figures(one, reader) for one in month.currencies))
    if count := sum(len(one.differences) for one in month.currencies):
        return sentence(
            "{month} does not close: {figures}; differences: {count}", month=name, figures=figures, count=count
        )
    return sentence("{month} closes: {figures}", month=name, figures=figures)


def _figures(one: CurrencyMonth, reader: Reader) -> Sentence:
    count = len(one.payouts)
    return sentence(
        "{payouts}, {amount} {currency}, fees {cost}",
        payouts=sentence("1 payout") if count == 1 else sentence("{count} payouts", count=count),
        amount=reader.amount(one.settlement),
        currency=one.currency,
        cost=reader.percent(one.cost),
    )


def _of_all(months: Sequence[ProfileMonth], reader: Reader) -> Sentence:
    name, closed = reader.month(months[0].month.first), sum(month.closes for month in months)
    return sentence("{month}: {closed} of {count} close", month=name, closed=closed, count=len(months))


def _part(month: ProfileMonth, reader: Reader) -> Iterator[str]:
    yield from wrapped(f"{month.profile}: {reader.say(summary(month, reader))}")
    yield ""
    for problem in month.problems:
        yield from wrapped(f"- {reader.say(problem.message)}")
        yield f"  → {reader.say(problem.hint)}"
    for one in month.currencies:
        for it in one.differences:
            reference = it.payment_reference
            named = f"{reference}: " if reference and reference not in it.message else ""
            yield from wrapped(f"- {named}{reader.say(it.message)}")
    yield ""
