"""Random payouts with their rows, each booked to the öre or blocked: an independent oracle says which, and why."""

import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import cache
from typing import Any

import pytest

from klarna24.bookkeeping.mapping import needs_rate, needs_rows, voucher_for
from klarna24.bookkeeping.voucher import Rate
from klarna24.errors import Blocked
from tests.support import LONG, data, oracle
from tests.support import bookkeeping as build
from tests.support.bookkeeping import Json

SEED = 20261124
CASES = 2_000 if LONG else 500
ADDS, LOWERS = oracle.ADDS, oracle.LOWERS
KNOWN = data(__file__, "random_payouts.toml")
ACCOUNTS, TABLES, TYPES = KNOWN["accounts"], KNOWN["tables"], KNOWN["types"]
CHART = frozenset(int(number) for number in KNOWN["chart"])
NO_SUCH_ACCOUNT = 9999
Outcome = str | Counter[oracle.Posting]


@dataclass(frozen=True)
class Case:
    payout: Json
    rows: list[Json]
    shop: oracle.Shop


class RandomCase:
    """Makes one case; the same seed makes the same case."""

    def __init__(self, seed: str) -> None:
        self.rng = random.Random(seed)
        self.home = self.rng.choice(["SEK", "SEK", "NOK"])
        is_foreign = self.once_in(4)
        self.currency = self.rng.choice(["EUR", "EUR", "EUR", "DKK", "JPY"]) if is_foreign else self.home
        self.vat = self.rng.choice([{}, {"mode": "klarna"}, {"mode": "none"}, self.reverse_charge()])
        self.has_vat = self.vat.get("mode") in {None, "klarna"} or self.once_in(6)
        self.states_own_vat = self.rng.choice([self.home, self.home, "DKK", None])

    def once_in(self, times: float) -> bool:
        return self.rng.random() * times < 1

    def case(self) -> Case:
        rows = self.rows()
        totals = self.totals(rows)
        kind = self.rng.choice(["NET", "NET", "NET", "GROSS"])
        if self.once_in(40):
            kind = "GROSS_FEE"
        fee_terms_deducted = self.once_in(2) if kind == "GROSS" else not self.once_in(15)
        if self.once_in(15):
            spoilt = self.rng.choice([*ADDS, *LOWERS])
            totals[spoilt] = -totals[spoilt] or -1
        totals["settlement"] = oracle.settlement_of(totals, fee_terms_deducted)
        totals["opening_debt"] = totals["repay"] + self.rng.choice([0, 0, 12_345])
        totals["closing_debt"] = totals["opening_debt"] - totals["repay"] + totals["deposit"]
        if self.once_in(15):
            totals["settlement"] += self.rng.choice([-1, 1, 100, -totals["fee"] or 5])
        if self.once_in(20):
            totals["closing_debt"] += self.rng.choice([-1, 1, 2_500])
        if self.once_in(15):
            self.spoil(rows)
        self.rng.shuffle(rows)
        payout = build.payout_json(totals, merchant_settlement_type=kind, currency_code=self.currency)
        return Case(payout, rows, self.shop())

    # --- rows come first: the totals are their sums ---

    def rows(self) -> list[Json]:
        if self.once_in(40):
            return []
        sales = [self.row("SALE", "PURCHASE") for _ in range(0 if self.once_in(6) else self.rng.randint(0, 6))]
        rows = list(sales)
        for sale in sales:
            for detailed_type, amount in (("FIXED", 250), ("PERCENTAGE", sale["amount"] // 37)):
                fee = {"type": "FEE", "detailed_type": f"PURCHASE_FEE_{detailed_type}", "amount": amount}
                rows.append(self.with_vat({**sale, **fee}))
        for type_, detailed_types, most in (
            ("RETURN", TYPES["returns"], 2),
            ("REVERSAL", TYPES["reversals"], 2),
            ("CHARGE", TYPES["charges"], 2),
            ("CREDIT", TYPES["credits"], 2),
            ("FEE_REFUND", ["PURCHASE_FEE_FIXED", "DISPUTE_FEE_REFUND"], 1),
            ("FEE", ["DISPUTE_FEE"], 1),
        ):
            for _ in range(self.rng.choice([0, 0, *range(most + 1)])):
                row = self.row(type_, self.rng.choice(TYPES["unknown"] if self.once_in(25) else detailed_types))
                rows.append(self.with_vat(row) if type_.startswith("FEE") else row)
        for row in [row for row in rows if row["type"] == "REVERSAL" and self.once_in(2)]:
            detailed_type = self.rng.choice(["FRAUD_POLICY_CREDIT_NET", "FRAUD_POLICY_CREDIT_NET", "REVERSAL", ""])
            amount = self.rng.choice([1, row["amount"], row["amount"] * 4 // 5]) or 1
            protection = {"type": "REVERSAL_MERCHANT_PROTECTION", "detailed_type": detailed_type}
            rows.append({**row, **protection, "amount": amount})
        return rows

    def row(self, type_: str, detailed_type: str) -> Json:
        order_id = f"order-{self.rng.randint(1, 9999)}"
        row = {"type": type_, "amount": self.amount(), "currency_code": self.currency, "order_id": order_id}
        return {**row, "detailed_type": detailed_type} if detailed_type or self.once_in(2) else row

    def with_vat(self, row: Json) -> Json:
        if not self.has_vat:
            return row
        vat = row["amount"] // 4
        own = {
            "tax_in_currency_of_registration_country": vat * self.rng.choice([1140, 1140, 30]) // 100,
            "currency_code_of_registration_country": self.states_own_vat,
        }
        return {**row, "vat_amount": vat, "vat_rate": 2500, **(own if self.states_own_vat else {})}

    def amount(self) -> int:
        most = self.rng.choice([10**5, 10**8, 10**11])
        return self.rng.choice([1, 99, 10_000, self.rng.randint(1, most)])

    def totals(self, rows: list[Json]) -> Json:
        totals = dict.fromkeys([*ADDS, *LOWERS], 0)
        for name, types in oracle.ROWS_OF.items():
            totals[name] = sum(types.get(row["type"], 0) * row["amount"] for row in rows)
        for name, type_ in (("tax", "FEE"), ("tax_refund", "FEE_REFUND")):
            totals[name] = sum(row.get("vat_amount", 0) for row in rows if row["type"] == type_)
        if rows:
            for name in ("fee_correction", "commission", "commission_reversal", "holdback", "release", "repay"):
                totals[name] = self.amount() if self.once_in(5) else 0
            returned = [r["amount"] for r in rows if r.get("detailed_type") == "COMMISSION_RETURN"]
            if returned and not self.once_in(3):
                totals["reversal"] -= sum(returned)
                totals["commission_reversal"] = sum(returned) + self.rng.choice([0, 0, 1])
            balance = oracle.settlement_of(totals)
            if balance < 0 and not self.once_in(4):  # else the settlement is negative
                totals["deposit"] = -balance
        return totals

    def spoil(self, rows: list[Json]) -> None:
        match self.rng.choice(["drop", "change", "negative", "unknown", "vat", "own-vat"]) if rows else "nothing":
            case "drop":
                rows.pop()
            case "change":
                rows[0] = {**rows[0], "amount": rows[0]["amount"] + 1}
            case "negative":
                rows[0] = {**rows[0], "amount": -rows[0]["amount"]}
            case "unknown":
                rows.append({"type": "BONUS", "amount": 100, "currency_code": self.currency})
            case "vat" | "own-vat" as spoilt:
                key = "vat_amount" if spoilt == "vat" else "tax_in_currency_of_registration_country"
                for row in [row for row in rows if row.get(key)][:1]:
                    del row[key]

    # --- the shop ---

    def reverse_charge(self) -> Json:
        return {"mode": "reverse-charge", "rate": self.rng.choice([6, 12, 25]), "output": 2614, "input": 2645}

    def rate(self) -> Fraction:
        worth = self.rng.choice([self.rng.randint(1, 30_000_000), self.rng.randint(9_000_000, 12_000_000)])
        return Fraction(worth, 1_000_000)

    def shop(self) -> oracle.Shop:
        accounts = dict(ACCOUNTS)
        for key, table in TABLES.items():
            if not self.once_in(4):
                accounts[key] = dict(table)
                if self.once_in(6):
                    del accounts[key][self.rng.choice(sorted(table))]
        for key in ("reversals", "returns"):
            if self.once_in(5):
                accounts.pop(key, None)
        if self.once_in(12):
            accounts.pop(self.rng.choice(sorted(set(accounts) - {"payout", "receivable"})))
        if self.once_in(20):
            accounts[self.rng.choice(["fees", "commission", "receivable", "payout"])] = NO_SUCH_ACCOUNT
        return oracle.Shop(
            transfer=self.rng.choice(["lump", "itemised", "itemised-fees"]),
            accounts=accounts,
            chart=CHART,
            max_entries=12 if self.once_in(15) else 20_000,
            vat=self.vat,
            currency=self.home,
            foreign="hold" if self.once_in(10) else "ecb",
            rate=self.rate(),
        )


@cache
def judged() -> list[tuple[Case, oracle.Verdict]]:
    cases = (RandomCase(f"{SEED} {number}").case() for number in range(CASES))
    return [(case, oracle.judge(case.payout, case.rows, case.shop)) for case in cases]


def outcome(case: Case) -> Outcome:
    """Return the code of what blocks it, or the postings."""
    shop = case.shop
    settings = {
        "transfer": shop.transfer,
        "accounts": {**dict.fromkeys(build.PROFILE["accounts"]), **shop.accounts},  # None removes what PROFILE has
        "voucher": {"max_entries": shop.max_entries, "foreign_currency": shop.foreign},
        "vat": shop.vat,
    }
    chart = {**dict.fromkeys(map(str, build.CHART)), **KNOWN["chart"]}
    profile, books = build.profile(settings), build.books({"home_currency": shop.currency, "chart": chart})
    payout = build.payout_of(case.payout)
    rows = build.transactions(case.rows) if needs_rows(payout, profile, books) else []
    worth = (
        Decimal(int(shop.rate * 1_000_000)).scaleb(-6)
        if shop.rate and needs_rate(payout, profile, books)
        else None
    )
    rate = Rate(worth, date(2026, 11, 19)) if worth else None
    try:
        voucher = voucher_for(payout, rows, profile, books, rate)
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


def test_nothing_is_booked_on_other_that_is_not_known_to_be_ordinary() -> None:
    """What stands there is the sum of the rows that are on the list and have no line of their own."""
    for case, _ in judged():
        found = outcome(case)
        if isinstance(found, str) or case.payout["currency_code"] != case.shop.currency:
            continue
        for total, key in (("charge", "charges"), ("credit", "credits"), ("reversal", "reversals")):
            table = case.shop.accounts.get(key)
            if not isinstance(table, dict) or "other" not in table or not case.payout["totals"][f"{total}_amount"]:
                continue
            on_list = {"", *KNOWN["ordinary"]["all"], *KNOWN["ordinary"][key]} - set(table)
            sums = [sum_of(case, total, names) for names in (on_list, on_list - {"COMMISSION_RETURN"})]
            booked = sum(n * ore for (kind, no, ore), n in found.items() if (kind, no) == (total, table["other"]))
            assert abs(booked) in map(abs, sums), case  # commission taken back may have a total of its own


def sum_of(case: Case, total: str, detailed_types: set[str]) -> int:
    """Return what the rows of these detailed types add to the total, in minor units."""
    rows = [row for row in case.rows if row.get("detailed_type", "") in detailed_types]
    return sum(oracle.ROWS_OF[total].get(row["type"], 0) * row["amount"] for row in rows)


def test_the_random_payouts_cover_every_mode_and_every_reason() -> None:
    """Enough of them are booked in every mode, and every reason to block that they can have occurs alone."""
    booked = [case for case, verdict in judged() if verdict.postings and not verdict.reasons]
    modes: tuple[tuple[Iterable[Any], Counter[Any]], ...] = (
        (oracle.ITEMS, Counter(case.shop.transfer for case in booked)),
        ([None, "klarna", "none", "reverse-charge"], Counter(case.shop.vat.get("mode") for case in booked)),
        ([True, False], Counter(case.payout["currency_code"] != case.shop.currency for case in booked)),
    )
    for names, found in modes:
        assert min(found[name] for name in names) >= 20, found
    alone = {next(iter(verdict.reasons)) for _, verdict in judged() if len(verdict.reasons) == 1}
    assert alone == {
        *("residual", "debt", "negative", "account-missing", "account-unknown", "rows-mismatch"),
        *("unknown-type", "gross-fee", "too-many-entries", "vat", "currency"),
    }
    assert any(not verdict.postings and not verdict.reasons for _, verdict in judged())


def verdict(
    totals: Json, *rows: Json, transfer: str = "lump", currency: str = "SEK", **more: Any
) -> oracle.Verdict:
    """The oracle's verdict on a payout for a shop with every account and line; the settlement is computed."""
    every = dict.fromkeys([*ADDS, *LOWERS], 0) | totals
    payout = build.payout_json({"settlement": oracle.settlement_of(every), **totals}, currency_code=currency)
    return oracle.judge(payout, list(rows), oracle.Shop(transfer, ACCOUNTS | TABLES, CHART, **more))


@pytest.mark.parametrize("settlement", [-3, 0, 3])
def test_the_oracle_itself_balances(settlement: int) -> None:
    returned = {"type": "RETURN", "amount": 7 - settlement}
    found = verdict({"settlement": settlement, "sale": 10, "return": 7 - settlement, "fee": 3}, returned)
    assert not found.reasons
    assert sum(ore for _, _, ore in found.postings.elements()) == 0
    assert ("sale", 1580, -10) in found.postings


def test_the_oracle_books_fraud_under_protection_and_commission_taken_back_as_worked_by_hand() -> None:
    """Gross and net stand by themselves; what is taken back has a total of its own, and is not a reversal."""
    found = verdict(
        {"sale": 500_00, "reversal": 259_80, "commission_reversal": 49_00},
        {"type": "REVERSAL", "detailed_type": "FRAUD_POLICY_CHARGE", "amount": 1299_00},
        {"type": "REVERSAL_MERCHANT_PROTECTION", "detailed_type": "FRAUD_POLICY_CREDIT_NET", "amount": 1039_20},
        {"type": "REVERSAL", "detailed_type": "COMMISSION_RETURN", "amount": 49_00},
    )
    assert not found.reasons
    assert sorted(found.postings) == [
        ("commission_reversal", 3921, 49_00),
        ("reversal", 6351, 1299_00),
        ("reversal", 6353, -1039_20),
        ("sale", 1580, -500_00),
        ("settlement", 1940, 191_20),
    ]


def test_the_oracle_books_euro_as_worked_by_hand() -> None:
    """100 euro less a fee of 2.99 and VAT of 0.75 at 11.425: Klarna states the VAT as 8.55 kronor, not 8.57."""
    vat = {"vat_amount": 75, "tax_in_currency_of_registration_country": 8_55}
    fee = {"type": "FEE", "amount": 299, "currency_code_of_registration_country": "SEK", **vat}
    found = verdict(
        {"sale": 100_00, "fee": 2_99, "tax": 75},
        fee,
        currency="EUR",
        foreign="ecb",
        rate=Fraction("11.425"),
    )
    assert not found.reasons
    assert sorted(found.postings) == [
        ("currency_difference", 7960, 2),
        ("fee", 6064, 34_16),  # 34.16075
        ("sale", 1580, -1142_50),
        ("settlement", 1940, 1099_77),  # 96.26 euro: 1099.7705
        ("tax", 2641, 8_55),
    ]


def test_the_oracle_rounds_reverse_charge_once_as_worked_by_hand() -> None:
    """25 % of 3.50 less 0.60 in fees is 0.725, a half, which goes up."""
    mode = {"mode": "reverse-charge", "rate": 25, "input": 2645, "output": 2614}
    found = verdict({"sale": 10_00, "fee": 3_50, "fee_refund": 60}, vat=mode)
    assert not found.reasons
    assert {posting for posting in found.postings if posting[0] == "tax"} == {
        ("tax", 2645, 73),
        ("tax", 2614, -73),
    }
