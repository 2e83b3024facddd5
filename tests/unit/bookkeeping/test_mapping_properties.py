"""Whatever totals come in: the voucher balances and the money on each account is what the totals say, or the
payout is blocked."""

from collections import Counter
from decimal import Decimal

import hypothesis.strategies as st
from hypothesis import given, settings

from klarna24.bookkeeping.mapping import voucher_for
from klarna24.bookkeeping.payout import Transaction
from klarna24.bookkeeping.voucher import Voucher
from klarna24.errors import Blocked
from tests.support import bookkeeping as build
from tests.support.bookkeeping import ALL_ACCOUNTS, Json, row

PLUS = ("sale", "fee_correction", "fee_refund", "tax_refund", "commission", "credit", "release", "deposit")
MINUS = ("return", "reversal", "fee", "tax", "commission_reversal", "charge", "holdback", "repay")
FEE_TERMS = ("fee", "fee_correction", "fee_refund", "tax", "tax_refund")
ROW_TYPES = {"sale": "SALE", "return": "RETURN", "reversal": "REVERSAL", "fee": "FEE", "fee_refund": "FEE_REFUND"}

minor_units = st.one_of(st.just(0), st.integers(0, 1_000), st.integers(0, 10**11))
totals_as_stated = st.fixed_dictionaries(dict.fromkeys((*PLUS, *MINUS), minor_units))
any_totals = st.fixed_dictionaries(
    {name: st.one_of(minor_units, minor_units, st.integers(-10_000, -1)) for name in (*PLUS, *MINUS)}
)
transfers = st.sampled_from(["lump", "itemised", "itemised-fees"])
errors = st.one_of(st.just(0), st.integers(-100, 100))
parts = st.integers(0, 100)
examples = settings(max_examples=150, deadline=None)


def identity(totals: Json, fee_terms: bool = True) -> int:
    counted = [n for n in (*PLUS, *MINUS) if fee_terms or n not in FEE_TERMS]
    return sum(totals[n] if n in PLUS else -totals[n] for n in counted)


def expected(totals: Json, settlement: int, fee_terms: bool) -> dict[int, int]:
    """Öre per account, debit positive: the money table, column by column."""
    t = {n: totals[n] if fee_terms or n not in FEE_TERMS else 0 for n in totals}
    sums = {
        1930: settlement,
        1580: t["return"] - t["sale"],
        6352: t["reversal"],
        6064: t["fee"] - t["fee_correction"] - t["fee_refund"],
        2641: t["tax"] - t["tax_refund"],
        3590: t["commission_reversal"] - t["commission"],
        6990: t["charge"],
        3990: -t["credit"],
        1688: t["holdback"] - t["release"],
        2890: t["repay"] - t["deposit"],
    }
    return {account: ore for account, ore in sums.items() if ore}


def rows_of(totals: Json, transfer: str, percent: int) -> list[Transaction]:
    """Each total in two rows (one where a part is nothing, or the total is negative)."""
    types = {"charge": "CHARGE", "credit": "CREDIT", **(ROW_TYPES if transfer != "lump" else {})}
    rows = []
    for name, kind in types.items():
        first = max(totals[name], 0) * percent // 100
        rows += [row(kind, minor, order_id="order-1") for minor in (first, totals[name] - first) if minor]
    return rows


def outcome(totals: Json, settlement: int, opening: int, closing: int, **how: object) -> Voucher | str | None:
    debts = {"settlement": settlement, "opening_debt": opening, "closing_debt": closing}
    payout = build.payout({**totals, **debts}, merchant_settlement_type=how["settlement_type"])
    transfer, percent = str(how["transfer"]), how["percent"]
    assert isinstance(percent, int)
    profile = build.profile({"transfer": transfer, "accounts": ALL_ACCOUNTS})
    try:
        return voucher_for(payout, rows_of(totals, transfer, percent), profile, build.books())
    except Blocked as held:
        return held.code


def ore_per_account(voucher: Voucher) -> dict[int, int]:
    sums: Counter[int] = Counter()
    for entry in voucher.entries:
        sums[entry.account_no] += int(entry.amount * 100)
    return {account: ore for account, ore in sums.items() if ore}


@examples
@given(any_totals, st.booleans(), errors, errors, st.sampled_from(["NET", "GROSS", "GROSS_FEE"]), transfers, parts)
def test_a_payout_balances_or_is_blocked(
    totals: Json, fee_terms: bool, off: int, debt_off: int, settlement_type: str, transfer: str, percent: int
) -> None:
    settlement = identity(totals, fee_terms) + off
    opening = max(totals["repay"], 0)
    closing = opening - totals["repay"] + totals["deposit"] + debt_off
    how = {"settlement_type": settlement_type, "transfer": transfer, "percent": percent}
    found = outcome(totals, settlement, opening, closing, **how)
    if isinstance(found, str):
        return
    assert settlement_type != "GROSS_FEE"
    assert min(*totals.values(), opening, closing) >= 0
    assert opening - totals["repay"] + totals["deposit"] == closing
    # what is booked is what the identity holds with: never both, never neither
    with_fees = settlement == identity(totals)
    assert with_fees or (settlement_type == "GROSS" and settlement == identity(totals, fee_terms=False))
    sums = expected(totals, settlement, with_fees)
    if found is None:
        assert not sums
        return
    assert ore_per_account(found) == sums
    assert sum((entry.amount for entry in found.entries), Decimal(0)) == 0
    assert all(entry.amount for entry in found.entries)


@examples
@given(totals_as_stated, st.booleans(), st.integers(0, 10**6), transfers, parts)
def test_a_payout_that_is_right_is_never_blocked(
    totals: Json, fee_terms: bool, older_debt: int, transfer: str, percent: int
) -> None:
    settlement = identity(totals, fee_terms)
    opening = totals["repay"] + older_debt
    how = {"settlement_type": "NET" if fee_terms else "GROSS", "transfer": transfer, "percent": percent}
    found = outcome(totals, settlement, opening, older_debt + totals["deposit"], **how)
    assert not isinstance(found, str)
    with_fees = settlement == identity(totals)
    assert (ore_per_account(found) if found else {}) == expected(totals, settlement, with_fees)


@examples
@given(totals_as_stated, st.integers(-100, 100).filter(bool), transfers, parts)
def test_an_ore_too_much_or_too_little_is_always_blocked(
    totals: Json, off: int, transfer: str, percent: int
) -> None:
    opening, closing = totals["repay"], totals["deposit"]
    how = {"settlement_type": "NET", "transfer": transfer, "percent": percent}
    assert outcome(totals, identity(totals) + off, opening, closing, **how) == "residual"
    wrong_debt = closing + abs(off)  # a negative debt would be another reason
    assert outcome(totals, identity(totals), opening, wrong_debt, **how) == "debt"


@examples
@given(totals_as_stated, st.sampled_from((*PLUS, *MINUS)), st.integers(1, 10**6))
def test_a_negative_total_is_always_blocked_although_the_sum_is_right(
    totals: Json, name: str, magnitude: int
) -> None:
    spoilt = {**totals, name: -magnitude}
    opening = max(spoilt["repay"], 0)
    closing = opening - spoilt["repay"] + spoilt["deposit"]
    how = {"settlement_type": "NET", "transfer": "lump", "percent": 50}
    assert outcome(spoilt, identity(spoilt), opening, closing, **how) == "negative"
