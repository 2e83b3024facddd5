"""Which start_date fits what the ledger has already: sentences, from the payouts of the past. Pure."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

from klarna24.check.months import HistoryPayout, Standing
from klarna24.text.sentences import Sentence, joined, sentence

SHOWN_PAYOUTS = 5
DAY = timedelta(days=1)


def advice_of(payouts: Sequence[HistoryPayout], start: date) -> Iterator[Sentence]:
    """Yield what to do about ``start``, the profile's start_date. ``payouts`` are sorted, the oldest first; what
    was not looked up is left out."""
    elsewhere = [it for it in payouts if it.standing in {Standing.CERTAIN, Standing.PROBABLE}]
    nowhere = [it for it in payouts if it.standing is Standing.NOT_FOUND]
    yield from _already_there(elsewhere)
    if not elsewhere and not nowhere:
        return
    clear = elsewhere[-1].day + DAY if elsewhere else nowhere[0].day
    left = [it for it in nowhere if it.day >= clear]
    line = f"start_date = {clear}"  # as profiles.toml has it, in every language
    places: dict[str, str | int] = {"start": str(start), "line": line, "count": len(left)}
    if elsewhere and clear > start:
        yield sentence(
            "set {line} (it is {start}): from that day on nothing stands in the ledger; payouts that are taken in "
            "then: {count}",
            **places,
        )
    elif left and left[0].day < start:
        yield sentence(
            "to take in more, {line} (it is {start}): from that day on nothing stands in the ledger; payouts that "
            "are taken in then: {count}",
            **places,
        )
    else:
        yield sentence("start_date may stay {start}", start=str(start))
    if gaps := [it for it in nowhere if it.day < clear]:
        yield _gaps(gaps)


def _already_there(elsewhere: Sequence[HistoryPayout]) -> Iterator[Sentence]:
    """What a run would make of the payouts that stand in the ledger and that the state does not have."""
    again = [it for it in elsewhere if it.found and not it.found.is_noticed]
    ours = [it for it in elsewhere if it.found and it.found.is_noticed and it.found.is_ours]
    in_doubt = [it for it in elsewhere if it not in again and it not in ours]
    if again:
        probable = sum(it.standing is Standing.PROBABLE for it in again)
        yield sentence(
            "payouts in vouchers that a run does not recognise: {count} ({probable} of them only probably), the "
            "last of {day}; with a start_date that includes it, each of them is drafted a second time",
            count=len(again),
            probable=probable,
            day=str(again[-1].day),
        )
    if in_doubt:
        yield sentence(
            "payouts whose voucher has the reference and the amount: {count}, the last of {day}; with a "
            "start_date that includes it, none of them is drafted: each is in doubt until "
            "klarna24 resolve --drafted",
            count=len(in_doubt),
            day=str(in_doubt[-1].day),
        )
    if ours:
        yield sentence(
            "payouts in klarna24's own words that this state does not have: {count}, the last of {day}; use the "
            "state that drafted them: a run with this one puts every payout in doubt that it does not find booked",
            count=len(ours),
            day=str(ours[-1].day),
        )


def _gaps(gaps: Sequence[HistoryPayout]) -> Sentence:
    """Payouts that are missing among others that are booked."""
    more = ["…"] if len(gaps) > SHOWN_PAYOUTS else []
    shown = [joined(" ", (it.past.key.payment_reference, str(it.day))) for it in gaps[:SHOWN_PAYOUTS]]
    return sentence(
        "earlier payouts that were not found, although later ones are booked: {count} ({payouts}); look for them "
        "in 24SevenOffice, and book by hand what is missing",
        count=len(gaps),
        payouts=joined(", ", [*shown, *more]),
    )
