"""A second opinion on a payout, in whole öre, by the table of accounts and Klarna's arithmetic.

It is written from those two texts alone, as a bookkeeper with a calculator would work: it reads Klarna's JSON, and
uses nothing of klarna24.
"""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from tests.support import data

Json = dict[str, Any]
Posting = tuple[str, int, int]  # kind, account, öre (debit positive)

_KNOWN = data(__file__, "oracle.toml")
ACCOUNTS: dict[str, tuple[str, str]] = _KNOWN["accounts"]
ADDS, LOWERS, FEE_TERMS = _KNOWN["sums"]["adds"], _KNOWN["sums"]["lowers"], _KNOWN["sums"]["fee_terms"]
ROWS_OF: dict[str, dict[str, int]] = _KNOWN["rows"]["of"]
ITEMS: dict[str, list[str]] = _KNOWN["items"]


@dataclass(frozen=True)
class Verdict:
    """All reasons to block the payout, or its postings; without either, there is nothing to book."""

    reasons: frozenset[str]
    postings: Counter[Posting]


@dataclass(frozen=True)
class Shop:
    """What the verdict depends on apart from the payout."""

    transfer: str
    accounts: Json  # as below [profiles.NAME.accounts]
    chart: frozenset[int]
    max_entries: int = 20_000


class _Case:
    def __init__(self, payout: Json, rows: list[Json], shop: Shop) -> None:
        figures = payout["totals"]
        self.total: dict[str, int] = {
            name: figures.get(f"{name}_amount", 0) for name in (*ADDS, *LOWERS, "settlement")
        }
        self.opening = figures.get("opening_debt_balance_amount", 0)
        self.closing = figures.get("closing_debt_balance_amount", 0)
        self.payout, self.rows, self.shop = payout, rows, shop
        self.reasons: set[str] = set()
        self.postings: list[Posting] = []

    def booked_totals(self) -> list[str]:
        """Return the totals that add up to the settlement; if none do, add a reason."""
        everything = [*ADDS, *LOWERS]
        if settlement_of(self.total) == self.total["settlement"]:
            return everything
        gross = self.payout["merchant_settlement_type"] == "GROSS"
        if gross and settlement_of(self.total, fee_terms=False) == self.total["settlement"]:
            return [name for name in everything if name not in FEE_TERMS]
        self.reasons.add("residual")
        return everything

    def check_the_payout(self) -> None:
        if self.payout["merchant_settlement_type"] == "GROSS_FEE":
            self.reasons.add("gross-fee")
        magnitudes = [amount for name, amount in self.total.items() if name != "settlement"]
        if min(*magnitudes, self.opening, self.closing) < 0:
            self.reasons.add("negative")
        if self.opening - self.total["repay"] + self.total["deposit"] != self.closing:
            self.reasons.add("debt")

    def account_of(self, total: str, detailed_type: str | None = None) -> int | None:
        role = ACCOUNTS[total][1]
        account = self.shop.accounts.get(role)
        if role == "reversals" and account is None:
            account = self.shop.accounts["receivable"]
        if role in {"charges", "credits"} and account is not None:
            table = account if isinstance(account, dict) else {"other": account}
            loan = detailed_type is not None and detailed_type.startswith("LOAN_")
            account = table.get(detailed_type, None if loan else table.get("other"))
        return account

    def post(self, total: str, ore: int, detailed_type: str | None = None) -> None:
        """Book ``ore`` on the total's own side; a negative amount goes on the other side."""
        if ore == 0:
            return
        account = self.account_of(total, detailed_type)
        if account is None:
            self.reasons.add("account-missing")
        elif account not in self.shop.chart:
            self.reasons.add("account-unknown")
        self.postings.append((total, account or 0, ore if ACCOUNTS[total][0] == "debit" else -ore))

    def post_rows(self, total: str) -> None:
        found = [(ROWS_OF[total][r["type"]] * r["amount"], r) for r in self.rows if r["type"] in ROWS_OF[total]]
        if sum(ore for ore, _ in found) != self.total[total]:
            self.reasons.add("rows-mismatch")
        if total in {"charge", "credit"}:
            for detailed_type in {r.get("detailed_type") or None for _, r in found}:
                ores = [ore for ore, r in found if (r.get("detailed_type") or None) == detailed_type]
                self.post(total, sum(ores), detailed_type)
        else:
            for ore, _ in found:
                self.post(total, ore)

    def verdict(self) -> Verdict:
        self.check_the_payout()
        booked = self.booked_totals()
        if not any(self.total.values()) and not self.reasons:
            return Verdict(frozenset(), Counter())
        items = [name for name in ITEMS[self.shop.transfer] if name in booked]
        items += [name for name in ("charge", "credit") if self.total[name]]
        if items and any(r["type"] not in _KNOWN["rows"]["types"] for r in self.rows):
            self.reasons.add("unknown-type")
        self.post("settlement", self.total["settlement"])
        for name in booked:
            if name in items:
                self.post_rows(name)
            else:
                self.post(name, self.total[name])
        if len(self.postings) > self.shop.max_entries:
            self.reasons.add("too-many-entries")
        return Verdict(frozenset(self.reasons), Counter(self.postings))


def settlement_of(totals: Json, fee_terms: bool = True) -> int:
    """Return what the totals add up to, with or without the fee terms."""
    names = [name for name in (*ADDS, *LOWERS) if fee_terms or name not in FEE_TERMS]
    return sum(totals[name] if name in ADDS else -totals[name] for name in names)


def judge(payout: Json, rows: list[Json], shop: Shop) -> Verdict:
    """Return the verdict on one payout, given as Klarna's JSON."""
    return _Case(payout, rows, shop).verdict()
