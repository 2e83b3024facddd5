"""Mails the month's report: when asked to, and by itself once a month."""

import logging
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from datetime import UTC, datetime

from klarna24.config import credentials
from klarna24.config.contacts import Email
from klarna24.config.loading import Config
from klarna24.config.tables import Profile
from klarna24.errors import ConfigFault, Klarna24Error, Locked
from klarna24.notify.after_run import addressee
from klarna24.notify.report_letter import compose
from klarna24.notify.smtp import MayHaveLeft, send
from klarna24.report.due import Mailed, MailedReports, due
from klarna24.report.month import Month, ProfileMonth
from klarna24.state.lock import only_run
from klarna24.text.sentences import sentence

LOCK = ".report"  # no profile's name begins with a dot
Gather = Callable[[Sequence[Profile]], Sequence[ProfileMonth]]
log = logging.getLogger(__name__)


def mail(config: Config, months: Sequence[ProfileMonth]) -> None:
    """One mail to each mail server and its addressees, about all profiles that share them. Raises ConfigFault for
    a profile without mail settings, and as :func:`~klarna24.notify.smtp.send`."""
    for email, path, shared in _by_addressee(config, months):
        _send(email, path, shared)


def mail_due(config: Config, profiles: Iterable[Profile], gather: Gather) -> None:
    """Mail last month's report of the profiles for which it is due, once. What keeps it from being sent is logged,
    and the next run tries again, but not where nobody knows whether it was sent. A shop that cannot be read now is
    left to the next run. Raises nothing."""
    chosen = list(profiles)
    try:
        if not due(config, chosen):
            return
        with only_run(config.state, LOCK):
            now_due = due(config, chosen)
            for month, names in now_due.interrupted.items():
                _record(config, names, month, Mailed.UNKNOWN)
                _say_unknown(names, month, "a run ended while it was mailed")
            months = gather(now_due.to_mail)
            for problem in (problem for it in months for problem in it.problems):
                log.warning("a report could not be made, the next run tries again: %s", problem.message)
            readable = [it for it in months if not it.problems]
            for email, path, shared in _by_addressee(config, readable):
                _send_once(config, email, path, shared)
    except Locked:
        log.info("the month's report is being mailed by another run")
    except Exception as error:  # noqa: BLE001 - a report must not become a problem of the run
        why = f"{error.message} → {error.hint}" if isinstance(error, Klarna24Error) else type(error).__name__
        log.warning("the month's report was not mailed, the next run tries again: %s", why)


def _by_addressee(config: Config, months: Iterable[ProfileMonth]) -> list[tuple[Email, str, list[ProfileMonth]]]:
    """The mail settings with their path in profiles.toml, and the reports of one month that go there."""
    shared: dict[tuple[tuple[str, str], Month], tuple[Email, str, list[ProfileMonth]]] = {}
    for it in months:
        found = config.email_of(config.find(it.profile))
        if found is None:
            raise ConfigFault(
                sentence("profile {profile} has no mail settings", profile=it.profile),
                sentence("add {table} to {path}", table="[notify.email]", path=str(config.path)),
            )
        shared.setdefault((addressee(*found), it.month), (*found, []))[2].append(it)
    return list(shared.values())


def _send_once(config: Config, email: Email, path: str, months: Sequence[ProfileMonth]) -> None:
    """Mail reports of one month, which is stored before and after."""
    names, month = [it.profile for it in months], months[0].month
    _record(config, names, month, Mailed.MAILING)
    try:
        _send(email, path, months)
    except MayHaveLeft as error:
        _record(config, names, month, Mailed.UNKNOWN)
        _say_unknown(names, month, error.message)
    except Exception:
        _record(config, names, month, Mailed.NOT_MAILED)
        raise
    else:
        _record(config, names, month, Mailed.REPORTED)


def _record(config: Config, names: Sequence[str], month: Month, what: Mailed) -> None:
    with closing(MailedReports.open(config.state)) as mailed:
        mailed.record(names, month, what)


def _say_unknown(names: Sequence[str], month: Month, why: str) -> None:
    command = f"klarna24 report --month {month} --mail"
    log.warning(
        "whether the report of %s of %s was mailed is unknown: %s; it is not mailed again → look for it, or: %s",
        month,
        ", ".join(names),
        why,
        " ".join([command, *(f"--profile {name}" for name in names)]),
    )


def _send(email: Email, path: str, months: Sequence[ProfileMonth]) -> None:
    password = credentials.fetch(email.password, path) if email.password else None
    send(email, password, compose(email, months, datetime.now(UTC)))
    names = ", ".join(it.profile for it in months)
    log.info("mail to %s with the report of %s: %s", ", ".join(email.to), months[0].month, names)
