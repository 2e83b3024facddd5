"""A person ends what a program cannot: posted, to be sent again, or skipped."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import Literal

from klarna24.config import Config
from klarna24.errors import UsageFault
from klarna24.lock import only_run
from klarna24.shop import open_shop
from klarna24.state import Row, State
from klarna24.twentyfour import Sessions

Way = Literal["posted", "resend", "skip"]
FINISHED = frozenset({"posted", "skipped"})


@dataclass(frozen=True, slots=True)
class Question:
    """What the person is asked: for yes, or where ``type_reference`` for the reference itself."""

    text: str
    type_reference: bool


def resolve(
    config: Config,
    profile: str,
    reference: str,
    currency: str | None,
    way: Way,
    note: str | None,
    confirm: Callable[[Question], bool],
) -> str:
    """What was done, as a sentence. Takes the run's lock; ``--resend`` looks in the journal first.

    Raises UsageFault where the reference or the way does not fit, and what a look-up can raise.
    """
    with only_run(config.state_dir, profile), closing(State.open(config.state_dir)) as state:
        row = _row(state, profile, reference, currency)
        if way != "resend" and row.status in FINISHED:
            raise UsageFault(f"payout {reference} is {row.status} already", f"klarna24 log --profile {profile}")
        if way == "resend" and (found := _look(config, state, row)):
            if row.status not in FINISHED:
                state.resolve(row, "posted", f"found in the journal as {found}", note, transaction_no=found)
                return (
                    f"payout {reference} is in the journal as voucher {found}: it is posted, nothing is sent again"
                )
            raise UsageFault(
                f"payout {reference} is in the journal as voucher {found}: it cannot be sent again",
                "delete or reverse that voucher in 24SevenOffice first",
            )
        if not confirm(_question(row, way)):
            return f"payout {reference} stays {row.status}: nothing was changed"
        return _settle(state, row, way, note)


def _row(state: State, profile: str, reference: str, currency: str | None) -> Row:
    rows = state.by_reference(profile, reference)
    if currency:
        rows = [row for row in rows if row.key.currency == currency]
    if not rows:
        raise UsageFault(f"profile {profile} has no payout {reference}", f"klarna24 status --profile {profile}")
    if len(rows) > 1:
        them = ", ".join(f"{row.key.currency} ({row.key.merchant_id})" for row in rows)
        raise UsageFault(f"payout {reference} stands for more than one: {them}", "say which: --currency")
    return rows[0]


def _look(config: Config, state: State, row: Row) -> int | None:
    """The number of the payout's own voucher in the journal, if it was ever sent and has been booked."""
    if row.trace is None:
        return None
    profile = config.profile(row.profile)
    with open_shop(profile, config, state, Sessions(config.state_dir / "sessions")) as shop:
        found = shop.office.find([row.trace], shop.today)[0]
    return found.transaction_no if found and found.ours else None


def _question(row: Row, way: Way) -> Question:
    reference, voucher = row.key.payment_reference, row.trace.name if row.trace else "its voucher"
    match way:
        case "posted":
            return Question(f"Is {voucher!r} in 24SevenOffice, once?", type_reference=False)
        case "skip":
            return Question(f"Shall payout {reference} never be posted?", type_reference=False)
        case "resend":
            text = f"Have you made sure that {voucher!r} is NOT in 24SevenOffice, neither booked nor as a draft?"
            return Question(text, type_reference=row.status in FINISHED)


def _settle(state: State, row: Row, way: Way, note: str | None) -> str:
    reference = row.key.payment_reference
    match way:
        case "posted":
            state.resolve(row, "posted", "resolved: a person found it posted", note)
            return f"payout {reference} is posted"
        case "skip":
            state.resolve(row, "skipped", "resolved: a person ended it", note)
            return f"payout {reference} is skipped: it will not be posted"
        case "resend":
            state.resolve(row, "ready", "resolved: a person ordered it to be sent again", note)
            return f"payout {reference} is sent at the next run: klarna24 sync --profile {row.profile} --now"
