"""The mail of a run: what is new, what is still there after a week, what is over; in the profile's language."""

import socket
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid

from klarna24.config.tables import Email
from klarna24.logs.redaction import redacted
from klarna24.notify.alerts import Known, Told
from klarna24.text import clean, sentence, translated

WIDTH = 78
MOST = 100  # entries of a section; more are counted, and status lists them
MOST_NAMES = 3  # of profiles in a subject
SECTIONS = (("new", sentence("NEW")), ("still", sentence("STILL THERE")), ("over", sentence("OVER")))


@dataclass(frozen=True, slots=True)
class Part:
    """What is to be told of one profile; its name is empty for what concerns profiles.toml as a whole."""

    profile: str
    language: str
    told: Told


def compose(settings: Email, parts: Sequence[Part], now: datetime) -> EmailMessage:
    """Plain text in UTF-8; ``now`` is when the run ended."""
    language = parts[0].language
    names = [part.profile for part in parts if part.profile]
    more = f" +{len(names) - MOST_NAMES}" if len(names) > MOST_NAMES else ""
    counts = _counts(parts, language)
    subject = f"klarna24 {', '.join(names[:MOST_NAMES])}{more}: {counts}" if names else f"klarna24: {counts}"
    return _message(settings, subject, "\n".join(_body(parts, language, now)), now)


def trial_letter(settings: Email, profiles: Sequence[str], language: str, now: datetime) -> EmailMessage:
    """As ``klarna24 check --test-mail`` sends it."""
    text = sentence(
        "This is a test, sent by klarna24 check --test-mail from {host}. Mail about troubles of {profiles} comes "
        "this way: when one is new, again after a week, and when it is over.",
        host=clean(socket.gethostname()),
        profiles=", ".join(profiles),
    )
    subject = translated(sentence("klarna24: test mail"), language)
    return _message(settings, subject, "\n".join(_wrapped(translated(text, language))) + "\n", now)


def counts(told: Told) -> str:
    """For the log."""
    return ", ".join(f"{name}: {len(its)}" for name, _ in SECTIONS if (its := getattr(told, name)))


def _message(settings: Email, subject: str, body: str, now: datetime) -> EmailMessage:
    message = EmailMessage(policy=SMTP)
    message["From"] = settings.sender
    message["To"] = ", ".join(settings.to)
    message["Subject"] = clean(redacted(subject))
    message["Date"] = format_datetime(now.astimezone())
    message["Message-ID"] = make_msgid("klarna24", settings.sender.rpartition("@")[2])
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's out-of-office answers it
    message.set_content(redacted(body), cte="quoted-printable")
    return message


def _counts(parts: Iterable[Part], language: str) -> str:
    words = {
        "new": sentence("new: {number}", number=sum(len(part.told.new) for part in parts)),
        "still": sentence("still there: {number}", number=sum(len(part.told.still) for part in parts)),
        "over": sentence("over: {number}", number=sum(len(part.told.over) for part in parts)),
    }
    return ", ".join(translated(said, language) for said in words.values() if said.values["number"])


def _body(parts: Sequence[Part], language: str, now: datetime) -> Iterator[str]:
    for name, title in SECTIONS:
        entries = [(part, it) for part in parts for it in getattr(part.told, name)]
        if not entries:
            continue
        yield from (translated(title, language), "")
        for part, it in entries[:MOST]:
            yield from _entry(part, name, it)
            yield ""
        if len(entries) > MOST:
            yield from (translated(sentence("… and {number} more", number=len(entries) - MOST), language), "")
    yield "-- "
    host, when = clean(socket.gethostname()), f"{now.astimezone():%Y-%m-%d %H:%M}"
    yield from _wrapped(
        translated(
            sentence(
                "klarna24 on {host}, {when}. Each trouble is mailed when it is new, again after a week, and when "
                "it is over. What waits, and what ends it:",
                host=host,
                when=when,
            ),
            language,
        )
    )
    yield from (f"klarna24 status{f' --profile {part.profile}' if part.profile else ''}" for part in parts[:MOST])
    yield ""


def _entry(part: Part, section: str, it: Known) -> Iterator[str]:
    """A paragraph: what happened, which payout, what to do; a command is never broken: it is to be copied."""
    who = f"{part.profile}: " if part.profile else ""
    message = it.trouble.message
    if section == "over":
        message = sentence("it is over: {message}", message=message)
    yield from _wrapped(who + clean(translated(message, part.language)))
    since = sentence("since {day}", day=f"{it.first_at.astimezone():%Y-%m-%d}")
    facts = [it.trouble.facts, translated(since, part.language) if section != "new" else None]
    if any(facts):
        yield f"  {', '.join(filter(None, facts))}"
    if section != "over" and it.trouble.hint:
        yield f"  → {clean(translated(it.trouble.hint, part.language))}"


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, break_on_hyphens=False, break_long_words=False)
