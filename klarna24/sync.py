"""The whole run: plan with pure code in the middle, then post what is ready.

    state: the checkpoint                    since = checkpoint − 90 days, never before start_date
    | klarna.payouts(since, until)           until is fixed at the start; pages to the end
    | plus the unfinished                    by reference, however old
    | minus what state has finished
    | mapping.voucher_for(payout, …)         pure; held, skipped or ready
    --- plan() ends here, and so does a dry run ---
    | state.sending                          durable, before the call
    | twentyfour.save                        one bundle; never repeated after a lost answer
    | state.answered                         posted, rejected, in doubt, or not sent after all

Nothing here asks whether it is a dry run: a dry run is plan() on a copy of the state.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Literal

from klarna24 import credentials, mapping
from klarna24.config import WARNINGS, Config, Profile
from klarna24.errors import (
    Changed,
    ConfigFault,
    Held,
    InDoubt,
    Klarna24Error,
    Problem,
    Rejected,
    Unavailable,
    worst,
)
from klarna24.klarna import KlarnaClient
from klarna24.lock import only_run
from klarna24.payout import ZERO, Payout, PayoutKey, Transaction
from klarna24.state import Owner, Row, State
from klarna24.twentyfour import Kind, Sessions, TwentyFourClient
from klarna24.voucher import Books, Voucher

OVERLAP = timedelta(days=90)

ItemStatus = Literal["ready", "posted", "held", "in-doubt", "rejected", "skipped"]
RowsProgress = Callable[[str, int, int], None]  # payment reference, rows so far, rows in all


@dataclass(frozen=True, slots=True)
class Item:
    """A payout and what is to become, or became, of it. ``payout`` is None where Klarna no longer has it."""

    key: PayoutKey
    payout_date: date
    settlement: Decimal
    status: ItemStatus
    voucher: Voucher | None = None
    problem: Problem | None = None
    payout: Payout | None = None
    row: Row | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """The new and the unfinished payouts, oldest first; ``adopted`` are rows of profiles that are gone."""

    items: list[Item]
    adopted: list[Row]


@dataclass(slots=True)
class Report:
    """What one profile's run comes to."""

    profile: str
    due: bool = True
    checkpoint: date | None = None
    items: list[Item] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    chart: dict[int, str] = field(default_factory=dict)
    crashed: bool = False

    def all_problems(self) -> Iterator[Problem]:
        yield from (item.problem for item in self.items if item.problem)
        yield from self.problems

    @property
    def exit_code(self) -> int:
        codes = [problem.exit_code for problem in self.all_problems()]
        return worst([*codes, 1] if self.crashed else codes)


@dataclass
class Shop:
    """One profile with its two ends and its state, for the length of a run."""

    profile: Profile
    config: Config
    klarna: KlarnaClient
    office: TwentyFourClient
    state: State
    progress: RowsProgress | None = None

    @cached_property
    def books(self) -> Books:
        """Read when the first payout needs them: a run with nothing new makes no call to 24SevenOffice."""
        return self.office.books()

    @property
    def chart(self) -> dict[int, str]:
        return self.books.chart if "books" in self.__dict__ else {}

    @property
    def owner(self) -> Owner:
        return Owner(self.profile.name, self.profile.twentyfour.client_id, self.profile.klarna.environment)

    @property
    def scope(self) -> str:
        """What a listing asks for: where it changes, it goes back to the start date."""
        klarna = self.profile.klarna
        return json.dumps([self.profile.start_date.isoformat(), klarna.currencies, klarna.merchant_ids])


@contextmanager
def open_shop(
    profile: Profile, config: Config, state: State, sessions: Sessions, progress: RowsProgress | None = None
) -> Iterator[Shop]:
    """Fetches Klarna's password now and 24SevenOffice's only when a login needs it."""
    klarna = KlarnaClient(profile.klarna, credentials.fetch(profile.klarna.password, f"{profile.name}.klarna"))
    office = TwentyFourClient(
        profile,
        lambda: credentials.fetch(profile.twentyfour.password, f"{profile.name}.24sevenoffice"),
        sessions,
    )
    try:
        yield Shop(profile, config, klarna, office, state, progress)
    finally:
        klarna.close()
        office.close()


def dry_run(
    profile: Profile,
    config: Config,
    period: tuple[date | None, date | None] | None = None,
    progress: RowsProgress | None = None,
) -> Report:
    """What sync would do, or with ``period`` a preview of any days; not a byte of the state changes."""
    report = Report(profile.name)
    with _collecting(report):
        state = State.snapshot(config.state_dir)
        sessions = Sessions(config.state_dir / "sessions", keep=False)
        report.checkpoint = state.checkpoint(profile.name)
        with open_shop(profile, config, state, sessions, progress) as shop:
            report.items = (preview(shop, period) if period else plan(shop)).items
            report.chart = shop.chart
    return report


def sync(profile: Profile, config: Config, progress: RowsProgress | None = None) -> Report:
    """Plan and post, under the profile's lock."""
    report = Report(profile.name)
    with _collecting(report), only_run(config.state_dir, profile.name):
        state = State.open(config.state_dir)
        try:
            sessions = Sessions(config.state_dir / "sessions")
            with open_shop(profile, config, state, sessions, progress) as shop:
                planned = plan(shop)
                report.items, report.chart = planned.items, shop.chart
                post(shop, planned)
        finally:
            report.checkpoint = state.checkpoint(profile.name)
            state.close()
    return report


@contextmanager
def _collecting(report: Report) -> Iterator[None]:
    """A fault ends this profile's run and stands in its report; other profiles go on."""
    try:
        yield
    except Klarna24Error as error:
        report.problems += error.problems()


# Plan


def plan(shop: Shop) -> Plan:
    """Raises on the first fault that concerns more than one payout: nothing has been sent then."""
    state, name = shop.state, shop.profile.name
    state.check_owner(shop.owner)
    until = datetime.now(shop.profile.timezone).date()
    listed = shop.klarna.payouts(_since(shop), until, shop.profile.timezone)
    _check_merchants(shop, listed)
    rows = {payout.key: state.row(shop.owner, payout.key) for payout in listed}
    adopted = [row for row in rows.values() if row and row.profile != name]
    for row in adopted:
        _check_may_adopt(shop, row)
    items = [_item(shop, payout, rows[payout.key]) for payout in listed]
    items += [_older(shop, row) for row in state.unfinished(name) if row.key not in rows]
    oldest_first = sorted(filter(None, items), key=lambda item: (item.payout_date, item.key))
    return Plan(oldest_first, adopted)


def preview(shop: Shop, period: tuple[date | None, date | None]) -> Plan:
    """Any days, the past before start_date included; what state knows is shown, and otherwise left alone."""
    today = datetime.now(shop.profile.timezone).date()
    since, until = period[0] or shop.profile.start_date, period[1] or today
    items = []
    for payout in shop.klarna.payouts(since, until, shop.profile.timezone):
        item = _mapped(shop, payout, None)
        row = shop.state.row(shop.owner, payout.key)
        items.append(replace(item, status="posted", problem=None) if row and row.status == "posted" else item)
    return Plan(items, [])


def _since(shop: Shop) -> date:
    start, checkpoint = shop.profile.start_date, shop.state.checkpoint(shop.profile.name)
    if checkpoint is None or shop.state.scope(shop.profile.name) != shop.scope:
        return start
    return max(start, checkpoint - OVERLAP)


def _item(shop: Shop, payout: Payout, row: Row | None) -> Item | None:
    """None for what is finished and unchanged."""
    if row is None or row.may_be_sent:
        if row and row.status == "skipped" and not payout.totals.named():
            return None
        return _mapped(shop, payout, row)
    if row.status in {"sending", "in-doubt"}:
        return _in_doubt(shop, row, payout)
    if row.totals != payout.totals.named():
        return _changed(shop, row, payout)
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
        return replace(item, status="held", problem=_of_payout(held, payout.payment_reference, "is held"))
    if voucher is None:
        return replace(item, status="skipped")
    if row and row.status == "rejected" and row.until_changed and row.fingerprint == voucher.fingerprint():
        return replace(item, status="rejected", voucher=voucher, problem=row.problem)
    return replace(item, voucher=voucher)


def _rows(shop: Shop, payout: Payout) -> list[Transaction]:
    progress = shop.progress
    reference = payout.payment_reference
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
    if row.status in {"sending", "in-doubt"}:
        return _in_doubt(shop, row, None)
    problem = row.problem or Problem("unavailable", "", "", row.key.payment_reference)
    gone = replace(
        problem,
        message=f"payout {row.key.payment_reference} is no longer at Klarna. {problem.message}".strip(),
        hint="look for it in Klarna's merchant portal",
    )
    return _from_row(row, "rejected" if row.status == "rejected" else "held", gone)


def _from_row(row: Row, status: ItemStatus, problem: Problem, payout: Payout | None = None) -> Item:
    settlement = payout.totals.settlement if payout else row.totals.get("settlement", ZERO)
    return Item(row.key, row.payout_date, settlement, status, None, problem, payout, row)


def _in_doubt(shop: Shop, row: Row, payout: Payout | None) -> Item:
    reference = row.key.payment_reference
    if row.status == "in-doubt" and row.problem:
        return _from_row(row, "in-doubt", row.problem, payout)
    doubt = InDoubt(
        f"payout {reference} is in doubt: it was sent to 24SevenOffice, and the run ended before the answer came",
        f'look for the bundle "Klarna {reference} {row.payout_date}" in 24SevenOffice',
        reference,
    )
    return _from_row(row, "in-doubt", doubt.problem(), payout)


def _changed(shop: Shop, row: Row, payout: Payout) -> Item:
    then, now = row.totals, payout.totals.named()
    names = [name for name in {**then, **now} if then.get(name) != now.get(name)]
    figures = ", ".join(f"{name} {then.get(name, ZERO):.2f} → {now.get(name, ZERO):.2f}" for name in names)
    changed = Changed(
        f"payout {row.key.payment_reference} changed at Klarna after it was {row.status}: {figures} "
        f"{row.key.currency}",
        "correct the voucher in 24SevenOffice by hand; it is never posted again",
        row.key.payment_reference,
    )
    status: ItemStatus = "posted" if row.status == "posted" else "skipped"
    return _from_row(row, status, changed.problem(), payout)


def _of_payout(error: Klarna24Error, reference: str, what: str) -> Problem:
    shown = reference if len(reference) <= mapping.COMMENT_LENGTH else f"{reference[:20]}…"
    return replace(error.problem(), message=f"payout {shown} {what}: {error.message}", payment_reference=reference)


def _check_merchants(shop: Shop, listed: list[Payout]) -> None:
    """Raises where Klarna's credentials have become another merchant's, unless the profile names it."""
    known = shop.state.merchants(shop.profile.name)
    named = set(shop.profile.klarna.merchant_ids or ())
    strange = sorted({payout.merchant_id for payout in listed} - known - named)
    if known and strange:
        raise ConfigFault(
            f"Klarna's credentials show merchant {', '.join(strange)}, but the profile's "
            f"payouts so far are of {', '.join(sorted(known))}",
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


# Post


def post(shop: Shop, plan: Plan) -> None:
    """Send what is ready, oldest first, and write down what became of everything, in the plan as in the state."""
    state, owner = shop.state, shop.owner
    for row in plan.adopted:
        state.adopt(owner, row)
    state.listed(owner, [(item.payout, item.payout_date) for item in plan.items if item.payout], shop.scope)
    answer_lost = False
    for index, item in enumerate(plan.items):
        if item.status != "ready":
            _write_down(shop, item)
            continue
        if answer_lost:
            shop.office.probe()
        plan.items[index] = _send(shop, item)
        answer_lost = plan.items[index].status == "in-doubt"
    state.completed(owner)


def _write_down(shop: Shop, item: Item) -> None:
    match item:
        case Item(status="held", payout=Payout() as payout, problem=Problem() as problem):
            shop.state.hold(shop.owner, payout, item.payout_date, problem)
        case Item(status="skipped", payout=Payout() as payout, problem=None):
            shop.state.skip(shop.owner, payout, item.payout_date)
        case Item(status="in-doubt", row=Row(status="sending") as row, problem=Problem() as problem):
            shop.state.answered(shop.owner, row.id, "in-doubt", "the run ended before the answer came", problem)


def _send(shop: Shop, item: Item) -> Item:
    """The one place where a voucher leaves. Raises Unavailable and the like where nothing was sent."""
    if not (item.payout and item.voucher):
        raise TypeError(f"{item.key}: what is ready has a voucher")
    state, owner, reference = shop.state, shop.owner, item.key.payment_reference
    prepared = shop.office.prepare(item.voucher)
    row_id = state.sending(owner, item.payout, item.voucher)
    if row_id is None:
        raise Unavailable(f"payout {reference} is being sent by another run", "the next run carries on", reference)
    try:
        answer = shop.office.save(prepared)
    except Klarna24Error as error:
        state.answered(owner, row_id, "ready", error.message)
        raise
    match answer.kind:
        case Kind.POSTED:
            state.answered(owner, row_id, "posted", answer.said)
            return replace(item, status="posted")
        case Kind.NOT_SENT | Kind.LOG_IN:
            state.answered(owner, row_id, "ready", answer.said)
            raise Unavailable(
                f"24SevenOffice: payout {reference} was not sent: {answer.said}",
                "the next run carries on",
                reference,
            )
        case Kind.REJECTED | Kind.REJECTED_UNTIL_CHANGED:
            until_changed = answer.kind is Kind.REJECTED_UNTIL_CHANGED
            problem = _rejected(shop, reference, answer.said, until_changed)
            state.answered(owner, row_id, "rejected", answer.said, problem, until_changed)
            return replace(item, status="rejected", problem=problem)
        case Kind.IN_DOUBT:
            problem = _doubt(item.voucher, answer.said)
            state.answered(owner, row_id, "in-doubt", answer.said, problem)
            return replace(item, status="in-doubt", problem=problem)


def _rejected(shop: Shop, reference: str, said: str, until_changed: bool) -> Problem:
    hint = "mend what it says; it is tried again at the next run"
    if until_changed:
        hint = (
            "look in 24SevenOffice that nothing was saved, mend what it says; it is sent again when the voucher "
            f"has changed, or after: klarna24 resolve --profile {shop.profile.name} {reference} --resend"
        )
    for warning in WARNINGS:
        if warning in said.replace(" ", "").lower():
            hint = f'if that is no mistake, add under voucher: ignore_warnings = ["{warning}"]; {hint}'
    return _of_payout(Rejected(f"24SevenOffice said: {said}", hint), reference, "was refused")


def _doubt(voucher: Voucher, said: str) -> Problem:
    doubt = InDoubt(
        f"it was sent to 24SevenOffice, and whether it was saved is unknown: {said}",
        f'look for the bundle "{voucher.name}" in 24SevenOffice: account {voucher.anchor.account_no}, '
        f"{voucher.anchor.amount:.2f} {voucher.currency.symbol}",
    )
    return _of_payout(doubt, voucher.payment_reference, "is in doubt")
