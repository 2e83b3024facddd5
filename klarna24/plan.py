"""Gather the new and the unfinished payouts, and decide what is to become of each. Sends and writes nothing."""

import json
from dataclasses import replace
from datetime import date, timedelta

from klarna24 import mapping, problems
from klarna24.config import Profile
from klarna24.errors import ConfigFault, Held
from klarna24.lookup import Found
from klarna24.payout import ZERO, Payout, Transaction
from klarna24.shop import Item, ItemStatus, Plan, Shop
from klarna24.state import Row

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
    into.adopted.extend(row for row in rows.values() if row and row.profile != name)
    for row in into.adopted:
        _check_may_adopt(shop, row)
    _add_in_doubt(shop, [row for row in into.adopted if row.in_doubt], items)
    for payout in listed:
        if item := _item(shop, payout, rows[payout.key]):
            items.append(item)
    for row in waiting:
        if row.key not in rows and not row.in_doubt and (item := _older(shop, row)):
            items.append(item)
    items.sort(key=lambda item: (item.payout_date, item.key))


def preview(shop: Shop, period: tuple[date | None, date | None], into: Plan) -> None:
    """Any days, the past before start_date included; what state knows is shown, and otherwise left alone."""
    since, until = period[0] or shop.profile.start_date, period[1] or shop.today
    for payout in shop.klarna.payouts(since, until, shop.profile.timezone):
        item = _mapped(shop, payout, None)
        row = shop.state.row(shop.owner, payout.key)
        if row and row.status in {"posted", "skipped"}:
            item = replace(item, status="posted" if row.status == "posted" else "skipped", problem=None)
        into.items.append(item)


def _since(shop: Shop) -> date:
    start, checkpoint = shop.profile.start_date, shop.state.checkpoint(shop.profile.name)
    if checkpoint is None or shop.state.scope(shop.profile.name) != shop.scope:
        return start
    return max(start, checkpoint - OVERLAP)


# What is in doubt


def _add_in_doubt(shop: Shop, rows: list[Row], items: list[Item]) -> None:
    """Look all of them up at once. Where the journal cannot be read they stay in doubt, and the run ends."""
    if not rows:
        return
    findings: list[Found | None] = [None] * len(rows)
    try:
        traced = [(index, row.trace) for index, row in enumerate(rows) if row.trace]
        for (index, _), found in zip(
            traced, shop.office.find([trace for _, trace in traced], shop.today), strict=True
        ):
            findings[index] = found
    finally:
        items.extend(_in_doubt(shop, row, found) for row, found in zip(rows, findings, strict=True))


def _in_doubt(shop: Shop, row: Row, found: Found | None) -> Item:
    if found and found.ours:
        return replace(_from_row(row, "posted"), found=found)
    reference, currency = row.key.payment_reference, row.key.currency
    why = problems.elsewhere(found) if found else "the run that sent it ended before an answer came"
    problem = problems.in_doubt(shop.profile.name, reference, why, row.trace, currency)
    if row.problem and row.status == "in-doubt" and not found:
        # as it was told first, with the commands of the profile that it is in now
        problem = replace(row.problem, hint=problem.hint)
    return replace(_from_row(row, "in-doubt"), problem=problem)


# What is new, held or rejected


def _item(shop: Shop, payout: Payout, row: Row | None) -> Item | None:
    """None for what is finished and unchanged, and for what is in doubt: nothing else decides that."""
    if row is None or (row.may_be_sent and (row.status != "skipped" or payout.totals.named())):
        return _mapped(shop, payout, row)
    if row.status in {"posted", "skipped"} and row.totals != payout.totals.named():
        problem = problems.changed(
            row.key.payment_reference, row.status, row.totals, payout.totals.named(), row.key.currency
        )
        return replace(_from_row(row, "posted" if row.status == "posted" else "skipped"), problem=problem)
    return None


def _mapped(shop: Shop, payout: Payout, row: Row | None) -> Item:
    """Held, skipped, ready, or still rejected."""
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
    except Held as held:
        problem = problems.of_payout(held, payout.payment_reference, "is held")
        return replace(item, status="held", problem=problem)
    if voucher is None:
        return replace(item, status="skipped")
    if row and row.until_changed and row.fingerprint == voucher.fingerprint():
        again = problems.rejected(
            shop.profile.name, row.key.payment_reference, "Exception, and the voucher is the same", True
        )
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
    payout = shop.klarna.payout(row.key)
    if payout is not None:
        return _item(shop, payout, row)
    problem = problems.gone(row.key.payment_reference, row.problem)
    return replace(_from_row(row, "rejected" if row.status == "rejected" else "held"), problem=problem)


def _from_row(row: Row, status: ItemStatus) -> Item:
    return Item(row.key, row.payout_date, row.totals.get("settlement", ZERO), status, row=row)


# What would book a payout twice


def _check_merchants(shop: Shop, listed: list[Payout]) -> None:
    """Raises where Klarna's credentials have become another merchant's, unless the profile names it."""
    known = shop.state.merchants(shop.profile.name)
    named = set(shop.profile.klarna.merchant_ids or ())
    strange = sorted({payout.merchant_id for payout in listed} - known - named)
    if known and strange:
        raise ConfigFault(
            f"Klarna's credentials show merchant {', '.join(strange)}, but the profile's payouts so far are of "
            f"{', '.join(sorted(known))}",
            f"if that is meant, add to [profiles.{shop.profile.name}.klarna]: merchant_ids = "
            f"{json.dumps(sorted(known | set(strange)))}",
        )


def _check_may_adopt(shop: Shop, row: Row) -> None:
    """A payout of another profile's passes to this one only where that one is gone, or no longer covers it."""
    other = shop.config.profiles.get(row.profile)
    if other is not None and not _disjoint(other, shop.profile):
        raise ConfigFault(
            f"payout {row.key.payment_reference} belongs to profile {row.profile}, and profile "
            f"{shop.profile.name} sees it too: both would book it",
            "give the two different currencies or merchant_ids, or remove one",
            row.key.payment_reference,
        )


def _disjoint(one: Profile, other: Profile) -> bool:
    pairs = [
        (one.klarna.currencies, other.klarna.currencies),
        (one.klarna.merchant_ids, other.klarna.merchant_ids),
    ]
    return any(a is not None and b is not None and not set(a) & set(b) for a, b in pairs)
