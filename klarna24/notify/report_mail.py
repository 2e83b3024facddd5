"""Mails Klarna's report of each drafted payout to the company's voucher inbox, once.

That it is to be mailed is stored before the payout is sent, and that it is being mailed before the mail leaves.
What fails before the mail server may have taken it is tried again by the next run. Where a run ended in between,
or the server did not reply, nobody knows whether it arrived: then it is not sent again. Every failure is a remark,
which keeps no voucher back and changes no exit code.
"""

import hashlib
import logging
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.message import EmailMessage

from klarna24.archive.keep import AMBIGUOUS
from klarna24.bookkeeping.payout import PayoutKey
from klarna24.bookkeeping.remarks import Remark
from klarna24.config import credentials
from klarna24.config.contacts import Email
from klarna24.errors import BadAnswer, Klarna24Error
from klarna24.notify.letter import new_message, wrapped
from klarna24.notify.smtp import MayHaveLeft, send
from klarna24.run.context import RunContext
from klarna24.run.outcome import Outcomes
from klarna24.run.stopping import finish_first
from klarna24.state.records import Row
from klarna24.text.reader import Reader
from klarna24.text.sentences import Language, sentence

UNKNOWN = Remark(sentence("whether Klarna's report reached the voucher inbox is unknown: look there"))
log = logging.getLogger(__name__)


def mail_reports(context: RunContext, done: Outcomes) -> Outcomes:
    """Mail the reports that are due, of this run's payouts and of earlier ones, oldest first. Return the outcomes
    with the remarks on what failed. Raises nothing but bugs and signals."""
    configured = context.config.email_of(context.profile)
    if context.profile.evidence != "mail" or configured is None:
        return done
    found: dict[PayoutKey, Remark] = {}
    try:
        post = _Post(context, *configured)
        if due := context.state.undelivered(context.owner):
            context.state.check_integrity()
        for row in due:
            remark = post.mail(row)
            kept = tuple(it for it in row.remarks if not _is_about_mail(it))
            context.state.remark(context.owner, [(row.key, (*kept, *filter(None, [remark])))])
            if remark:
                found[row.key] = remark
    except Klarna24Error as error:
        log.warning("%s: the state does not tell which reports were mailed: %s", context.profile.name, error)
    with_remarks = [
        replace(outcome, remarks=(*outcome.remarks, found[outcome.key])) if outcome.key in found else outcome
        for outcome in done.outcomes
    ]
    return done._replace(outcomes=with_remarks)


@dataclass
class _Post:
    """The mail server. ``failure`` is why nothing more is tried in this run, once that is so."""

    context: RunContext
    settings: Email
    path: str
    failure: str | None = None

    def mail(self, row: Row) -> Remark | None:
        """Mail the report of one payout. Return a remark if it was not mailed. Raises StateFault and Locked."""
        state, owner, inbox = self.context.state, self.context.owner, self.context.profile.twentyfour.inbox
        if state.delivery(row.id, "mail") == "sending":
            state.deliver(owner, row.id, "mail", "unknown", "a run ended while it was mailed")
            return UNKNOWN
        if state.shares_reference(owner, row.key):
            state.deliver(owner, row.id, "mail", "not sent", AMBIGUOUS)
            return Remark(sentence("Klarna's report was not mailed to the voucher inbox: {why}", why=AMBIGUOUS))
        if self.failure:
            return _not_mailed(self.failure)
        try:
            pdf = self.context.klarna.report(row.key.payment_reference, "pdf")
            password = credentials.fetch(self.settings.password, self.path) if self.settings.password else None
        except BadAnswer as error:  # the reports of others can be had
            return _not_mailed(error.message)
        except Klarna24Error as error:
            self.failure = error.message
            return _not_mailed(self.failure)
        settings = self.settings.model_copy(update={"to": [inbox]})
        mail = _composed(settings, row, pdf, self.context.profile.language)
        with finish_first():
            digest = hashlib.sha256(pdf).hexdigest()
            state.deliver(owner, row.id, "mail", "sending", f"mailing it to {inbox}", digest, len(pdf))
            try:
                send(settings, password, mail)
            except MayHaveLeft as error:
                self.failure = error.message
                state.deliver(owner, row.id, "mail", "unknown", error.message)
                return UNKNOWN
            except Klarna24Error as error:
                self.failure = error.message
                state.deliver(owner, row.id, "mail", "due", error.message)
                return _not_mailed(self.failure)
            state.deliver(owner, row.id, "mail", "sent", f"mailed it to {inbox}")
        return None


def _composed(settings: Email, row: Row, pdf: bytes, language: Language) -> EmailMessage:
    """The mail with the PDF, whose name has of Klarna's reference what is safe in a file name."""
    reference, day, reader = row.key.payment_reference, str(row.payout_date), Reader(language)
    subject = sentence("Klarna payout {reference} of {date}", reference=reference, date=day)
    text = sentence(
        "Klarna's settlement report of payout {reference} of {date}, {amount}, which was drafted as {voucher}. "
        "klarna24 mails each report once.",
        reference=reference,
        date=day,
        amount=f"{row.totals.get('settlement', 0):,.2f} {row.key.currency}",
        voucher=row.trace.name if row.trace else reference,
    )
    body = "\n".join(wrapped(reader.say(text))) + "\n"
    mail = new_message(settings, reader.say(subject), body, datetime.now(UTC))
    plain = re.sub(r"[^A-Za-z0-9_-]", "_", reference)[:60]
    mail.add_attachment(pdf, maintype="application", subtype="pdf", filename=f"klarna-{day}-{plain}.pdf")
    return mail


def _not_mailed(why: str) -> Remark:
    return Remark(
        sentence("Klarna's report was not mailed to the voucher inbox, the next run tries again: {why}", why=why)
    )


def _is_about_mail(remark: Remark) -> bool:
    ours = {getattr(it.text, "template", "") for it in (UNKNOWN, _not_mailed(""))}
    return getattr(remark.text, "template", None) in ours
