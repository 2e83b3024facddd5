"""Writes the mail of a run: what is new, still there after a week, or over; in the profile's language."""

import socket
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid

from klarna24.config.contacts import Email
from klarna24.logs.redaction import redacted
from klarna24.notify.alerts import Digest, KnownAlert
from klarna24.text.clean import clean
from klarna24.text.sentences import sentence, translated

WIDTH = 78
MOST_ALERTS = 100  # in a section; more are counted, and klarna24 status lists them
MOST_NAMES = 3  # of profiles in a subject
SECTIONS = (("new", sentence("NEW")), ("still", sentence("STILL THERE")), ("over", sentence("OVER")))


@dataclass(frozen=True, slots=True)
class Part:
    """One profile's part of a mail. The name is empty for alerts about profiles.toml as a whole; ``remarks`` are
    those of the run that cause no mail by themselves."""

    profile: str
    language: str
    digest: Digest
    remarks: Sequence[str] = ()


def compose(settings: Email, parts: Sequence[Part], now: datetime) -> EmailMessage:
    """The mail about these profiles, as plain text in UTF-8. ``now`` is when the run ended."""
    language = parts[0].language
    names = [part.profile for part in parts if part.profile]
    more = f" +{len(names) - MOST_NAMES}" if len(names) > MOST_NAMES else ""
    summary = _summary(parts, language)
    subject = f"klarna24 {', '.join(names[:MOST_NAMES])}{more}: {summary}" if names else f"klarna24: {summary}"
    return new_message(settings, subject, "\n".join(_body(parts, language, now)), now)


def trial_letter(settings: Email, profiles: Sequence[str], language: str, now: datetime) -> EmailMessage:
    """The mail that ``klarna24 check --test-mail`` sends for these profiles."""
    text = sentence(
        "This is a test, sent by klarna24 check --test-mail from {host}. Problems of {profiles} will be mailed to "
        "you: each when it is new, again after a week, and when it is over.",
        host=clean(socket.gethostname()),
        profiles=", ".join(profiles),
    )
    subject = translated(sentence("klarna24: test mail"), language)
    return new_message(settings, subject, "\n".join(wrapped(translated(text, language))) + "\n", now)


def counts(digest: Digest) -> str:
    """How many alerts of each kind the mail is about, for the log: ``new: 2, over: 1``."""
    return ", ".join(f"{name}: {len(alerts)}" for name, _ in SECTIONS if (alerts := getattr(digest, name)))


def new_message(settings: Email, subject: str, body: str, now: datetime) -> EmailMessage:
    """A mail in plain text, without secrets."""
    message = EmailMessage(policy=SMTP)
    message["From"] = settings.sender
    message["To"] = ", ".join(settings.to)
    message["Subject"] = clean(redacted(subject))
    message["Date"] = format_datetime(now.astimezone())
    message["Message-ID"] = make_msgid("klarna24", settings.sender.rpartition("@")[2])
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office reply
    message.set_content(redacted(body), cte="quoted-printable")
    return message


def _summary(parts: Sequence[Part], language: str) -> str:
    words = [
        sentence("new: {number}", number=sum(len(part.digest.new) for part in parts)),
        sentence("still there: {number}", number=sum(len(part.digest.still) for part in parts)),
        sentence("over: {number}", number=sum(len(part.digest.over) for part in parts)),
    ]
    return ", ".join(translated(it, language) for it in words if it.values["number"])


def _body(parts: Sequence[Part], language: str, now: datetime) -> Iterator[str]:
    for name, title in SECTIONS:
        entries = [(part, it) for part in parts for it in getattr(part.digest, name)]
        if not entries:
            continue
        yield from (translated(title, language), "")
        for part, it in entries[:MOST_ALERTS]:
            yield from _entry(part, name, it)
            yield ""
        if more := len(entries[MOST_ALERTS:]):
            yield from (translated(sentence("… and {number} more", number=more), language), "")
    yield from _remarks(parts, language)
    yield "-- "
    host, when = clean(socket.gethostname()), f"{now.astimezone():%Y-%m-%d %H:%M}"
    signature = sentence(
        "klarna24 on {host}, {when}. Each problem is mailed when it is new, again after a week, and when it is "
        "over. These commands show what is waiting, and what to do about it:",
        host=host,
        when=when,
    )
    yield from wrapped(translated(signature, language))
    for part in parts[:MOST_ALERTS]:
        yield f"klarna24 status --profile {part.profile}" if part.profile else "klarna24 status"
    yield ""


def _remarks(parts: Sequence[Part], language: str) -> Iterator[str]:
    remarks = [(part, text) for part in parts for text in part.remarks]
    if not remarks:
        return
    yield from (translated(sentence("REMARKS"), language), "")
    for part, text in remarks[:MOST_ALERTS]:
        yield from wrapped(f"{part.profile}: {clean(translated(text, part.language))}")
        yield ""
    if more := len(remarks[MOST_ALERTS:]):
        yield from (translated(sentence("… and {number} more", number=more), language), "")


def _entry(part: Part, section: str, it: KnownAlert) -> Iterator[str]:
    """A paragraph: what happened, which payout, what to do. The last is on one line: a command can be copied."""
    who = f"{part.profile}: " if part.profile else ""
    message = it.alert.message
    if section == "over":
        message = sentence("it is over: {message}", message=message)
    yield from wrapped(who + clean(translated(message, part.language)))
    since = sentence("since {day}", day=f"{it.first_at.astimezone():%Y-%m-%d}")
    facts = [it.alert.facts, translated(since, part.language) if section != "new" else None]
    if any(facts):
        yield f"  {', '.join(filter(None, facts))}"
    if section != "over" and it.alert.hint:
        yield f"  → {clean(translated(it.alert.hint, part.language))}"


def wrapped(text: str) -> list[str]:
    """The text in lines of a mail."""
    return textwrap.wrap(text, WIDTH, break_on_hyphens=False, break_long_words=False)
