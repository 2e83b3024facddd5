"""Random payouts, each booked to the öre or blocked: an independent oracle says which, and why."""

import random
from collections import Counter
from dataclasses import dataclass
from functools import cache

import pytest

from klarna24.bookkeeping.mapping import needs_rows, voucher_for
from klarna24.errors import Blocked
from tests.support import LONG, oracle
from tests.support import bookkeeping as build
from tests.support.bookkeeping import ALL_ACCOUNTS, CHART, Json

SEED = 20261124
CASES = 4_000 if LONG else 400
ADDS, LOWERS = oracle.ADDS, oracle.LOWERS
CHARGES = ("DISPUTE_FEE", "FRAUD_POLICY_CHARGE", "LOAN_AMORTISATION", "ROLLING_RESERVE", None)
CREDITS = ("DISPUTE_FEE_REFUND", "CORRECTION_DISPUTE", "LOAN_PAYOUT", None)
TABLES = {
    "charges": {"DISPUTE_FEE": 6570, "LOAN_AMORTISATION": 2390, "other": 6990},
    "credits": {"LOAN_PAYOUT": 2390, "other": 3990},
}
NO_SUCH_ACCOUNT = 9999


@dataclass(frozen=True)
class Case:
    payout: Json
    rows: list[Json]
    shop: oracle.Shop


class RandomCase:
    """Makes one case; the same seed makes the same case."""

    def __init__(self, seed: str) -> None:
        self.rng = random.Random(seed)

    def once_in(self, times: float) -> bool:
        return self.rng.random() * times < 1

    def case(self) -> Case:
        rows = self.rows()
        totals = self.totals(rows)
        kind = self.rng.choice(["NET", "NET", "NET", "GROSS"])
        if self.once_in(40):
            kind = "GROSS_FEE"
        fee_terms_deducted = self.once_in(2) if kind == "GROSS" else not self.once_in(15)
        if self.once_in(12):
            spoilt = self.rng.choice([*ADDS, *LOWERS])
            totals[spoilt] = -totals[spoilt] or -1
        totals["settlement"] = oracle.settlement_of(totals, fee_terms_deducted)
        totals["opening_debt"] = totals["repay"] + self.rng.choice([0, 0, 12_345])
        totals["closing_debt"] = totals["opening_debt"] - totals["repay"] + totals["deposit"]
        if self.once_in(12):
            totals["settlement"] += self.rng.choice([-1, 1, 100, -totals["fee"] or 5])
        if self.once_in(15):
            totals["closing_debt"] += self.rng.choice([-1, 1, 2_500])
        if self.once_in(12):
            self.spoil(rows)
        self.rng.shuffle(rows)
        payout = build.payout_json(totals, merchant_settlement_type=kind)
        return Case(payout, rows, self.shop())

    def rows(self) -> list[Json]:
        """The rows come first: the totals are their sums."""
        if self.once_in(40):
            return []
        returns_only = self.once_in(6)
        rows = [self.row("SALE") for _ in range(0 if returns_only else self.rng.randint(0, 6))]
        rows += [self.row("RETURN") for _ in range(self.rng.choice([0, 0, 1, 2]))]
        if self.once_in(4):
            reversal = self.row("REVERSAL")
            rows.append(reversal)
            if self.once_in(2):
                rows.append({**reversal, "type": "REVERSAL_MERCHANT_PROTECTION", "amount": 1})
        for sale in [row for row in rows if row["type"] == "SALE"]:
            rows += [{**sale, "type": "FEE", "amount": minor} for minor in (250, sale["amount"] // 37)]
        rows += [self.row("FEE_REFUND") for _ in range(self.rng.choice([0, 0, 0, 1]))]
        for kind, types in (("CHARGE", CHARGES), ("CREDIT", CREDITS)):
            for _ in range(self.rng.choice([0, 0, 0, 1, 2])):
                rows.append({**self.row(kind), "detailed_type": self.rng.choice(types)})
        return rows

    def row(self, kind: str) -> Json:
        order_id = f"order-{self.rng.randint(1, 9999)}"
        return {"type": kind, "amount": self.amount(), "currency_code": "SEK", "order_id": order_id}

    def amount(self) -> int:
        most = self.rng.choice([10**5, 10**8, 10**11])
        return self.rng.choice([1, 99, 10_000, self.rng.randint(1, most)])

    def totals(self, rows: list[Json]) -> Json:
        totals = dict.fromkeys([*ADDS, *LOWERS], 0)
        for name, types in oracle.ROWS_OF.items():
            totals[name] = sum(types.get(row["type"], 0) * row["amount"] for row in rows)
        totals["tax"] = totals["fee"] // 4
        totals["tax_refund"] = totals["fee_refund"] // 4
        if rows:
            for name in ("fee_correction", "commission", "commission_reversal", "holdback", "release", "repay"):
                totals[name] = self.amount() if self.once_in(5) else 0
            balance = oracle.settlement_of(totals)
            if balance < 0 and not self.once_in(4):  # else the settlement is negative
                totals["deposit"] = -balance
        return totals

    def spoil(self, rows: list[Json]) -> None:
        match self.rng.choice(["drop", "change", "unknown"]) if rows else "nothing":
            case "drop":
                rows.pop()
            case "change":
                rows[0] = {**rows[0], "amount": rows[0]["amount"] + 1}
            case "unknown":
                rows.append({"type": "BONUS", "amount": 100, "currency_code": "SEK"})

    def shop(self) -> oracle.Shop:
        accounts = dict(ALL_ACCOUNTS)
        if self.once_in(2):
            accounts |= TABLES
        if self.once_in(4):
            del accounts["reversals"]
        if self.once_in(8):
            accounts.pop(self.rng.choice(sorted(set(accounts) - {"payout", "receivable"})))
        if self.once_in(15):
            accounts[self.rng.choice(["fees", "commission", "receivable", "payout"])] = NO_SUCH_ACCOUNT
        return oracle.Shop(
            transfer=self.rng.choice(["lump", "itemised", "itemised-fees"]),
            accounts=accounts,
            chart=frozenset(CHART),
            max_entries=12 if self.once_in(10) else 20_000,
        )


@cache
def judged() -> list[tuple[Case, oracle.Verdict]]:
    cases = (RandomCase(f"{SEED} {number}").case() for number in range(CASES))
    return [(case, oracle.judge(case.payout, case.rows, case.shop)) for case in cases]


def outcome(case: Case) -> str | Counter[oracle.Posting]:
    """Return the code of what blocks it, or the postings."""
    shop = case.shop
    accounts = {key: shop.accounts.get(key) for key in ALL_ACCOUNTS}  # None removes what the base profile has
    voucher_settings = {"max_entries": shop.max_entries}
    profile = build.profile({"transfer": shop.transfer, "accounts": accounts, "voucher": voucher_settings})
    payout, books = build.payout_of(case.payout), build.books()
    rows = build.transactions(case.rows) if needs_rows(payout, profile, books) else []
    try:
        voucher = voucher_for(payout, rows, profile, books)
    except Blocked as blocked:
        return blocked.code
    entries = voucher.entries if voucher else ()
    return Counter((entry.kind, entry.account_no, int(entry.amount * 100)) for entry in entries)


def test_every_payout_is_booked_to_the_ore_or_blocked_as_the_oracle_says() -> None:
    wrong = []
    for number, (case, verdict) in enumerate(judged()):
        found = outcome(case)
        if found not in verdict.reasons if verdict.reasons else found != verdict.postings:
            wrong.append(f"case {number}: oracle {verdict}\n  klarna24 {found}\n  {case}")
    assert not wrong, f"{len(wrong)} of {CASES}:\n" + "\n".join(wrong[:5])


def test_the_random_payouts_cover_every_mode_and_every_reason() -> None:
    """Enough of them are booked in every mode, and every reason to block that they can have occurs alone."""
    booked = Counter(case.shop.transfer for case, verdict in judged() if verdict.postings and not verdict.reasons)
    assert min(booked[mode] for mode in oracle.ITEMS) >= 40
    alone = {next(iter(verdict.reasons)) for _, verdict in judged() if len(verdict.reasons) == 1}
    assert alone == {
        *("residual", "debt", "negative", "account-missing", "account-unknown", "rows-mismatch"),
        *("unknown-type", "gross-fee", "too-many-entries"),
    }
    assert any(not verdict.postings and not verdict.reasons for _, verdict in judged())


@pytest.mark.parametrize("settlement", [-3, 0, 3])
def test_the_oracle_itself_balances(settlement: int) -> None:
    totals = {"settlement": settlement, "sale": 10, "return": 7 - settlement, "fee": 3}
    shop = oracle.Shop("lump", ALL_ACCOUNTS, frozenset(CHART))
    verdict = oracle.judge(build.payout_json(totals), [], shop)
    assert not verdict.reasons
    assert sum(ore for _, _, ore in verdict.postings.elements()) == 0
    assert ("sale", 1580, -10) in verdict.postings
