"""Send what is ready, oldest first, and write down what became of everything."""

from dataclasses import replace

from klarna24.bookkeeping.ledger_match import LedgerMatch
from klarna24.bookkeeping.payout import Payout
from klarna24.bookkeeping.voucher import Voucher
from klarna24.errors import Klarna24Error, Problem, Unavailable
from klarna24.run import messages
from klarna24.run.context import Shop
from klarna24.run.outcome import Item, Plan
from klarna24.run.stopping import finish_first
from klarna24.text import sentence
from klarna24.twentyfour.answers import Kind


def draft(shop: Shop, plan: Plan) -> None:
    """The plan's items become what happened. Raises where the run must end; all that was done is written down."""
    state, owner = shop.state, shop.owner
    for row in plan.adopted:
        state.adopt(owner, row)
    state.listed(owner, [(item.payout, item.payout_date) for item in plan.items if item.payout], shop.scope)
    _against_journal(shop, plan)
    answer_lost = False
    for index, item in enumerate(plan.items):
        if item.status != "ready":
            _write_down(shop, item)
            continue
        if answer_lost:
            shop.office.probe()  # an outage leaves one payout in doubt, not all of the night's
        plan.items[index] = _send(shop, item)
        answer_lost = plan.items[index].status == "in-doubt"
    state.completed(owner)


def _write_down(shop: Shop, item: Item) -> None:
    state, owner = shop.state, shop.owner
    match item:
        case Item(status="blocked", payout=Payout() as payout, problem=Problem() as problem):
            state.block(owner, payout, item.payout_date, problem)
        case Item(status="skipped", payout=Payout() as payout, problem=None):
            state.skip(owner, payout, item.payout_date)
        case Item(status="drafted", row=row, found=LedgerMatch() as found) if row:
            answer = f"found in the ledger as {found.transaction_no}"
            state.answered(owner, row.id, "drafted", answer, transaction_no=found.transaction_no)
        case Item(status="in-doubt", row=None, payout=Payout() as payout, problem=Problem() as problem):
            state.doubt(owner, payout, item.payout_date, problem, item.voucher)
        case Item(status="in-doubt", row=row, problem=Problem() as problem) if row and row.problem != problem:
            state.answered(owner, row.id, "in-doubt", problem.message, problem)


def _send(shop: Shop, item: Item) -> Item:
    """The one place where a voucher leaves. Raises Unavailable and the like where nothing was sent."""
    payout, voucher = _ready(item)
    prepared = shop.office.prepare(voucher)
    with finish_first():
        row_id = shop.state.sending(shop.owner, payout, voucher)
        if row_id is None:
            raise Unavailable(
                sentence("payout {reference} is being sent by another run", reference=payout.payment_reference),
                sentence("the next run carries on"),
                payout.payment_reference,
            )
        try:
            answer = shop.office.save(prepared)
        except Klarna24Error as error:
            shop.state.answered(shop.owner, row_id, "ready", error.message)
            raise
        return _answered(shop, item, row_id, answer.kind, answer.said)


def _answered(shop: Shop, item: Item, row_id: int, kind: Kind, said: str) -> Item:
    state, owner, reference = shop.state, shop.owner, item.key.payment_reference
    match kind:
        case Kind.DRAFTED:
            state.answered(owner, row_id, "drafted", said)
            return replace(item, status="drafted")
        case Kind.NOT_SENT | Kind.LOG_IN:
            state.answered(owner, row_id, "ready", said)
            message = sentence(
                "24SevenOffice: payout {reference} was not sent: {said}", reference=reference, said=said
            )
            raise Unavailable(message, sentence("the next run carries on"), reference)
        case Kind.REJECTED | Kind.REJECTED_UNTIL_CHANGED:
            until_changed = kind is Kind.REJECTED_UNTIL_CHANGED
            problem = messages.rejected(shop.resolve_command(item.key), said, until_changed)
            state.answered(owner, row_id, "rejected", said, problem, until_changed=until_changed)
            return replace(item, status="rejected", problem=problem)
        case Kind.IN_DOUBT:
            why = sentence("it was sent to 24SevenOffice, and whether it was saved is unknown: {said}", said=said)
            problem = _doubt(shop, item, why)
            state.answered(owner, row_id, "in-doubt", said, problem)
            return replace(item, status="in-doubt", problem=problem)


def _ready(item: Item) -> tuple[Payout, Voucher]:
    if not (item.payout and item.voucher):
        raise TypeError(f"{item.key}: what is ready has a payout and a voucher")
    return item.payout, item.voucher


def _doubt(shop: Shop, item: Item, why: str) -> Problem:
    trace = item.voucher.trace() if item.voucher else None
    return messages.in_doubt(shop.resolve_command(item.key), why, trace, item.key.currency)


# Old or lost state


def _against_journal(shop: Shop, plan: Plan) -> None:
    """Before the first save: does the ledger know more than this state?

    A voucher of ours there that state does not know proves that the state is older than the books (a disk restored
    from yesterday's copy): it becomes drafted, and every other undrafted payout is in doubt. A voucher that somebody
    booked by hand puts its own payout in doubt. Where nothing has been booked yet, nothing can be seen.
    What a person has ordered to be sent again is not asked about a second time, unless it stands there.
    """
    ready = [(index, item) for index, item in enumerate(plan.items) if item.status == "ready"]
    if not ready:
        return
    traces = [_ready(item)[1].trace() for _, item in ready]
    findings = shop.office.find(traces, shop.today, shop.state.anchor_accounts(shop.owner))
    ours: dict[int, LedgerMatch] = {}
    for (index, item), found in zip(ready, findings, strict=True):
        if found and found.ours:
            ours[index] = found
        elif found and found.same_amount and not _ordered(item):
            plan.items[index] = _put_in_doubt(shop, item, messages.elsewhere(found))
    proof = next((found for index, found in ours.items() if not _was_sent(plan.items[index])), None)
    if proof:
        _doubt_the_rest(shop, plan, set(ours), proof)
    # last, for until the doubts are written down the proof must stay where the next run finds it
    for index, found in ours.items():
        payout, voucher = _ready(plan.items[index])
        shop.state.found(shop.owner, payout, voucher, found.transaction_no)
        plan.items[index] = replace(plan.items[index], status="drafted", found=found)


def _doubt_the_rest(shop: Shop, plan: Plan, ours: set[int], proof: LedgerMatch) -> None:
    why = sentence(
        "voucher {number} of another payout stands in the ledger, and this state does not know it: the state is "
        "older than the books, and whether this payout was sent as well is unknown",
        number=proof.transaction_no,
    )
    for index, item in enumerate(plan.items):
        undrafted = item.status in {"ready", "blocked", "rejected"} and item.payout is not None
        if index not in ours and undrafted and not _ordered(item):
            plan.items[index] = _put_in_doubt(shop, item, why)


def _was_sent(item: Item) -> bool:
    """By this very state: then its voucher in the ledger is no news."""
    return item.row is not None and item.row.trace is not None


def _ordered(item: Item) -> bool:
    return item.row is not None and item.row.resend


def _put_in_doubt(shop: Shop, item: Item, why: str) -> Item:
    problem = _doubt(shop, item, why)
    if item.payout:
        shop.state.doubt(shop.owner, item.payout, item.payout_date, problem, item.voucher)
    return replace(item, status="in-doubt", problem=problem, row=None)
