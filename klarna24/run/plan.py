"""Gather the new and the unfinished payouts, and decide what is to become of each. Sends and writes nothing."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from klarna24 import errors
from klarna24.bookkeeping import mapping
from klarna24.bookkeeping.payout import Listed, OddPayout, Payout, PayoutKey, Transaction, may_be_same
from klarna24.bookkeeping.remarks import remarks_of
from klarna24.bookkeeping.voucher import Voucher
from klarna24.errors import BadAnswer, ConfigFault, Klarna24Error, Problem, Unavailable, UsageFault
from klarna24.run import booked, doubt, messages
from klarna24.run.claims import refuse_claimed
from klarna24.run.context import RunContext
from klarna24.run.debts import DebtChain
from klarna24.run.outcome import (
    Blocked,
    Booked,
    Drafted,
    Outcome,
    Outcomes,
    Plan,
    Ready,
    Rejected,
    Skipped,
    until_fault,
)
from klarna24.state.records import Row, Status
from klarna24.text.sentences import sentence

OVERLAP = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class _Listing:
    """What Klarna lists, and what the state knows: ``records`` of what is listed, and ``orphans``, the unfinished
    ones of a profile that is gone, which this one would see if Klarna still listed them."""

    payouts: list[Listed]
    debts: DebtChain
    records: dict[PayoutKey, Row | None]
    orphans: list[Row]
    adopted: list[Row]


def plan(context: RunContext) -> Plan:
    """What is to become of each payout. What is in doubt comes first, so that it is reported whatever happens to
    the rest. Raises ConfigFault where the profile's payouts were drafted in another company."""
    context.state.check_owner(context.owner)
    unfinished = context.state.unfinished(context.owner)
    doubts, fault = until_fault(doubt.look_up(context, [record for record in unfinished if record.in_doubt]))
    if fault:
        return Plan(doubts, fault=fault)
    try:
        listing = _list(context)
    except Klarna24Error as error:
        return Plan(doubts, fault=error)
    others, fault = until_fault(_outcomes(context, unfinished, listing))
    found = sorted(booked.settled([*doubts, *others]), key=lambda outcome: (outcome.payout_date, outcome.key))
    identified = [
        (record, payout.key)
        for payout in listing.payouts
        if (record := listing.records[payout.key]) and isinstance(payout, Payout) and record.key != payout.key
    ]
    return Plan(found, listing.adopted, identified, context.new_rates, fault, listing.payouts)


def preview(context: RunContext, period: tuple[date | None, date | None]) -> Outcomes:
    """Any days, those before start_date included; what the state knows is reported, and otherwise left alone."""
    return until_fault(_preview(context, *period))


def _preview(context: RunContext, first: date | None, last: date | None) -> Iterator[Outcome]:
    since, until = first or context.profile.start_date, last or context.today
    if since > until and first is None:
        message = sentence("{option} is before start_date {start}", option=f"--to {until}", start=str(since))
        raise UsageFault(message, sentence("give {option} as well", option="--from"))
    payouts = context.klarna.payouts(since, until, context.profile.timezone)
    debts = DebtChain(payouts, context.profile.timezone, context.owner)
    records = context.state.rows(context.owner, (payout.key for payout in payouts))
    for payout in payouts:
        record = records.get(payout.key)
        if isinstance(payout, OddPayout):
            yield _odd(context, payout, record)
            continue
        outcome = _mapped(context, payout, record, debts)
        if record and record.in_doubt:
            yield replace(doubt.still_in_doubt(context, record), voucher=outcome.voucher)
        elif record and not record.may_be_sent:
            before = _finished(context, payout, record)
            yield replace(before, voucher=outcome.voucher, decided=context.state.decided(record))
        else:
            yield outcome


def _list(context: RunContext) -> _Listing:
    """Raises what the listing raises, and ConfigFault where another profile or merchant would be mixed in."""
    profile = context.profile
    payouts = context.klarna.payouts(_since(context), context.today, profile.timezone)
    known = context.state.merchants(context.owner)
    _check_merchants(context, payouts, known)
    left = context.state.orphans(context.owner, context.config.names)
    stored = context.state.rows(context.owner, (payout.key for payout in payouts))
    records = {payout.key: stored.get(payout.key) or _similar(context, payout, left) for payout in payouts}
    seen = {record.id for record in records.values() if record}
    merchants = known | {payout.merchant_id for payout in payouts} | {*(profile.klarna.merchant_ids or ())}
    orphans = [
        record
        for record in left
        if profile.klarna.covers(record.key.merchant_id, record.key.currency)
        and record.key.merchant_id in merchants
        and record.id not in seen
    ]
    of_others = [record for record in records.values() if record and record.profile != profile.name]
    for record in of_others:
        refuse_claimed(context.config, profile, record)
    debts = DebtChain(payouts, profile.timezone, context.owner, context.state)
    return _Listing(payouts, debts, records, orphans, [*of_others, *orphans])


def _similar(context: RunContext, payout: Listed, left: list[Row]) -> Row | None:
    """What the state knows of a payout that could not be read in full, now or then. ``left`` are the unfinished
    payouts of profiles that are gone: a doubt among them is told although the payout is odd."""
    candidates = context.state.by_reference(context.profile.name, payout.payment_reference)
    if isinstance(payout, OddPayout):
        candidates += [record for record in left if record.in_doubt]
    similar = [
        record
        for record in candidates
        if (record.client_id, record.environment) == (context.owner.client_id, context.owner.environment)
        and may_be_same(record.key, payout.key)
    ]
    return similar[0] if len(similar) == 1 else None


def _since(context: RunContext) -> date:
    start, state = context.profile.start_date, context.state
    checkpoint = state.checkpoint(context.profile.name)
    if checkpoint is None or state.scope(context.profile.name) != context.scope:
        return start
    return max(start, checkpoint - OVERLAP)


def _outcomes(context: RunContext, unfinished: list[Row], listing: _Listing) -> Iterator[Outcome]:
    yield from doubt.look_up(context, [record for record in listing.adopted if record.in_doubt])
    for payout in listing.payouts:
        if outcome := _outcome(context, payout, listing.records[payout.key], listing.debts):
            yield outcome
    listed = {record.id for record in listing.records.values() if record}
    for record in [*unfinished, *listing.orphans]:
        is_older = record.id not in listed and not record.in_doubt
        if is_older and (outcome := _older(context, record, listing.debts)):
            yield outcome


# What is new, blocked or rejected


def _outcome(context: RunContext, payout: Listed, record: Row | None, debts: DebtChain) -> Outcome | None:
    """None for what is finished and unchanged, and for what is in doubt, which doubt.py alone decides."""
    if isinstance(payout, OddPayout):
        return None if record and not record.may_be_sent else _odd(context, payout, record)
    if record is None:
        outcome = _mapped(context, payout, None, debts)
        return doubt.known_otherwise(context, outcome) or outcome
    if record.in_doubt:
        return None
    if record.may_be_sent:
        is_still_empty = record.status is Status.SKIPPED and record.totals == payout.figures
        return None if is_still_empty else _mapped(context, payout, record, debts)
    is_as_before = record.totals == payout.figures and record.problem is None
    return None if is_as_before else _finished(context, payout, record)


def _odd(context: RunContext, payout: OddPayout, record: Row | None) -> Blocked:
    """A record that cannot be read is blocked, and the others go on. Where its date cannot be read it has the
    start date, which moves no checkpoint."""
    if record:
        payout = replace(payout, merchant_id=record.key.merchant_id, currency=record.key.currency)
    moment, zone = payout.payout_date, context.profile.timezone
    return Blocked(
        key=payout.key,
        payout_date=moment.astimezone(zone).date() if moment else context.profile.start_date,
        totals=payout.figures,
        payout=payout,
        record=record,
        problem=messages.odd(context.resolve_command(payout.key), payout.why),
    )


def _finished(context: RunContext, payout: Payout, record: Row) -> Outcome:
    """Drafted, booked or skipped, with a problem where Klarna has changed its figures since."""
    now = payout.figures
    problem = None
    if record.totals != now:
        command = context.resolve_command(record.key)
        problem = messages.changed(command, record.status, record.totals, now, record.key.currency)
    match record.status:
        case Status.BOOKED:
            return Booked.of_record(record, problem=problem, transaction_no=record.transaction_no or 0)
        case Status.DRAFTED:
            return Drafted.of_record(record, problem=problem)
    return Skipped.of_record(record, problem=problem)


def _mapped(context: RunContext, payout: Payout, record: Row | None, debts: DebtChain) -> Outcome:
    """Blocked, skipped, ready, or still rejected."""
    known: dict[str, Any] = {
        "key": payout.key,
        "payout_date": payout.local_date(context.profile.timezone),
        "totals": payout.figures,
        "payout": payout,
        "record": record,
    }
    command = context.resolve_command(payout.key)
    try:
        rows = _rows(context, payout)
        known["remarks"] = remarks_of(payout, rows, context.profile, context.books, debts.before(payout))
        voucher = _voucher(context, payout, rows)
    except errors.Blocked as error:
        return Blocked(**known, problem=messages.blocked(error, command))
    except BadAnswer as error:  # its rows cannot be had; those of others can
        return Blocked(**known, problem=messages.unreadable_rows(error, command))
    if voucher is None:
        return Skipped(**known)
    if record and record.awaits_order:
        problem = record.problem if record.status is Status.REJECTED else None
        problem = problem or messages.rejected(command, sentence("Exception"), awaits_order=True)
        return Rejected(**known, voucher=voucher, problem=problem)
    return Ready(**known, voucher=voucher)


def voucher_now(context: RunContext, payout: Payout) -> Voucher | None:
    """What Klarna's figures and the profile of today give, whatever became of the payout; None where there is
    nothing to book. Raises Blocked, and what the reads raise."""
    return _voucher(context, payout, _rows(context, payout))


def _voucher(context: RunContext, payout: Payout, rows: Sequence[Transaction]) -> Voucher | None:
    needs_rate = payout.figures and mapping.needs_rate(payout, context.profile, context.books)
    day = payout.local_date(context.profile.timezone)
    rate = context.rate(day, payout.currency) if needs_rate else None
    return mapping.voucher_for(payout, rows, context.profile, context.books, rate)


def _rows(context: RunContext, payout: Payout) -> Sequence[Transaction]:
    """As far as its voucher needs them."""
    if not mapping.needs_rows(payout, context.profile, context.books):
        return ()
    progress, reference = context.progress, payout.payment_reference
    return context.klarna.transactions(
        reference, progress and (lambda so_far, in_all: progress(reference, so_far, in_all))
    )


def _older(context: RunContext, record: Row, debts: DebtChain) -> Outcome | None:
    """An unfinished payout that the listing does not reach: fetched by its reference, however old."""
    profile = context.profile
    covered = profile.klarna.covers(record.key.merchant_id, record.key.currency)
    if record.payout_date < profile.start_date or not covered:
        return None
    outcome = Rejected if record.status is Status.REJECTED else Blocked
    try:
        payout = context.klarna.payout(record.key)
    except Unavailable as error:
        # one old payout that cannot be fetched does not keep the new ones from being drafted
        return outcome.of_record(record, problem=messages.not_fetched(error, record.key.payment_reference))
    if payout is None:
        return outcome.of_record(record, problem=messages.gone(record.key.payment_reference, record.problem))
    if isinstance(payout, Payout) and (
        payout.key != record.key or payout.local_date(profile.timezone) < profile.start_date
    ):
        return None
    return _outcome(context, payout, record, debts)


# What would draft a payout twice


def _check_merchants(context: RunContext, listed: list[Listed], known: set[str]) -> None:
    """Raises ConfigFault where Klarna's credentials now show another merchant, unless the profile names it."""
    named = set(context.profile.klarna.merchant_ids or ())
    strange = sorted({payout.merchant_id for payout in listed if payout.merchant_id} - known - named)
    if known and strange:
        raise ConfigFault(
            sentence(
                "Klarna's credentials show merchant {strange}, but the profile's payouts so far are of {known}",
                strange=", ".join(strange),
                known=", ".join(sorted(known)),
            ),
            sentence(
                "if that is meant, add to {table}: {line}",
                table=f"[profiles.{context.profile.name}.klarna]",
                line=f"merchant_ids = {json.dumps(sorted(known | set(strange)))}",
            ),
        )


# What does not come


def silence(context: RunContext, outcomes: list[Outcome]) -> list[Problem]:
    """No payout for longer than the profile expects: credentials that see nothing any more, a closed account."""
    days = context.profile.expect_payout_within_days
    if days is None:
        return []
    dates = [outcome.payout_date for outcome in outcomes]
    newest = max([*dates, context.state.checkpoint(context.profile.name) or context.profile.start_date])
    if (silent := (context.today - newest).days) <= days:
        return []
    return [messages.silent(newest, silent, days)]
