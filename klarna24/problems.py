"""The words for what is wrong with one payout: what happened, the figures, and the next command."""

import shlex
from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from typing import NamedTuple, Self

from klarna24.config import WARNINGS
from klarna24.errors import Changed, InDoubt, Klarna24Error, Problem, Rejected
from klarna24.lookup import Found
from klarna24.payout import PayoutKey
from klarna24.voucher import Trace

SHOWN_REFERENCE = 75  # a payment reference longer than a comment is cut where it is only shown


class ResolveCommand(NamedTuple):
    """``klarna24 resolve`` for one payout; currency and merchant only where the reference has several."""

    profile: str
    payment_reference: str
    currency: str | None = None
    merchant_id: str | None = None

    @classmethod
    def of(cls, profile: str, key: PayoutKey, same_reference: Iterable[PayoutKey]) -> Self:
        """``same_reference`` are the profile's payouts of that reference, this one included or not."""
        others = set(same_reference) - {key}
        return cls(
            profile,
            key.payment_reference,
            key.currency if any(other.currency != key.currency for other in others) else None,
            key.merchant_id if any(other.currency == key.currency for other in others) else None,
        )

    def __call__(self, way: str) -> str:
        words = ["klarna24", "resolve", "--profile", self.profile]
        words += ["--currency", self.currency] if self.currency else []
        words += ["--merchant", self.merchant_id] if self.merchant_id else []
        dashed = self.payment_reference.startswith("-")
        words += [f"--{way}", "--", self.payment_reference] if dashed else [self.payment_reference, f"--{way}"]
        return shlex.join(words)


def of_payout(error: Klarna24Error, payment_reference: str, what: str) -> Problem:
    """``payout XISA93DJ is held: …``"""
    message = f"payout {short(payment_reference)} {what}: {error.message}"
    return replace(error.problem(), message=message, payment_reference=payment_reference)


def short(payment_reference: str) -> str:
    return payment_reference if len(payment_reference) <= SHOWN_REFERENCE else f"{payment_reference[:40]}…"


def held(error: Klarna24Error, command: ResolveCommand) -> Problem:
    """With the command in full where the hint names it."""
    problem = of_payout(error, command.payment_reference, "is held")
    return replace(problem, hint=problem.hint.replace("klarna24 resolve --skip", command("skip")))


def in_doubt(command: ResolveCommand, why: str, trace: Trace | None, currency: str) -> Problem:
    """What to look for in 24SevenOffice, and both commands that end the doubt."""
    look = ""
    if trace:
        look = (
            f'; look in 24SevenOffice for the bundle "{trace.name}": account {trace.account_no}, '
            f"{trace.amount:.2f} {currency}"
        )
    hint = f"if it is there: {command('posted')}; if not: {command('resend')}"
    return of_payout(InDoubt(f"{why}{look}", hint), command.payment_reference, "is in doubt")


def elsewhere(found: Found) -> str:
    return (
        f"its reference stands in voucher {found.transaction_no} with other lines (booked by hand, edited, or "
        f"twice)"
    )


def rejected(command: ResolveCommand, said: str, until_changed: bool) -> Problem:
    hint = "mend what it says; it is tried again at the next run"
    if until_changed:
        hint = (
            "look in 24SevenOffice that nothing was saved, and mend what it says; it is sent again when the "
            f"voucher has changed, or after: {command('resend')}"
        )
    for warning in WARNINGS:
        if warning in said.replace(" ", "").lower():
            hint = f'if that is no mistake, add under voucher: ignore_warnings = ["{warning}"]; {hint}'
    return of_payout(Rejected(f"24SevenOffice said: {said}", hint), command.payment_reference, "was refused")


def changed(
    command: ResolveCommand, status: str, then: dict[str, Decimal], now: dict[str, Decimal], currency: str
) -> Problem:
    names = [name for name in {**then, **now} if then.get(name) != now.get(name)]
    figures = ", ".join(
        f"{name.replace('_', ' ')} {then.get(name, Decimal(0)):.2f} → {now.get(name, Decimal(0)):.2f}"
        for name in names
    )
    hint = f"correct the voucher in 24SevenOffice by hand, then {command('posted')}; it is never posted again"
    if status == "skipped":
        hint = f"if it shall be posted after all: {command('resend')}; if not: {command('skip')}"
    return of_payout(
        Changed(f"{figures} {currency}", hint),
        command.payment_reference,
        f"changed at Klarna after it was {status}",
    )


def gone(payment_reference: str, before: Problem | None) -> Problem:
    """An unfinished payout that Klarna no longer has: it stays, and says so."""
    before = before or Problem(Changed.code, "", "")
    return replace(
        before,
        message=f"payout {short(payment_reference)} is no longer at Klarna. {before.message}".strip(),
        hint="look for it in Klarna's merchant portal",
        payment_reference=payment_reference,
    )
