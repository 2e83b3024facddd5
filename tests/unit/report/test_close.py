"""A month written by hand: what closes it, and what keeps it from closing."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from klarna24.bookkeeping.ledger_match import LedgerLine, VoucherKey
from klarna24.bookkeeping.payout import OddPayout, Payout, PayoutKey, Totals
from klarna24.bookkeeping.voucher import Trace
from klarna24.errors import Problem, ProblemCode
from klarna24.report.close import close
from klarna24.report.month import CurrencyMonth, Gathered, Month
from klarna24.state.records import Row, Status

NOVEMBER = Month(2026, 11)
MERCHANT = "M1"
CHART = {1689: "Övriga kortfristiga fordringar", 1930: "Företagskonto", 1940: "Avräkning Klarna"}
ACCOUNTS = {"payout": 1940, "holdback": 1689, "debt": 2899}
IDS = {name: number for number, name in enumerate("ABCDEF", 1)}


def payout(reference: str = "A", day: int = 19, currency: str = "SEK", **totals: str) -> Payout:
    """A payout of November; its settlement is what the totals add up to."""
    amounts = {name: Decimal(amount) for name, amount in (totals or {"sale": "1000", "fee": "30"}).items()}
    debts = {name: amounts.pop(name, Decimal(0)) for name in ("opening_debt", "closing_debt")}
    made = Totals(Decimal(0), amounts, **debts)
    made = replace(made, settlement=made.signed_sum())
    when = datetime(2026, 11, day, 12, tzinfo=UTC)
    return Payout(reference, when, currency, "NET", MERCHANT, made)


def row(of: Payout, status: Status = Status.DRAFTED, number: int | None = None, **over: Any) -> Row:
    """What the state has of it, drafted as payout, receivable and fees."""
    settlement, fee = of.totals.settlement, of.totals["fee"]
    sums = {1940: settlement, 6064: fee, 1686: -settlement - fee}
    day = of.payout_date.date()
    trace = Trace(of.payment_reference, f"Klarna {of.payment_reference}", 1940, day, settlement, "SEK", sums)
    facts: dict[str, Any] = {
        "id": IDS[of.payment_reference],
        "client_id": 1,
        "key": of.key,
        "environment": "live",
        "profile": "shop1",
        "payout_date": day,
        "status": status,
        "problem": None,
        "totals": of.figures,
        "awaits_order": False,
        "resend": False,
        "by_person": False,
        "trace": trace,
        "transaction_no": number,
        "remarks": (),
        "changed_at": datetime(2026, 11, 20, 3, tzinfo=UTC),
        "booked_at": None,
        "ledger_sums": None,
    }
    return Row(**{**facts, **over})


def voucher(of: Payout, number: int, **over: str) -> list[LedgerLine]:
    """Its voucher in the ledger; ``over`` are other amounts, by a1940 and the like."""
    drafted = row(of).trace
    assert drafted
    amounts = drafted.sums | {int(name[1:]): Decimal(amount) for name, amount in over.items()}
    key = VoucherKey(number, 9, of.payout_date.date())
    return [
        LedgerLine(key, account_no, amount, f"Klarna {of.payment_reference} x")
        for account_no, amount in amounts.items()
        if amount
    ]


def line(account_no: int, amount: str, comment: str = "", number: int = 900, day: int = 25) -> LedgerLine:
    return LedgerLine(VoucherKey(number, 9, date(2026, 11, day)), account_no, Decimal(amount), comment)


def gathered(*listed: Payout | OddPayout, rows: Any = (), **over: Any) -> Gathered:
    facts: dict[str, Any] = {
        "profile": "shop1",
        "language": "en",
        "zone": ZoneInfo("Europe/Stockholm"),
        "month": NOVEMBER,
        "today": date(2026, 12, 5),
        "read_from": date(2026, 9, 1),
        "home_currency": "SEK",
        "listed": listed,
        "rows": rows,
        "earlier": (),
        "before": {},
        "vouchers": {},
        "lines": {number: [] for number in ACCOUNTS.values()},
        "corrected": frozenset(),
        "chart": CHART,
        "accounts": ACCOUNTS,
    }
    return Gathered(**{**facts, **over})


def only(month: Gathered) -> CurrencyMonth:
    [currency] = close(month).currencies
    return currency


def differences(month: Gathered) -> list[str]:
    return [str(it.message) for one in close(month).currencies for it in one.differences]


def test_a_month_whose_payouts_are_booked_as_drafted_closes() -> None:
    a = payout()
    month = gathered(a, rows=[row(a, Status.BOOKED, 7)], vouchers={1: voucher(a, 7)})
    assert differences(month) == []
    assert close(month).exit_code == 0
    one = only(month)
    assert (one.closes, one.settlement, one.fees, one.cost) == (True, Decimal(970), Decimal(30), Decimal("3.00"))
    assert one.ledger == one.expected == {1940: 970, 6064: 30, 1686: -1000}
    assert [(it.status, it.transaction_no) for it in one.payouts] == [(Status.BOOKED, 7)]


def test_a_skipped_payout_and_an_empty_month_close() -> None:
    a = payout()
    assert differences(gathered(a, rows=[row(a, Status.SKIPPED)])) == []
    assert close(gathered()).exit_code == 0


def test_a_draft_that_the_ledger_has_is_booked_whatever_the_state_says() -> None:
    a = payout()
    month = gathered(a, rows=[row(a)], vouchers={1: voucher(a, 7)})
    assert [(it.status, it.transaction_no) for it in only(month).payouts] == [(Status.BOOKED, 7)]
    assert differences(month) == []


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (Status.DRAFTED, "drafted on 2026-11-20, not booked yet"),
        (Status.READY, "seen, and not drafted yet: klarna24 sync drafts it"),
        (Status.BLOCKED, "why"),
        (Status.REJECTED, "why"),
        (Status.IN_DOUBT, "why"),
        (Status.SENDING, "in doubt: it was sent, and whether it was saved is unknown"),
        (Status.BOOKED, "voucher 7 does not stand in the ledger any more"),
    ],
)
def test_what_is_not_booked_is_named(status: Status, message: str) -> None:
    problem = Problem(ProblemCode.RESIDUAL, "why", "hint") if message == "why" else None
    a = payout()
    month = gathered(a, rows=[row(a, status, 7 if status is Status.BOOKED else None, problem=problem)])
    assert differences(month) == [message]
    assert close(month).exit_code == 7


def test_a_voucher_with_other_sums_is_named_with_both() -> None:
    a = payout()
    month = gathered(a, rows=[row(a)], vouchers={1: voucher(a, 7, a6064="0", a6570="30")})
    assert differences(month) == [
        "voucher 7 does not have the sums that it should have: account 6064 30.00 → 0.00, account 6570 0.00 → "
        "30.00 SEK"
    ]


def test_another_voucher_that_puts_the_sums_right_closes_it() -> None:
    a = payout()
    correction = [line(6064, "30", "Klarna A"), line(6570, "-30", "Klarna A")]
    edited = voucher(a, 7, a6064="0", a6570="30")
    assert differences(gathered(a, rows=[row(a)], vouchers={1: [*edited, *correction]})) == []


def test_what_the_bank_received_is_no_voucher_of_the_payout() -> None:
    a = payout()
    receipt = [line(1930, "970", "Klarna A"), line(1940, "-970", "Klarna A")]
    assert differences(gathered(a, rows=[row(a)], vouchers={1: [*voucher(a, 7), *receipt]})) == []


def test_a_voucher_that_was_booked_twice_is_named() -> None:
    a = payout()
    month = gathered(a, rows=[row(a)], vouchers={1: [*voucher(a, 7), *voucher(a, 8)]})
    assert differences(month) == ["stands 2 times in the ledger: vouchers 7, 8"]


def test_klarna_and_the_state_have_the_same_payouts() -> None:
    a, b = payout("A"), payout("B", 20)
    month = gathered(a, rows=[row(b, Status.SKIPPED)])
    assert differences(month) == [
        "Klarna lists it, and the state does not know it: klarna24 sync drafts it",
        "Klarna does not list it in this month any more; it was seen on 2026-11-20",
    ]


def test_changed_totals_are_named_with_both_figures() -> None:
    a, before = payout(sale="1000", fee="40"), payout()
    month = gathered(a, rows=[row(before, Status.BOOKED, 7)], vouchers={1: voucher(before, 7)})
    assert differences(month) == [
        "payout A changed at Klarna after it was drafted: settlement 970.00 → 960.00, fee 30.00 → 40.00 SEK"
    ]
    corrected = replace(month, rows=[row(a, Status.BOOKED, 7)], corrected=frozenset({1}))
    assert differences(corrected) == []


def test_a_record_that_cannot_be_read_does_not_close() -> None:
    odd = OddPayout("A", None, "SEK", MERCHANT, {}, "no date")
    assert "Klarna's record of it cannot be read: no date" in differences(gathered(odd))


def test_a_debt_that_was_invoiced_needs_its_payment_on_the_debt_account() -> None:
    owed = payout("A", 5, sale="100", deposit="50", closing_debt="50")
    after = payout("B", 12)
    rows = [row(owed, Status.BOOKED, 7), row(after, Status.BOOKED, 8)]
    vouchers = {1: voucher(owed, 7), 2: voucher(after, 8)}
    before = {after.key: [Decimal(50)]}
    month = gathered(owed, after, rows=rows, vouchers=vouchers, before=before)
    assert differences(month) == [
        "the opening debt is 0.00 SEK, but the last payout closed with 50.00: account 2899 has no other entry of "
        "50.00, as the payment of an invoice of Klarna's would make"
    ]
    debt = only(month).debt
    assert [debt.opening, debt.added, debt.taken, debt.settled, debt.closing] == [0, 50, 0, -50, 0]
    other = line(2899, "50.01", "Klarna faktura")
    paid = line(2899, "50", "faktura")
    assert differences(replace(month, lines={**month.lines, 2899: [other]})) != []
    assert differences(replace(month, lines={**month.lines, 2899: [other, paid]})) == []


def test_a_debt_of_the_last_month_opens_this_one() -> None:
    a = payout("A", 5)
    debt = only(gathered(a, rows=[row(a)], before={a.key: [Decimal(80)]})).debt
    assert [debt.opening, debt.settled, debt.closing] == [80, -80, 0]


def of_one_day(references: str = "ABC") -> list[Payout]:
    """Of two payouts of one day one leaves a debt, which the next payout does not open with."""
    other, owing, after = list(references)
    return [
        payout(owing, 5, sale="100", deposit="400", closing_debt="400"),
        payout(other, 5),
        payout(after, 12),
    ]


@pytest.mark.parametrize("references", ["ABC", "BAC"])
def test_a_debt_that_was_invoiced_after_a_day_with_two_payouts_is_named_too(references: str) -> None:
    made = of_one_day(references)
    before = {made[2].key: [Decimal(0), Decimal(400)]}
    rows = [row(it, Status.BOOKED, 7) for it in made]
    vouchers = {IDS[it.payment_reference]: voucher(it, 7 + place) for place, it in enumerate(made)}
    month = gathered(*made, rows=rows, vouchers=vouchers, before=before)
    assert differences(month) == [
        "the debt to Klarna closes with 0.00 SEK, but by its opening and these payouts it is 400.00: account 2899 "
        "has no other entry of 400.00, as the payment of an invoice of Klarna's would make"
    ]
    paid = replace(month, lines={**month.lines, 2899: [line(2899, "400.00", "faktura 4711", day=10)]})
    assert differences(paid) == []
    assert only(paid).debt.settled == -400


@pytest.mark.parametrize(("first", "last"), [("A", "B"), ("B", "A")])
def test_a_debt_closes_with_what_the_last_payout_in_the_chain_leaves(first: str, last: str) -> None:
    made = [payout(last, 26, sale="100", deposit="400", closing_debt="400"), payout(first, 26)]
    before = {made[0].key: [Decimal(0)], made[1].key: [Decimal(400), Decimal(0)]}
    rows = [row(it, Status.BOOKED, 7) for it in made]
    vouchers = {IDS[it.payment_reference]: voucher(it, 7 + place) for place, it in enumerate(made)}
    month = gathered(*made, rows=rows, vouchers=vouchers, before=before)
    assert differences(month) == []
    debt = only(month).debt
    assert [debt.opening, debt.added, debt.settled, debt.closing] == [0, 400, 0, 400]


def test_a_chain_that_holds_closes() -> None:
    a = payout("A", 5, sale="100", repay="20", opening_debt="20")
    month = gathered(a, rows=[row(a)], vouchers={1: voucher(a, 7)}, before={a.key: [Decimal(20), Decimal(0)]})
    assert differences(month) == []


def test_what_is_held_back_opens_with_what_the_state_has_of_before() -> None:
    a = payout("A", 5, sale="100", release="20")
    earlier = [row(payout("B", 1, sale="100", holdback="70"))]
    its = only(gathered(a, rows=[row(a)], earlier=earlier)).holdback
    assert [its.opening, its.added, its.taken, its.closing] == [70, 0, 20, 50]


@pytest.mark.parametrize(
    ("comment", "name", "named"),
    [
        ("Klarna x", "Fordringar", True),
        ("till A", "Fordringar", True),
        ("x", "Klarna", True),
        ("x", "Annat", False),
    ],
)
def test_an_entry_on_the_holdback_account_that_speaks_of_klarna_belongs_to_a_payout(
    comment: str, name: str, named: bool
) -> None:
    a = payout("A")
    month = gathered(a, rows=[row(a)], vouchers={1: voucher(a, 7)}, chart=CHART | {1689: name})
    month = replace(month, lines={**month.lines, 1689: [line(1689, "-5", comment)]})
    assert bool(differences(month)) is named
    assert only(month).holdback.ledger == -5


def test_currencies_are_apart_and_the_ledger_stands_beside_the_companys_own() -> None:
    a, b = payout("A"), payout("B", currency="EUR")
    month = gathered(a, b, rows=[row(a), row(b)], vouchers={1: voucher(a, 7)})
    krona, euro = close(month).currencies
    assert (euro.currency, euro.closes, krona.closes) == ("EUR", False, True)
    assert [euro.debt.ledger, krona.debt.ledger] == [None, 0]


def test_the_companys_own_currency_comes_first() -> None:
    euro, own = payout("A", currency="EUR"), payout("B")
    assert [it.currency for it in close(gathered(euro, own)).currencies] == ["SEK", "EUR"]


def test_a_payout_in_doubt_whose_voucher_stands_in_the_ledger_is_told_with_its_number() -> None:
    a = payout("A")
    problem = Problem(ProblemCode.IN_DOUBT, "payout A is in doubt", "", "A")
    month = gathered(a, rows=[row(a, Status.IN_DOUBT, problem=problem)], vouchers={1: voucher(a, 7)})
    assert differences(month) == [
        "payout A is in doubt; voucher 7 in the ledger may be it: klarna24 sync looks it up"
    ]


def test_a_payout_whose_merchant_could_not_be_read_then_is_one_payout() -> None:
    a = payout("A")
    unread = row(
        a, Status.BLOCKED, key=PayoutKey("", "A", "SEK"), problem=Problem(ProblemCode.UNREADABLE, "why", "")
    )
    assert differences(gathered(a, rows=[unread])) == ["why"]
