"""A second opinion on a payout, in whole öre, by the rules of accounting and Klarna's arithmetic.

It is written from those texts alone, as a bookkeeper with a calculator would work: it reads Klarna's JSON, and
uses nothing of klarna24.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from tests.support import data

Json = dict[str, Any]
Posting = tuple[str, int, int]  # kind, account, öre (debit positive)

_KNOWN = data(__file__, "oracle.toml")
ACCOUNTS: dict[str, tuple[str, str]] = _KNOWN["accounts"]
ADDS, LOWERS, FEE_TERMS = _KNOWN["sums"]["adds"], _KNOWN["sums"]["lowers"], _KNOWN["sums"]["fee_terms"]
ROWS_OF: dict[str, dict[str, int]] = _KNOWN["rows"]["of"]
ITEMS: dict[str, list[str]] = _KNOWN["items"]
ORDINARY: dict[str, list[str]] = _KNOWN["types"]["ordinary"]
OWN_VAT = "tax_in_currency_of_registration_country"
LOANS, DEBTS = tuple(_KNOWN["types"]["loans"]), _KNOWN["types"]["debts"]


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
    vat: Json = field(default_factory=dict)  # as below [profiles.NAME.vat]; without a mode: Klarna's own figures
    currency: str = "SEK"  # the company's; öre are its hundredths
    foreign: str = "hold"
    rate: Fraction | None = None  # what one unit of the payout's currency is worth in the company's


def half_up(amount: Fraction) -> int:
    """Round to a whole number; a half goes away from zero."""
    whole = int(abs(amount) + Fraction(1, 2))
    return whole if amount >= 0 else -whole


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
        self.is_foreign = payout["currency_code"] != shop.currency
        self.rate = shop.rate if self.is_foreign and shop.rate is not None else Fraction(1)
        returns = shop.accounts.get("returns")
        self.splits_returns = isinstance(returns, dict) and bool(set(returns) - {"other"})

    # --- the payout as a whole ---

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
        if self.payout["currency_code"] in _KNOWN["sums"]["not_in_hundredths"]:
            self.reasons.add("currency")

    def check_the_settings(self) -> None:
        if self.is_foreign and (self.shop.foreign == "hold" or self.shop.rate is None):
            self.reasons.add("currency")
        if self.own_vat_is_due and (self.total["tax"] or self.total["tax_refund"]):
            self.reasons.add("vat")

    @property
    def own_vat_is_due(self) -> bool:
        """Whether Klarna has no VAT to charge: the shop pays none, or reports it itself."""
        return self.shop.vat.get("mode") in {"none", "reverse-charge"}

    # --- one posting ---

    def account_of(self, total: str, detailed_type: str | None = None) -> int | None:
        """Return the account of a total, or of its rows of one detailed type; None if nobody has said which."""
        role = ACCOUNTS[total][1]
        setting = self.shop.accounts.get(role)
        if total not in ORDINARY:
            return setting
        table: dict[str, int] = setting if isinstance(setting, dict) else {"other": setting} if setting else {}
        if detailed_type:
            own = table.get(detailed_type) if detailed_type != "other" else None  # "other" is no kind's name
            if own is not None or detailed_type.startswith(LOANS):
                return own
            if detailed_type in DEBTS:
                return self.shop.accounts.get("debt")
            if detailed_type not in {*_KNOWN["types"]["always_ordinary"], *ORDINARY[total]}:
                return None
        receivable = self.shop.accounts["receivable"] if total in {"return", "reversal"} else None
        return table.get("other", receivable)

    def post(self, total: str, minor: int, detailed_type: str | None = None) -> None:
        """Book ``minor`` at the rate, on the total's own side; a negative amount goes on the other side."""
        ore = half_up(minor * self.rate)
        self.enter(total, self.account_of(total, detailed_type), ore, debit=ACCOUNTS[total][0] == "debit")

    def enter(self, kind: str, account: int | None, ore: int, debit: bool = True) -> None:
        """Book ``ore`` of the company's currency; zero makes no entry."""
        if not ore:
            return
        if account is None:
            self.reasons.add("account-missing")
        elif account not in self.shop.chart:
            self.reasons.add("account-unknown")
        self.postings.append((kind, account or 0, ore if debit else -ore))

    # --- rows ---

    def post_rows(self, total: str, one_by_one: bool) -> None:
        """Book the rows of a total one by one, or one sum for each type and detailed type."""
        rows = [row for row in self.rows if row["type"] in ROWS_OF[total]]
        if any(row["amount"] < 0 for row in rows):
            self.reasons.add("negative")
        if self.sum_of(total, rows) != self.total[total]:
            rows = self.without_commission(total, rows)
        groups: dict[tuple[object, str | None], list[Json]] = defaultdict(list)
        for number, row in enumerate(rows):
            groups[number if one_by_one else row["type"], row.get("detailed_type") or None].append(row)
        for (_, detailed_type), group in groups.items():
            self.post(total, self.sum_of(total, group), detailed_type)

    def without_commission(self, total: str, rows: list[Json]) -> list[Json]:
        """Leave out commission taken back, if that is why the rows do not add up: it has a total of its own."""
        returned = [r for r in rows if (r["type"], r.get("detailed_type")) == ("REVERSAL", "COMMISSION_RETURN")]
        others = [row for row in rows if row not in returned]
        expected = (self.total["reversal"], self.total["commission_reversal"])
        if total == "reversal" and (self.sum_of(total, others), self.sum_of(total, returned)) == expected:
            return others
        self.reasons.add("rows-mismatch")
        return rows

    def sum_of(self, total: str, rows: list[Json]) -> int:
        return sum(ROWS_OF[total][row["type"]] * row["amount"] for row in rows)

    def needs_rows(self) -> bool:
        """Whether the totals alone do not tell what to book, or why Klarna holds money back."""
        told_apart = any(self.total[name] for name in ("charge", "credit", "reversal", "holdback"))
        return told_apart or self.splits_returns or self.shop.transfer != "lump" or self.is_foreign

    # --- VAT and currency ---

    def post_foreign_vat(self, total: str) -> None:
        """Book VAT on fees as Klarna states it in the company's currency; if it does not, at the rate."""
        refund = total == "tax_refund"
        rows = [row for row in self.rows if (row["type"] == "FEE_REFUND") == refund]
        rows = [row for row in rows if row.get("vat_amount") or row.get(OWN_VAT)]
        own = [
            row[OWN_VAT]
            for row in rows
            if row.get("currency_code_of_registration_country") == self.shop.currency
            and row.get(OWN_VAT) is not None
        ]
        if not own:
            self.post(total, self.total[total])
            return
        if len(own) < len(rows) or sum(row.get("vat_amount", 0) for row in rows) != self.total[total]:
            self.reasons.add("rows-mismatch")
        self.enter(total, self.account_of(total), sum(own), debit=not refund)

    def post_reverse_charge(self) -> None:
        """Book VAT that the shop reports itself, owed and deducted: rounded once for the whole voucher. An auditor
        takes the rate of the fees that the voucher has, in the company's currency."""
        basis = sum(ore for kind, _, ore in self.postings if kind in {"fee", "fee_correction", "fee_refund"})
        ore = half_up(basis * Fraction(str(self.shop.vat["rate"])) / 100)
        self.enter("tax", self.shop.vat["input"], ore)
        self.enter("tax", self.shop.vat["output"], -ore)

    def post_currency_difference(self) -> None:
        left = sum(ore for _, _, ore in self.postings)
        key = (
            "currency_gain" if left > 0 else "currency_loss"
        )  # more debit than credit is a gain, which is credited
        self.enter("currency_difference", self.shop.accounts.get(key), -left)

    # --- all of it ---

    def verdict(self) -> Verdict:
        self.check_the_payout()
        booked = self.booked_totals()
        if not any(self.total.values()) and not self.reasons:
            return Verdict(frozenset(), Counter())
        self.check_the_settings()
        has_rows = self.needs_rows()
        if has_rows and any(r["type"] not in _KNOWN["rows"]["types"] for r in self.rows):
            self.reasons.add("unknown-type")
        items = ITEMS[self.shop.transfer]
        told_apart = ["charge", "credit", "reversal"] + ["return"] * self.splits_returns if has_rows else []
        self.post("settlement", self.total["settlement"])
        for name in booked:
            if name in items or name in told_apart:
                self.post_rows(name, one_by_one=name in items)
            elif name in {"tax", "tax_refund"} and self.is_foreign and self.total[name]:
                self.post_foreign_vat(name)
            else:
                self.post(name, self.total[name])
        if self.shop.vat.get("mode") == "reverse-charge":
            self.post_reverse_charge()
        if self.is_foreign:
            self.post_currency_difference()
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
