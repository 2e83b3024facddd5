"""Mails the problems of a run. Nothing here changes the exit code of the run."""

import json
import logging
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from klarna24.bookkeeping.remarks import Remark
from klarna24.config import credentials
from klarna24.config.contacts import Email
from klarna24.config.loading import COMMON_EMAIL, Config, Contacts
from klarna24.config.tables import Profile
from klarna24.errors import Klarna24Error, Problem, ProblemCode, StateFault
from klarna24.notify.alert_log import AlertLog
from klarna24.notify.alerts import FILE, TEMPORARY, Alert, Digest, digest_of, updated
from klarna24.notify.letter import Part, compose, counts
from klarna24.notify.smtp import send
from klarna24.run.messages import all_totals
from klarna24.run.outcome import Blocked, Outcome, Report
from klarna24.state.connection import Place
from klarna24.state.records import Status
from klarna24.text.sentences import Language, Sentence, joined

# The values of a sentence that identify the thing it is about; all others are figures, which change every night.
IDENTIFYING = ("where", "path", "file", "folder", "name", "host", "username")
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Run:
    """One profile's run: the alerts that it met, the remarks that a mail about them has as well, and the mail
    settings with their place in profiles.toml. ``is_complete``: the run came to its end. ``totals`` are those of
    each blocked payout, by the subject of its alert."""

    profile: str
    language: Language
    zone: ZoneInfo | None
    email: Email
    path: str
    met: list[Alert] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    is_complete: bool = True
    totals: dict[str, Sentence] = field(default_factory=dict)

    @property
    def addressee(self) -> tuple[str, str]:
        """Equal for runs that share a mail."""
        return addressee(self.email, self.path)


_Parts = list[tuple[_Run, Digest]]


def addressee(email: Email, path: str) -> tuple[str, str]:
    """Equal for mail settings that are the same. A keyring finds a password by its place in the file."""
    in_keyring = email.password is not None and email.password.source == "keyring"
    return email.model_dump_json(), path if in_keyring else ""


def notify(config: Config, reports: Iterable[Report]) -> None:
    """Mail what is new, still there after a week, or over: one mail to each mail server for all profiles that use
    it. Where no profile was due, nothing was seen and nothing is mailed."""
    due = [report for report in reports if report.due]
    if not due:
        return
    runs = []
    for report in due:
        profile = config.find(report.profile)
        if found := config.email_of(profile):
            met, remarks = _alerts_of(report), _remarks_of(report)
            zone = profile.timezone if isinstance(profile, Profile) else None
            totals = _totals_of(report)
            runs.append(_Run(report.profile, report.language, zone, *found, met, remarks, report.ended, totals))
    if config.notify.email:  # the file could be read: an alert about it is over
        runs.append(_Run(FILE, "en", None, config.notify.email, COMMON_EMAIL))
    if runs:
        _mail(config.state, runs, {*config.names, FILE})


def notify_of_file(contacts: Contacts, problems: Iterable[Problem]) -> None:
    """Mail the faults of profiles.toml to the address that it still contains."""
    if email := contacts.notify.email:
        met = [_alert(FILE, problem) for problem in problems]
        _mail(contacts.state, [_Run(FILE, "en", None, email, COMMON_EMAIL, met, is_complete=False)])


def _mail(place: Place, runs: Iterable[_Run], profiles: set[str] | None = None) -> None:
    """``profiles`` are those in profiles.toml: the alerts of all others are forgotten."""
    now = datetime.now(UTC)
    try:
        with closing(AlertLog.open(place)) as alert_log:
            now = alert_log.now()
            parts = [(run, _update(alert_log, run, now)) for run in runs]
            for removed in alert_log.profiles() - profiles if profiles else ():
                alert_log.keep(removed, ())
    except StateFault as error:
        # Without a record everything is new at each run: better mailed every time than never.
        log.warning("what is mailed cannot be recorded, and is mailed at each run: %s", error.message)
        parts = [(run, digest_of(updated((), run.met, False, now), now)) for run in runs]
    except Klarna24Error as error:
        log.warning("no mail is sent by this run: %s", error.message)
        return
    _record(place, _send_all([(run, digest) for run, digest in parts if digest], now), now)


def _update(alert_log: AlertLog, run: _Run, now: datetime) -> Digest:
    before = alert_log.of(run.profile)
    after = updated(before, run.met, run.is_complete, now)
    if after != before:
        alert_log.keep(run.profile, after)
    return digest_of(after, now)


def _send_all(parts: _Parts, now: datetime) -> _Parts:
    """The parts that were sent. All mails are sent at the same time, so that all mail servers which do not
    answer delay the run by 20 s together."""
    mails: dict[tuple[str, str], _Parts] = {}
    for run, digest in parts:
        mails.setdefault(run.addressee, []).append((run, digest))
    with ThreadPoolExecutor(len(mails) or 1, "mail") as threads:
        sent = list(threads.map(lambda mail: _send(mail, now), mails.values()))
    return [part for mail, is_sent in zip(mails.values(), sent, strict=True) if is_sent for part in mail]


def _send(mail: _Parts, now: datetime) -> bool:
    """Whether the mail has left. If not, the log says why."""
    settings, path = mail[0][0].email, mail[0][0].path
    about = ", ".join(run.profile or "profiles.toml" for run, _ in mail)
    try:
        password = credentials.fetch(settings.password, path) if settings.password else None
        parts = [
            Part(run.profile, run.language, digest, run.remarks, run.zone, run.totals) for run, digest in mail
        ]
        send(settings, password, compose(settings, parts, now))
    except Exception as error:  # noqa: BLE001 - mail reports problems, and must not become one
        why = f"{error.message} → {error.hint}" if isinstance(error, Klarna24Error) else type(error).__name__
        log.warning("the mail about %s was not sent, the next run tries again: %s", about, why)
        return False
    summary = "; ".join(counts(digest) for _, digest in mail)
    log.info("mail to %s about %s: %s", ", ".join(settings.to), about, summary)
    return True


def _record(place: Place, sent: _Parts, now: datetime) -> None:
    if not sent:
        return
    try:
        with closing(AlertLog.open(place)) as alert_log:
            for run, digest in sent:
                alert_log.mailed(run.profile, digest, counts(digest), now)
    except Klarna24Error as error:
        log.warning("what was mailed could not be recorded, and is mailed again: %s", error.message)


def _alerts_of(report: Report) -> list[Alert]:
    """The problems of payouts, then those of the run, each once."""
    met = [_alert_of_payout(report.profile, it, it.problem) for it in report.outcomes if it.problem]
    met += [
        _alert_of_payout(report.profile, it, Problem(ProblemCode.REMARK, remark.text, ""))
        for it in report.outcomes
        for remark in _new_remarks(it)
        if remark.is_mailed
    ]
    met += [_alert(report.profile, problem) for problem in report.problems]
    return list({alert.key: alert for alert in met}.values())


def _alert_of_payout(profile: str, outcome: Outcome, problem: Problem) -> Alert:
    subject: list[str] = [*outcome.key]
    if problem.code is ProblemCode.REMARK:
        subject.append(getattr(problem.message, "template", problem.message))
    return Alert(profile, json.dumps(subject), problem.code, problem.message, problem.hint, str(_facts(outcome)))


def _totals_of(report: Report) -> dict[str, Sentence]:
    blocked = (it for it in report.outcomes if isinstance(it, Blocked) and it.totals)
    return {json.dumps([*it.key]): all_totals(it.totals, it.key.currency) for it in blocked}


def _facts(outcome: Outcome) -> Sentence:
    amount = f"{outcome.settlement:,.2f} {outcome.key.currency}"
    return joined(", ", (str(outcome.payout_date), amount))


def _new_remarks(outcome: Outcome) -> Sequence[Remark]:
    """Without those that a payout had when it was drafted by an earlier run, whose mail they were for."""
    record = outcome.record
    was_drafted = record is not None and record.status is Status.DRAFTED
    return [it for it in outcome.remarks if not (was_drafted and record and it in record.remarks)]


def _remarks_of(report: Report) -> list[str]:
    """Those that cause no mail by themselves, each with its payout."""
    return [
        joined("", (outcome.key.payment_reference, " (", _facts(outcome), "): ", remark.text))
        for outcome in report.outcomes
        for remark in _new_remarks(outcome)
        if not remark.is_mailed
    ]


def _alert(profile: str, problem: Problem) -> Alert:
    """Two problems are the same if their sentences are, but for figures; all that is temporary is one problem."""
    subject: list[str] = []
    if problem.code not in TEMPORARY:
        subject = [str(problem.message)]
        if isinstance(problem.message, Sentence):
            named = problem.message.values.items()
            subject = [problem.message.template, *(str(value) for name, value in named if name in IDENTIFYING)]
    return Alert(profile, json.dumps(subject), problem.code, problem.message, problem.hint)
