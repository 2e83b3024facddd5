"""What keeps one payout from closing, in words: pure."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple, assert_never

from klarna24.bookkeeping.payout import ZERO, Listed, OddPayout, PayoutKey
from klarna24.report.month import MonthPayout
from klarna24.report.vouchers import differing
from klarna24.run import messages
from klarna24.state.records import Row, Status
from klarna24.text.sentences import joined, sentence

IN_DOUBT = {Status.IN_DOUBT, Status.SENDING}


class Pair(NamedTuple):
    """A payout as Klarna lists it now, and as the state has it; one of the two may be missing."""

    listed: Listed | None
    row: Row | None

    @property
    def key(self) -> PayoutKey:
        """Return what identifies the payout; the state may know more than a record that cannot be read."""
        known = self.row or self.listed
        if known is None:
            raise ValueError("neither Klarna nor the state has it")
        return known.key


def of_payout(
    pair: Pair,
    payout: MonthPayout,
    numbers: Sequence[int],
    is_corrected: bool,
    home_currency: str,
    command: messages.ResolveCommand,
) -> Iterator[str]:
    """Yield each thing that keeps the payout from closing, as a sentence. ``numbers`` are those of its vouchers in
    the ledger; ``is_corrected``: a person says that the voucher is corrected, to sums that are not known."""
    if pair.listed is None:
        yield sentence("Klarna does not list it in this month any more; it was seen on {day}", day=_seen(pair.row))
    elif isinstance(pair.listed, OddPayout) and (pair.row is None or pair.row.status.finished):
        yield sentence("Klarna's record of it cannot be read: {why}", why=pair.listed.why)
    if pair.row is None:
        yield sentence("Klarna lists it, and the state does not know it: klarna24 sync drafts it")
        return
    if pair.listed and pair.row.status.finished and pair.listed.figures != pair.row.totals:
        now = pair.listed.figures
        yield messages.changed(command, pair.row.status, pair.row.totals, now, pair.row.key.currency).message
    yield from _of_status(payout, pair.row, numbers, is_corrected, home_currency)


def _of_status(
    payout: MonthPayout, row: Row, numbers: Sequence[int], is_corrected: bool, home_currency: str
) -> Iterator[str]:
    match payout.status:
        case Status.BOOKED:
            yield from _of_voucher(payout, numbers, is_corrected, home_currency)
        case Status.DRAFTED:
            since = payout.waits_since or payout.payout_date
            if len(payout.standing) > 1:
                yield messages.stands(payout.standing)
            else:
                yield sentence("drafted on {day}, not booked yet", day=str(since))
        case Status.READY:
            yield sentence("seen, and not drafted yet: klarna24 sync drafts it")
        case Status.BLOCKED | Status.REJECTED | Status.IN_DOUBT | Status.SENDING:
            lost = sentence("in doubt: it was sent, and whether it was saved is unknown")
            message = row.problem.message if row.problem else lost
            yield joined("; ", (message, *_may_be(numbers))) if payout.status in IN_DOUBT else message
        case Status.SKIPPED | None:
            pass
        case _:
            assert_never(payout.status)


def _may_be(numbers: Sequence[int]) -> Iterator[str]:
    """Say that the ledger may have a payout in doubt by now."""
    if numbers:
        yield sentence(
            "voucher {number} in the ledger may be it: klarna24 sync looks it up",
            number=", ".join(map(str, numbers)),
        )


def _of_voucher(
    payout: MonthPayout, numbers: Sequence[int], is_corrected: bool, home_currency: str
) -> Iterator[str]:
    if not numbers:
        yield sentence("voucher {number} does not stand in the ledger any more", number=payout.transaction_no or 0)
    elif is_corrected:
        if payout.drafted == payout.booked:
            yield sentence(
                "voucher {number} still has the sums from before Klarna changed the payout",
                number=", ".join(map(str, numbers)),
            )
    elif payout.drafted and payout.drafted != payout.booked and len(payout.standing) > 1:
        yield messages.stands(payout.standing)
    elif payout.drafted and payout.drafted != payout.booked:
        yield sentence(
            "voucher {number} does not have the sums that it should have: {figures} {currency}",
            number=", ".join(map(str, numbers)),
            figures=_moves(payout.drafted, payout.booked),
            currency=home_currency,
        )


def _moves(then: Mapping[int, Decimal], now: Mapping[int, Decimal]) -> str:
    return joined(
        ", ",
        (
            sentence(
                "account {account_no} {then} → {now}",
                account_no=number,
                then=f"{then.get(number, ZERO):.2f}",
                now=f"{now.get(number, ZERO):.2f}",
            )
            for number in differing(then, now)
        ),
    )


def _seen(row: Row | None) -> str:
    return str(row.changed_at.date()) if row else ""
