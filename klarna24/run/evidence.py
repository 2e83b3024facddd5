"""Klarna's report beside the draft: its pages are attached before the save, or it is to be mailed after it.

Nothing here keeps a voucher from being saved: what fails is a remark.
"""

import hashlib
import time
from dataclasses import replace

from klarna24.archive.keep import AMBIGUOUS
from klarna24.bookkeeping.remarks import Remark
from klarna24.errors import Klarna24Error, StateFault
from klarna24.run.context import RunContext
from klarna24.run.outcome import Ready
from klarna24.run.pages import rendered
from klarna24.text.sentences import Sentence, sentence

SECONDS = 60.0  # to fetch, render and upload one report


def before_save(context: RunContext, outcome: Ready) -> tuple[Ready, int | None]:
    """Do what the profile's ``evidence`` asks for before the save. Return the outcome, with a remark where that
    failed, and the stamp number of the attached pages."""
    match context.profile.evidence:
        case "mail":
            context.state.mail_when_drafted(context.owner, outcome.key)
        case "attach":
            try:
                return outcome, _attach(context, outcome)
            except StateFault:
                raise
            except Klarna24Error as error:
                return _without(context, outcome, error.message), None
    return outcome, None


def _attach(context: RunContext, outcome: Ready) -> int:
    """Upload the report, once: the stamp number of an earlier upload is used again, and one that was interrupted
    when its pages were being saved is not repeated. Raises Klarna24Error."""
    state, owner, reference = context.state, context.owner, outcome.key.payment_reference
    row = state.row(owner, outcome.key)
    if row is None:
        raise Klarna24Error(sentence("the state does not know the payout"))
    if before := state.delivery(row.id, "attach"):
        if before.isdecimal():
            return int(before)
        raise Klarna24Error(sentence("an earlier upload was interrupted, and is not repeated"))
    if state.shares_reference(owner, outcome.key):
        raise Klarna24Error(AMBIGUOUS)
    deadline = time.monotonic() + SECONDS
    pdf = context.klarna.report(reference, "pdf", SECONDS)
    pages = rendered(pdf, deadline - time.monotonic())
    digest = hashlib.sha256(pdf).hexdigest()

    def saving(stamp_no: int) -> None:
        answer = f"saving {len(pages)} pages with stamp number {stamp_no}"
        state.deliver(owner, row.id, "attach", f"saving {stamp_no}", answer, digest, len(pdf))

    stamp_no = context.office.attach(pages, deadline - time.monotonic(), saving)
    state.deliver(owner, row.id, "attach", str(stamp_no), f"saved {len(pages)} pages with stamp number {stamp_no}")
    return stamp_no


def _without(context: RunContext, outcome: Ready, why: str) -> Ready:
    remark = Remark(not_attached(why))
    remarks = (*outcome.remarks, remark)
    context.state.remark(context.owner, [(outcome.key, remarks)])
    return replace(outcome, remarks=remarks)


def not_attached(why: str) -> Sentence:
    """The remark that a draft has no pages beside it."""
    return sentence("Klarna's report is not attached to the draft: {why}", why=why)
