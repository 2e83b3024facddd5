"""After a run: what is to be mailed, to whom, and what has been. Nothing here changes what a run ends with."""

import json
import logging
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from klarna24.config import credentials
from klarna24.config.loading import COMMON_EMAIL, Config, Rescued
from klarna24.config.tables import Email
from klarna24.errors import Klarna24Error, Problem, StateFault
from klarna24.notify import alerts as troubles
from klarna24.notify.alert_log import AlertLog
from klarna24.notify.alerts import FILE, Alert, Told
from klarna24.notify.letter import Part, compose, counts
from klarna24.notify.smtp import send
from klarna24.run.outcome import Outcome, Report
from klarna24.text import Sentence

log = logging.getLogger(__name__)
# The values of a sentence that say which thing it is about; the others are figures, and vary from night to night.
PLACES = ("where", "path", "file", "folder", "name", "host", "username")


@dataclass(frozen=True)
class _Run:
    """What one profile's run met, and whom that is mailed to; ``path`` is where in profiles.toml that stands.
    ``ended``: it came to its end, and saw all there is to see."""

    profile: str
    language: str
    email: Email
    path: str
    met: list[Alert] = field(default_factory=list)
    ended: bool = True

    @property
    def addressee(self) -> tuple[str, str]:
        """Equal for those whose mail goes together; a keyring knows a password by its place in the file."""
        password = self.email.password
        in_keyring = password is not None and password.source == "keyring"
        return self.email.model_dump_json(), self.path if in_keyring else ""


_Parts = list[tuple[_Run, Told]]


def notify(config: Config, reports: Iterable[Report]) -> None:
    """Mail what is new, still there after a week, or over; all of a run in one mail to each mail server."""
    runs = []
    if not any(report.due for report in reports):
        return  # nothing was looked at: nothing is new, and nothing is over
    for report in reports:
        mailed = config.email_of(config.profile(report.profile))
        if report.due and mailed:
            runs.append(_Run(report.profile, report.language, *mailed, of_report(report), report.ended))
    if config.notify.email:
        runs.append(_Run(FILE, "en", config.notify.email, COMMON_EMAIL))  # the file could be read
    if runs:
        _tell(config.state_dir, runs, set(config.profiles) | {FILE})


def notify_of_file(rescued: Rescued, problems: Iterable[Problem]) -> None:
    """profiles.toml has faults: whoever can still be told, is."""
    if email := rescued.notify.email:
        met = [of_problem(FILE, problem) for problem in problems]
        run = _Run(FILE, "en", email, COMMON_EMAIL, met, ended=False)
        _tell(rescued.state_dir, [run], None)


def _tell(state_dir: Path, runs: Iterable[_Run], profiles: set[str] | None) -> None:
    now = datetime.now(UTC)
    try:
        with closing(AlertLog.open(state_dir)) as book:
            parts = [(run, _note(book, run, now)) for run in runs]
            for gone in book.profiles() - profiles if profiles else ():
                book.keep(gone, ())
    except StateFault as error:
        # what cannot be written down is mailed every time: better than never
        log.warning("what is mailed cannot be written down: %s", error.message)
        parts = [(run, troubles.to_tell(troubles.after_run((), run.met, False, now), now)) for run in runs]
    except Klarna24Error as error:
        log.warning("no mail is sent this time: %s", error.message)
        return
    _write_down(state_dir, _send_all([(run, told) for run, told in parts if told], now), now)


def _note(book: AlertLog, run: _Run, now: datetime) -> Told:
    before = book.of(run.profile)
    after = troubles.after_run(before, run.met, run.ended, now)
    if after != before:
        book.keep(run.profile, after)
    return troubles.to_tell(after, now)


def _send_all(parts: _Parts, now: datetime) -> _Parts:
    """What has left. To all mail servers at once, so that those that do not answer cost 20 s together."""
    letters: dict[tuple[str, str], _Parts] = {}
    for run, told in parts:
        letters.setdefault(run.addressee, []).append((run, told))
    with ThreadPoolExecutor(len(letters) or 1, "mail") as threads:
        left = list(threads.map(lambda its: _send(its, now), letters.values()))
    return [part for its, has_left in zip(letters.values(), left, strict=True) if has_left for part in its]


def _write_down(state_dir: Path, mailed: _Parts, now: datetime) -> None:
    if not mailed:
        return
    try:
        with closing(AlertLog.open(state_dir)) as book:
            for run, told in mailed:
                book.mailed(run.profile, [*told.new, *told.still], told.over, counts(told), now)
    except Klarna24Error as error:
        log.warning("what was mailed could not be written down, and is mailed again: %s", error.message)


def _send(its: _Parts, now: datetime) -> bool:
    """Whether it has left; why not is logged."""
    settings, path = its[0][0].email, its[0][0].path
    parts = [Part(run.profile, run.language, told) for run, told in its]
    what = ", ".join(run.profile or "profiles.toml" for run, _ in its)
    try:
        password = credentials.fetch(settings.password, path) if settings.password else None
        send(settings, password, compose(settings, parts, now))
    except Exception as error:  # noqa: BLE001 - mail is told of troubles, it must not become one
        why = f"{error.message} → {error.hint}" if isinstance(error, Klarna24Error) else type(error).__name__
        log.warning("the mail about %s was not sent, the next run tries again: %s", what, why)
        return False
    log.info("mail to %s about %s: %s", ", ".join(settings.to), what, "; ".join(counts(told) for _, told in its))
    return True


# Which trouble it is


def of_report(report: Report) -> list[Alert]:
    """Each once."""
    of_items = [
        _of_item(report.profile, outcome, outcome.problem) for outcome in report.outcomes if outcome.problem
    ]
    met = [*of_items, *(of_problem(report.profile, problem) for problem in report.problems)]
    return list({trouble.key: trouble for trouble in met}.values())


def _of_item(profile: str, outcome: Outcome, problem: Problem) -> Alert:
    facts = f"{outcome.payout_date}, {outcome.settlement:,.2f} {outcome.key.currency}"
    return Alert(profile, json.dumps(outcome.key), problem.code, problem.message, problem.hint, facts)


def of_problem(profile: str, problem: Problem) -> Alert:
    """Which fault it is, its words tell without what varies in them; an outage is one, whoever is away."""
    subject: list[object] = []
    if problem.code not in troubles.MAY_PASS:
        message = problem.message
        subject = [message.template, *_places(message)] if isinstance(message, Sentence) else [str(message)]
    return Alert(profile, json.dumps(subject), problem.code, problem.message, problem.hint)


def _places(message: Sentence) -> list[str]:
    return [str(value) for name, value in message.values.items() if name in PLACES]
