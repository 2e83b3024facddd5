"""Writes the mail of a run: what is new, still there after a week, or over; in the profile's language."""

import socket
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid
from zoneinfo import ZoneInfo

from klarna24.config.contacts import Email
from klarna24.errors import ProblemCode
from klarna24.logs.redaction import redacted
from klarna24.notify.alerts import Digest, KnownAlert
from klarna24.run.messages import ResolveCommand
from klarna24.text.clean import clean
from klarna24.text.reader import Reader
from klarna24.text.sentences import Language, Sentence, joined, sentence

WIDTH = 78
MOST_ALERTS = 100  # in a section; more are counted, and klarna24 status lists them
MOST_NAMES = 3  # of profiles in a subject
SECTIONS = (("new", sentence("NEW")), ("still", sentence("STILL THERE")), ("over", sentence("OVER")))


@dataclass(frozen=True, slots=True)
class Part:
    """One profile's part of a mail. The name is empty for alerts about profiles.toml as a whole; ``remarks`` are
    those of the run that cause no mail by themselves; ``zone`` is the profile's; ``totals`` has Klarna's totals of
    each blocked payout, by the subject of its alert."""

    profile: str
    language: Language
    digest: Digest
    remarks: Sequence[str] = ()
    zone: ZoneInfo | None = None
    totals: Mapping[str, Sentence] = field(default_factory=dict)

    @property
    def reader(self) -> Reader:
        """Writes in the profile's language."""
        return Reader(self.language)


def compose(settings: Email, parts: Sequence[Part], now: datetime) -> EmailMessage:
    """The mail about these profiles, as plain text in UTF-8. ``now`` is when the run ended."""
    reader = parts[0].reader
    names = [part.profile for part in parts if part.profile]
    more = f" +{len(names) - MOST_NAMES}" if len(names) > MOST_NAMES else ""
    summary = _summary(parts, reader)
    subject = f"klarna24 {', '.join(names[:MOST_NAMES])}{more}: {summary}" if names else f"klarna24: {summary}"
    return new_message(settings, subject, "\n".join(_body(parts, reader, now)), now)


def trial_letter(settings: Email, profiles: Sequence[str], language: Language, now: datetime) -> EmailMessage:
    """The mail that ``klarna24 check --test-mail`` sends for these profiles."""
    text = sentence(
        "This is a test, sent by klarna24 check --test-mail from {host}. Problems of {profiles} will be mailed to "
        "you: each when it is new, again after a week, and when it is over.",
        host=clean(socket.gethostname()),
        profiles=", ".join(profiles),
    )
    reader = Reader(language)
    subject = reader.say(sentence("klarna24: test mail"))
    return new_message(settings, subject, "\n".join(wrapped(reader.say(text))) + "\n", now)


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


def _summary(parts: Sequence[Part], reader: Reader) -> str:
    words = [
        sentence("new: {number}", number=sum(len(part.digest.new) for part in parts)),
        sentence("still there: {number}", number=sum(len(part.digest.still) for part in parts)),
        sentence("over: {number}", number=sum(len(part.digest.over) for part in parts)),
    ]
    return ", ".join(reader.say(it) for it in words if it.values["number"])


def _body(parts: Sequence[Part], reader: Reader, now: datetime) -> Iterator[str]:
    for name, title in SECTIONS:
        entries = [(part, it) for part in parts for it in getattr(part.digest, name)]
        if not entries:
            continue
        yield from (reader.say(title), "")
        waiting = [_waiting(part, getattr(part.digest, name)) for part in parts]
        in_lists = {it.alert.key for its in waiting for it in its}
        others = [(part, it) for part, it in entries if it.alert.key not in in_lists]
        for part, it in others[:MOST_ALERTS]:
            yield from _entry(part, name, it)
            yield ""
        yield from _and_more(others[MOST_ALERTS:], reader, "")
        for part, its in zip(parts, waiting, strict=True):
            yield from _list(part, name, its)
    yield from _remarks(parts, reader)
    yield "-- "
    signature = sentence(
        "klarna24 on {host}, {when}. Each problem is mailed when it is new, again after a week, and when it is "
        "over. These commands show what is waiting, and what to do about it:",
        host=clean(socket.gethostname()),
        when=moment(now, parts[0].zone),
    )
    yield from wrapped(reader.say(signature))
    for part in parts[:MOST_ALERTS]:
        yield f"klarna24 status --profile {part.profile}" if part.profile else "klarna24 status"
    yield ""


def _remarks(parts: Sequence[Part], reader: Reader) -> Iterator[str]:
    remarks = [(part, text) for part in parts for text in part.remarks]
    if not remarks:
        return
    yield from (reader.say(sentence("REMARKS")), "")
    for part, text in remarks[:MOST_ALERTS]:
        yield from wrapped(f"{part.profile}: {part.reader.say(text)}")
        yield ""
    yield from _and_more(remarks[MOST_ALERTS:], reader, "")


def _and_more(left: Sequence[object], reader: Reader, *after: str) -> Iterator[str]:
    if left:
        yield from (reader.say(sentence("… and {number} more", number=len(left))), *after)


def _entry(part: Part, section: str, it: KnownAlert) -> Iterator[str]:
    """A paragraph: what happened, which payout, what to do. The last is on one line: a command can be copied."""
    who = f"{part.profile}: " if part.profile else ""
    message = it.alert.message
    if section == "over":
        message = sentence("it is over: {message}", message=message)
    yield from wrapped(who + part.reader.say(message))
    since = sentence("since {day}", day=f"{it.first_at.astimezone(part.zone):%Y-%m-%d}")
    facts = [_facts(part, it), part.reader.say(since) if section != "new" else None]
    if any(facts):
        yield f"  {', '.join(filter(None, facts))}"
    if section == "over":
        return
    if totals := part.totals.get(it.alert.subject):
        yield from (f"  {line}" for line in wrapped(part.reader.say(totals)))
    if it.alert.hint:
        yield f"  → {part.reader.say(it.alert.hint)}"


def _waiting(part: Part, alerts: Sequence[KnownAlert]) -> list[KnownAlert]:
    """The drafts that nobody has booked, the oldest first, where there are several."""
    drafts = [it for it in alerts if it.alert.code == ProblemCode.UNBOOKED]
    return sorted(drafts, key=lambda it: it.alert.facts or "") if len(drafts) > 1 else []


def _list(part: Part, section: str, drafts: Sequence[KnownAlert]) -> Iterator[str]:
    """What is said of each draft, in one list, and once what to do."""
    if not drafts:
        return
    number = len(drafts)
    title = sentence("{number} drafts wait to be booked, the oldest first:", number=number)
    if section == "over":
        title = sentence("{number} drafts wait no longer:", number=number)
    yield from wrapped(f"{part.profile}: {part.reader.say(title)}")
    for it in drafts[:MOST_ALERTS]:
        first, *others = wrapped(f"{part.reader.say(it.alert.message)} ({_facts(part, it)})")
        yield from (f"- {first}", *(f"  {other}" for other in others))
    yield from _and_more(drafts[MOST_ALERTS:], part.reader)
    if section != "over":
        command = ResolveCommand(part.profile, "REFERENCE")
        hint = sentence(
            "check these drafts in 24SevenOffice, number and book them; if one is gone: {resend}; if its payout "
            "was booked by hand: {skip}",
            resend=command("resend"),
            skip=command("skip"),
        )
        yield f"  → {part.reader.say(hint)}"
    yield ""


def _facts(part: Part, it: KnownAlert) -> str | None:
    """Day and amount, which the state keeps in English."""
    return part.reader.say(joined(", ", it.alert.facts.split(", ", 1))) if it.alert.facts else None


def moment(now: datetime, zone: ZoneInfo | None) -> Sentence:
    """Day and time where the shop is; where the machine is, for what concerns no shop."""
    local = now.astimezone(zone)
    return joined(" ", (f"{local:%Y-%m-%d}", f"{local:%H:%M}"))


def wrapped(text: str) -> list[str]:
    """The text in lines of a mail."""
    return textwrap.wrap(text, WIDTH, break_on_hyphens=False, break_long_words=False)
