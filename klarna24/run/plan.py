"""Gather the new and the unfinished payouts, and decide what is to become of each. Sends and writes nothing."""

import json
from dataclasses import replace
from datetime import date, timedelta

from klarna24.bookkeeping import mapping
from klarna24.bookkeeping.ledger_match import LedgerMatch
from klarna24.bookkeeping.payout import ZERO, Payout, Transaction
from klarna24.config.tables import disjoint
from klarna24.errors import BadAnswer, Blocked, ConfigFault, Problem, Unavailable, UsageFault
from klarna24.run import messages
from klarna24.run.context import Shop
from klarna24.run.outcome import Item, ItemStatus, Plan
from klarna24.state.records import Row
from klarna24.text import sentence

OVERLAP = timedelta(days=90)


def plan(shop: Shop, into: Plan) -> None:
    """Fill ``into``; what is in doubt first, so that it is told whatever happens to the rest.

    Raises on the first fault that concerns more than one payout: nothing has been sent then.
    """
    state, name, items = shop.state, shop.profile.name, into.items
    state.check_owner(shop.owner)
    waiting = state.unfinished(shop.owner)
    _add_in_doubt(shop, [row for row in waiting if row.in_doubt], items)
    listed = shop.klarna.payouts(_since(shop), shop.today, shop.profile.timezone)
    _check_merchants(shop, listed)
    rows = {payout.key: state.row(shop.owner, payout.key) for payout in listed}
    orphans = [row for row in _orphans(shop, listed) if row.key not in rows]
    into.adopted.extend(row for row in rows.values() if row and row.profile != name)
    for row in into.adopted:
        _check_may_adopt(shop, row)
    into.adopted.extend(orphans)
    _add_in_doubt(shop, [row for row in into.adopted if row.in_doubt], items)
    for payout in listed:
        if item := _item(shop, payout, rows[payout.key]):
            items.append(item)
    for row in [*waiting, *orphans]:
        if row.key not in rows and not row.in_doubt and (item := _older(shop, row)):
            items.append(item)
    items.sort(key=lambda item: (item.payout_date, item.key))


def preview(shop: Shop, period: tuple[date | None, date | None], into: Plan) -> None:
    """Any days, the past before start_date included; what state knows is told, and otherwise left alone."""
    since, until = period[0] or shop.profile.start_date, period[1] or shop.today
    if since > until and period[0] is None:
        message = sentence("{option} is before start_date {start}", option=f"--to {until}", start=str(since))
        raise UsageFault(message, sentence("say {option} as well", option="--from"))
    for payout in shop.klarna.payouts(since, until, shop.profile.timezone):
        row = shop.state.row(shop.owner, payout.key)
        item = _mapped(shop, payout, row)
        if row and row.in_doubt:
            item = replace(_in_doubt(shop, row, None), voucher=item.voucher)
        elif row and row.status in {"drafted", "skipped"} and not row.may_be_sent:
            item = replace(_finished(shop, payout, row), voucher=item.voucher)
        into.items.append(item)


def _since(shop: Shop) -> date:
    start, checkpoint = shop.profile.start_date, shop.state.checkpoint(shop.profile.name)
    if checkpoint is None or shop.state.scope(shop.profile.name) != shop.scope:
        return start
    return max(start, checkpoint - OVERLAP)


def _orphans(shop: Shop, listed: list[Payout]) -> list[Row]:
    """Unfinished payouts of a profile that is gone, which this one would see if Klarna still listed them."""
    merchants = {payout.merchant_id for payout in listed} | shop.state.merchants(shop.owner)
    return [
        row
        for row in shop.state.orphans(shop.owner, shop.config.profiles)
        if shop.profile.klarna.covers(row.key.merchant_id, row.key.currency)
        and (not merchants or row.key.merchant_id in merchants)
    ]


# What is in doubt


def _add_in_doubt(shop: Shop, rows: list[Row], items: list[Item]) -> None:
    """Look all of them up at once. Where the ledger cannot be read they stay in doubt, and the run ends."""
    if not rows:
        return
    findings: list[LedgerMatch | None] = [None] * len(rows)
    try:
        traced = [(index, row.trace) for index, row in enumerate(rows) if row.trace]
        for (index, _), found in zip(
            traced, shop.office.find([trace for _, trace in traced], shop.today), strict=True
        ):
            findings[index] = found
    finally:
        items.extend(_in_doubt(shop, row, found) for row, found in zip(rows, findings, strict=True))


def _in_doubt(shop: Shop, row: Row, found: LedgerMatch | None) -> Item:
    why = sentence("the run that sent it ended before an answer came")
    if found and found.ours and not _has_a_double(shop, row):
        return replace(_from_row(row, "drafted"), found=found)
    if found:
        why = messages.elsewhere(found)
        if found.ours:
            why = sentence(
                "voucher {number} may be its own, or that of another payout of the same reference",
                number=found.transaction_no,
            )
    problem = messages.in_doubt(shop.resolve_command(row.key), why, row.trace, row.key.currency)
    if row.problem and row.status == "in-doubt" and not found:
        # as it was told first, with the commands of the profile that it is in now
        problem = row.problem._replace(hint=problem.hint)
    return replace(_from_row(row, "in-doubt"), problem=problem)


def _has_a_double(shop: Shop, row: Row) -> bool:
    """Another payout under the same reference, whose voucher would look just the same."""
    return any(
        row.trace and other.trace and other.trace.sums == row.trace.sums
        for other in shop.state.namesakes(shop.owner, row.key)
    )


# What is new, held or rejected


def _item(shop: Shop, payout: Payout, row: Row | None) -> Item | None:
    """None for what is finished and unchanged, and for what is in doubt: nothing else decides that."""
    if row is None:
        return _same_figures_elsewhere(shop, payout) or _mapped(shop, payout, None)
    unchanged = row.totals == payout.totals.named()
    if row.in_doubt or (row.status in {"drafted", "skipped"} and unchanged):
        return None
    return _mapped(shop, payout, row) if row.may_be_sent else _finished(shop, payout, row)


def _finished(shop: Shop, payout: Payout, row: Row) -> Item:
    """Drafted or skipped, with a problem where Klarna has changed its figures since."""
    item = _from_row(row, "drafted" if row.status == "drafted" else "skipped")
    now = payout.totals.named()
    if row.totals == now:
        return item
    problem = messages.changed(shop.resolve_command(row.key), row.status, row.totals, now, row.key.currency)
    return replace(item, problem=problem)


def _mapped(shop: Shop, payout: Payout, row: Row | None) -> Item:
    """Blocked, skipped, ready, or still rejected."""
    item = Item(
        key=payout.key,
        payout_date=payout.local_date(shop.profile.timezone),
        settlement=payout.totals.settlement,
        status="ready",
        payout=payout,
        row=row,
    )
    try:
        rows = _rows(shop, payout) if mapping.needs_rows(payout, shop.profile, shop.books) else ()
        voucher = mapping.voucher_for(payout, rows, shop.profile, shop.books)
    except (Blocked, BadAnswer) as error:
        return replace(item, status="blocked", problem=messages.blocked(error, shop.resolve_command(payout.key)))
    if voucher is None:
        return replace(item, status="skipped")
    if row and row.until_changed and row.fingerprint == voucher.fingerprint():
        command = shop.resolve_command(row.key)
        again = messages.rejected(command, sentence("Exception, and the voucher is the same"), until_changed=True)
        problem = row.problem if row.problem and row.status == "rejected" else again
        return replace(item, status="rejected", voucher=voucher, problem=problem)
    return replace(item, voucher=voucher)


def _rows(shop: Shop, payout: Payout) -> list[Transaction]:
    progress, reference = shop.progress, payout.payment_reference
    return shop.klarna.transactions(
        reference, progress and (lambda so_far, in_all: progress(reference, so_far, in_all))
    )


def _older(shop: Shop, row: Row) -> Item | None:
    """An unfinished payout that the listing does not reach: fetched by its reference, however old."""
    profile = shop.profile
    if row.payout_date < profile.start_date or not profile.klarna.covers(row.key.merchant_id, row.key.currency):
        return None
    status: ItemStatus = "rejected" if row.status == "rejected" else "blocked"
    try:
        payout = shop.klarna.payout(row.key)
    except Unavailable as error:
        # one old payout that cannot be fetched does not keep the new ones from being drafted
        return replace(_from_row(row, status), problem=messages.waits(error, row.key.payment_reference))
    if payout is None:
        return replace(_from_row(row, status), problem=messages.gone(row.key.payment_reference, row.problem))
    if payout.local_date(profile.timezone) < profile.start_date:
        return None
    return _item(shop, payout, row)


def _from_row(row: Row, status: ItemStatus) -> Item:
    return Item(row.key, row.payout_date, row.totals.get("settlement", ZERO), status, row=row)


# What would book a payout twice


def _same_figures_elsewhere(shop: Shop, payout: Payout) -> Item | None:
    """A new payout whose reference and figures were sent before, for another merchant or environment: one payout
    that Klarna (or the profile) now calls otherwise, or two? In doubt. In another currency it is its own."""
    for row in shop.state.namesakes(shop.owner, payout.key):
        if row.trace and row.key.currency == payout.currency and row.totals == payout.totals.named():
            item = _mapped(shop, payout, None)
            why = sentence(
                "the same figures were sent before under this reference, for merchant {merchant} in environment "
                "{environment}",
                merchant=row.key.merchant_id,
                environment=row.environment,
            )
            trace = item.voucher.trace() if item.voucher else None
            problem = messages.in_doubt(shop.resolve_command(payout.key), why, trace, payout.currency)
            return replace(item, status="in-doubt", problem=problem)
    return None


def _check_merchants(shop: Shop, listed: list[Payout]) -> None:
    """Raises where Klarna's credentials have become another merchant's, unless the profile names it."""
    known = shop.state.merchants(shop.owner)
    named = set(shop.profile.klarna.merchant_ids or ())
    strange = sorted({payout.merchant_id for payout in listed} - known - named)
    if known and strange:
        raise ConfigFault(
            sentence(
                "Klarna's credentials show merchant {strange}, but the profile's payouts so far are of {known}",
                strange=", ".join(strange),
                known=", ".join(sorted(known)),
            ),
            sentence(
                "if that is meant, add to {table}: {line}",
                table=f"[profiles.{shop.profile.name}.klarna]",
                line=f"merchant_ids = {json.dumps(sorted(known | set(strange)))}",
            ),
        )


def _check_may_adopt(shop: Shop, row: Row) -> None:
    """A payout of another profile's passes to this one only where that one is gone, or no longer covers it."""
    other = shop.config.profiles.get(row.profile)
    if other is not None and not disjoint(other.klarna, shop.profile.klarna):
        raise ConfigFault(
            sentence(
                "payout {reference} belongs to profile {other}, and profile {profile} sees it too: both would "
                "book it",
                reference=row.key.payment_reference,
                other=row.profile,
                profile=shop.profile.name,
            ),
            sentence("give the two different currencies or merchant_ids, or remove one"),
            row.key.payment_reference,
        )


# What is not there


def silence(shop: Shop, plan: Plan) -> list[Problem]:
    """No payout for longer than the profile expects: credentials that see nothing any more, a closed account."""
    days = shop.profile.expect_payout_within_days
    if days is None:
        return []
    dates = [item.payout_date for item in plan.items]
    newest = max([*dates, shop.state.checkpoint(shop.profile.name) or shop.profile.start_date])
    if (silent := (shop.today - newest).days) <= days:
        return []
    return [messages.silent(newest, silent, days)]
