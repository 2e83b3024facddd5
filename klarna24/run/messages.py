"""Problems of one payout, in words: what happened, the figures, and the next command."""

import shlex
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import NamedTuple, Self

from klarna24.bookkeeping.entries import SAFE_OCR
from klarna24.bookkeeping.ledger_match import LedgerMatch
from klarna24.bookkeeping.payout import NAMES, PayoutKey
from klarna24.bookkeeping.voucher import Trace
from klarna24.config.tables import WARNINGS
from klarna24.errors import Klarna24Error, Problem, ProblemCode
from klarna24.state.records import Status
from klarna24.text.sentences import Sentence, joined, sentence

SHOWN_REFERENCE = 75  # a payment reference longer than a comment is cut where it is only shown


class ResolveCommand(NamedTuple):
    """The ``klarna24 resolve`` command for one payout; currency and merchant only where they are needed."""

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


def of_payout(error: Klarna24Error, payment_reference: str, message: Sentence) -> Problem:
    """The error as a problem of the payout; ``message`` is the whole sentence, with the error's own in it."""
    return error.problem()._replace(message=message, payment_reference=payment_reference)


def short(payment_reference: str) -> str:
    return payment_reference if len(payment_reference) <= SHOWN_REFERENCE else f"{payment_reference[:40]}…"


def blocked(error: Klarna24Error, command: ResolveCommand) -> Problem:
    """The payout cannot be booked; the hint names the whole command that skips it."""
    reference = command.payment_reference
    message = sentence("payout {reference} is blocked: {why}", reference=short(reference), why=error.message)
    problem = of_payout(error, reference, message)
    return problem._replace(hint=_with_skip(problem.hint, command))


def _with_skip(hint: str, command: ResolveCommand) -> Sentence:
    """The hint with the way that is always open: the payout is booked by hand, and skipped."""
    if isinstance(hint, Sentence) and "{skip}" in hint.template:
        return hint.with_values(skip=command("skip"))
    return sentence("{hint}; or book it by hand, then {skip}", hint=hint, skip=command("skip"))


def all_totals(totals: Mapping[str, Decimal], currency: str) -> Sentence:
    """All of Klarna's totals; those of 0 in one word."""
    figures = joined(", ", (joined(" ", (NAMES[name], f"{it:.2f}")) for name, it in totals.items() if it))
    return sentence("Klarna's totals in {currency}: {figures}; all others 0", currency=currency, figures=figures)


def not_fetched(error: Klarna24Error, payment_reference: str) -> Problem:
    """Klarna could not be asked for an unfinished payout."""
    message = sentence(
        "payout {reference} could not be fetched: {why}", reference=short(payment_reference), why=error.message
    )
    return of_payout(error, payment_reference, message)


def in_doubt(command: ResolveCommand, why: str, trace: Trace | None) -> Problem:
    """What to look for in 24SevenOffice, and both commands that end the doubt."""
    if trace:
        why = sentence(
            '{why}; look in 24SevenOffice for the bundle "{bundle}": account {account_no}, {amount} {currency}',
            why=why,
            bundle=trace.name,
            account_no=trace.account_no,
            amount=f"{trace.amount:.2f}",
            currency=trace.currency,
        )
    reference = command.payment_reference
    message = sentence("payout {reference} is in doubt: {why}", reference=short(reference), why=why)
    return Problem(ProblemCode.IN_DOUBT, message, look(command), reference)


def look(command: ResolveCommand) -> Sentence:
    """The commands that end a doubt."""
    return sentence(
        "if it is there: {drafted}; if not: {resend}", drafted=command("drafted"), resend=command("resend")
    )


def elsewhere(found: LedgerMatch) -> Sentence:
    return sentence(
        "its reference stands in voucher {number} with other lines (booked by hand, edited, or twice)",
        number=found.transaction_no,
    )


def rejected(command: ResolveCommand, said: str, awaits_order: bool, longest_ocr: int = 0) -> Problem:
    """24SevenOffice refused the voucher. Where its longest OCR reference may be the reason, the hint says what to
    write instead (docs/vendors/24sevenoffice.md, "Newer findings")."""
    hint = sentence("fix what it says; it is tried again at the next run")
    if awaits_order:
        hint = sentence(
            "make sure in 24SevenOffice that nothing was saved, and fix what it says; it is sent again only "
            "after: {resend}",
            resend=command("resend"),
        )
    for warning in WARNINGS:
        if warning in said.replace(" ", "").lower():
            line = f'ignore_warnings = ["{warning}"]'
            hint = sentence("if it may be ignored, add under voucher: {line}; {hint}", line=line, hint=hint)
    if longest_ocr > SAFE_OCR:
        hint = sentence(
            "if the OCR reference of {length} characters is too long, under references: {line}; {hint}",
            length=longest_ocr,
            line='short_order_id = "ocr"',
            hint=hint,
        )
    hint = _with_skip(hint, command)
    reference = command.payment_reference
    message = sentence(
        "payout {reference} was rejected: 24SevenOffice said: {said}", reference=short(reference), said=said
    )
    return Problem(ProblemCode.REJECTED, message, hint, reference)


def changed(
    command: ResolveCommand, status: Status, then: dict[str, Decimal], now: dict[str, Decimal], currency: str
) -> Problem:
    names = [name for name in {**then, **now} if then.get(name) != now.get(name)]
    zero = Decimal(0)
    moves = (joined(" → ", (f"{its.get(name, zero):.2f}" for its in (then, now))) for name in names)
    figures = joined(", ", (joined(" ", (NAMES[name], move)) for name, move in zip(names, moves, strict=True)))
    reference = command.payment_reference
    places: dict[str, str | int] = {"reference": short(reference), "figures": figures, "currency": currency}
    if status is Status.SKIPPED:
        message = sentence(
            "payout {reference} changed at Klarna after it was skipped: {figures} {currency}", **places
        )
        hint = sentence(
            "to draft it after all: {resend}; if not: {skip}",
            resend=command("resend"),
            skip=command("skip"),
        )
    else:
        message = sentence(
            "payout {reference} changed at Klarna after it was drafted: {figures} {currency}", **places
        )
        hint = sentence(
            "correct the voucher in 24SevenOffice by hand, then {drafted}; it is never drafted a second time",
            drafted=command("drafted"),
        )
    return Problem(ProblemCode.CHANGED, message, hint, reference)


def other_sums(number: int, drafted: dict[int, Decimal], now: dict[int, Decimal]) -> Sentence:
    """The sums per account that are not as drafted."""
    return sentence(
        "voucher {number} was booked with other sums than drafted: {sums}",
        number=number,
        sums=changed_sums(drafted, now),
    )


def changed_sums(then: dict[int, Decimal], now: dict[int, Decimal]) -> Sentence:
    """Each account whose sum has changed, with both sums; empty where none has."""
    zero = Decimal(0)
    accounts = [it for it in sorted({*then, *now}) if then.get(it, zero) != now.get(it, zero)]
    moves = (
        joined(" ", (str(it), f"{then.get(it, zero):.2f}", "→", f"{now.get(it, zero):.2f}")) for it in accounts
    )
    return joined(", ", moves)


def stands(numbers: Sequence[int]) -> Sentence:
    """A voucher was booked more than once, or in parts."""
    return sentence(
        "stands {number} times in the ledger: vouchers {numbers}",
        number=len(numbers),
        numbers=", ".join(map(str, numbers)),
    )


def unbooked(command: ResolveCommand, since: date, days: int, in_ledger: str | None) -> Problem:
    """A draft waits for longer than the profile wants; ``in_ledger`` says that it stands there several times."""
    if in_ledger:
        message = sentence(
            "payout {reference} {stands}", reference=short(command.payment_reference), stands=in_ledger
        )
        hint = sentence(
            "reverse in 24SevenOffice what is too much; if they are right together: {skip}", skip=command("skip")
        )
        return Problem(ProblemCode.UNBOOKED, message, hint, command.payment_reference)
    message = sentence(
        "payout {reference} was drafted on {day} and is not booked after {days} days",
        reference=short(command.payment_reference),
        day=str(since),
        days=days,
    )
    hint = sentence(
        "check its draft in 24SevenOffice, number and book it; if the draft is gone: {resend}; if the payout was "
        "booked by hand: {skip}",
        resend=command("resend"),
        skip=command("skip"),
    )
    return Problem(ProblemCode.UNBOOKED, message, hint, command.payment_reference)


def gone(payment_reference: str, before: Problem | None) -> Problem:
    """An unfinished payout that Klarna no longer has; it stays unfinished."""
    message = sentence("payout {reference} is no longer at Klarna.", reference=short(payment_reference))
    if before:
        message = joined(" ", (message, before.message))
    hint = sentence("look for it in Klarna's merchant portal")
    return Problem(before.code if before else ProblemCode.CHANGED, message, hint, payment_reference)


def silent(newest: date, days: int, expected: int) -> Problem:
    """The profile has had no payout for too long."""
    message = sentence(
        "no payout from Klarna for {days} days, since {newest}; the profile expects one within {expected}",
        days=days,
        newest=str(newest),
        expected=expected,
    )
    hint = sentence(
        "check in Klarna's merchant portal whether payouts continue, and whether these credentials see them: "
        "klarna24 check"
    )
    return Problem(ProblemCode.SILENCE, message, hint)


def bug(profile: str, error: Exception) -> Problem:
    """A bug ended the run; its traceback is printed elsewhere."""
    return Problem(
        ProblemCode.BUG,
        sentence("a bug ended the run: {name}", name=type(error).__name__),
        sentence(
            "please report the traceback that this command prints: {command}",
            command=f"klarna24 sync --profile {profile}",
        ),
    )


def odd(command: ResolveCommand, why: str) -> Problem:
    """Klarna's record of the payout does not follow the contract."""
    message = sentence(
        "payout {reference} is blocked: Klarna's record of it cannot be read: {why}",
        reference=short(command.payment_reference),
        why=why,
    )
    return Problem(ProblemCode.UNREADABLE, message, _with_skip(_ask(), command), command.payment_reference)


def unreadable_rows(error: Klarna24Error, command: ResolveCommand) -> Problem:
    """The payout's rows cannot be had, while Klarna answers what concerns others."""
    return blocked(error, command)._replace(code=ProblemCode.UNREADABLE, hint=_with_skip(_ask(), command))


def _ask() -> Sentence:
    return sentence("ask Klarna; it is tried again at each run")
