"""The words for what is wrong with one payout: what happened, the figures, and the next command."""

import shlex
from dataclasses import replace
from decimal import Decimal

from klarna24.config import WARNINGS
from klarna24.errors import Changed, InDoubt, Klarna24Error, Problem, Rejected
from klarna24.lookup import Found
from klarna24.voucher import Trace

SHOWN_REFERENCE = 75  # a payment reference longer than a comment is cut where it is only shown


def of_payout(error: Klarna24Error, payment_reference: str, what: str) -> Problem:
    """``payout XISA93DJ is held: …``"""
    message = f"payout {short(payment_reference)} {what}: {error.message}"
    return replace(error.problem(), message=message, payment_reference=payment_reference)


def short(payment_reference: str) -> str:
    return payment_reference if len(payment_reference) <= SHOWN_REFERENCE else f"{payment_reference[:40]}…"


def resolve_command(profile: str, payment_reference: str, way: str) -> str:
    return f"klarna24 resolve --profile {profile} {shlex.quote(payment_reference)} --{way}"


def in_doubt(profile: str, payment_reference: str, why: str, trace: Trace | None, currency: str) -> Problem:
    """What to look for in 24SevenOffice, and both commands that end the doubt."""
    look = ""
    if trace:
        look = (
            f'; look in 24SevenOffice for the bundle "{trace.name}": account {trace.account_no}, '
            f"{trace.amount:.2f} {currency}"
        )
    hint = (
        f"if it is there: {resolve_command(profile, payment_reference, 'posted')}; "
        f"if not: {resolve_command(profile, payment_reference, 'resend')}"
    )
    return of_payout(InDoubt(f"{why}{look}", hint), payment_reference, "is in doubt")


def elsewhere(found: Found) -> str:
    return (
        f"its reference stands in voucher {found.transaction_no} with other lines (booked by hand, edited, or "
        f"twice)"
    )


def rejected(profile: str, payment_reference: str, said: str, until_changed: bool) -> Problem:
    hint = "mend what it says; it is tried again at the next run"
    if until_changed:
        hint = (
            "look in 24SevenOffice that nothing was saved, and mend what it says; it is sent again when the "
            f"voucher has changed, or after: {resolve_command(profile, payment_reference, 'resend')}"
        )
    for warning in WARNINGS:
        if warning in said.replace(" ", "").lower():
            hint = f'if that is no mistake, add under voucher: ignore_warnings = ["{warning}"]; {hint}'
    return of_payout(Rejected(f"24SevenOffice said: {said}", hint), payment_reference, "was refused")


def changed(
    payment_reference: str, status: str, then: dict[str, Decimal], now: dict[str, Decimal], currency: str
) -> Problem:
    names = [name for name in {**then, **now} if then.get(name) != now.get(name)]
    figures = ", ".join(
        f"{name.replace('_', ' ')} {then.get(name, Decimal(0)):.2f} → {now.get(name, Decimal(0)):.2f}"
        for name in names
    )
    return of_payout(
        Changed(f"{figures} {currency}", "correct the voucher in 24SevenOffice by hand; it is never posted again"),
        payment_reference,
        f"changed at Klarna after it was {status}",
    )


def gone(payment_reference: str, before: Problem | None) -> Problem:
    """An unfinished payout that Klarna no longer has: it stays, and says so."""
    before = before or Problem("unavailable", "", "")
    return replace(
        before,
        message=f"payout {short(payment_reference)} is no longer at Klarna. {before.message}".strip(),
        hint="look for it in Klarna's merchant portal",
        payment_reference=payment_reference,
    )
