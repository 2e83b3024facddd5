"""Seven weekly payouts and more of one web shop. The same seed and day always give the same payouts.

The types of the rows are those that Klarna documents (docs/vendors/klarna.md, "Detailed types").

week 0   nothing special
week 1   returns, two of them equal, and one by Klarna as the customer does not pay; an unknown field; a payout at
         23:30Z, which is the next day in Stockholm
week 2   more returns than sales, so that the settlement is 0 and a debt remains; a payout in EUR
week 3   the debt is repaid (reference of digits only); a rolling reserve, and commission, some of which is taken
         back (reference is a UUID)
week 4   a loan; fees and VAT are refunded, and a fee is corrected; money under review, a reversal, and fraud under
         merchant protection
week 5   a lost dispute with its fee, and the fee of another paid back; the loan is paid off in part, which a
         comment explains; a GROSS payout, whose fees are invoiced separately
week 6   the holdbacks are released; a debt is moved here, and the loan is paid off further; a refund that was
         charged wrongly is credited; a payout whose figures differ by 3 kronor
"""

import random
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from klarna24.sandbox.klarna.generate import PayoutBuilder, Seeded

_LETTERS = "ABCDEFGHJKLMNPRSTUVXYZ23456789"
_UNKNOWN_FIELD = {"payout_channel": "ACCOUNT_2_ACCOUNT"}
_LOAN, _PARTS = 2_500_000, 10  # öre lent, and the number of repayments


def seeded_payouts(seed: int, today: date) -> list[Seeded]:
    """The payouts by date, each with its rows. The last is dated on a Thursday before `today`."""
    shop = _Shop(seed, today)
    seeded = [
        shop.plain(),
        *shop.returns_and_midnight(),
        *shop.debt_and_euro(),
        *shop.repaid_and_held_back(),
        *shop.refunded_and_reversed(),
        *shop.disputed_and_gross(),
        *shop.released_and_wrong(),
    ]
    return sorted(seeded, key=lambda pair: pair[0]["payout_date"])


class _Shop:
    """What the weeks have in common: the random numbers, the first Thursday and the debt to Klarna."""

    def __init__(self, seed: int, today: date) -> None:
        self.rng = random.Random(f"klarna {seed} {today}")
        back = (
            today.weekday() - 3
        ) % 7 or 7  # Thursday is 3; never today, as the time of the payout may be yet to come
        self.first = today - timedelta(days=back + 42)
        self.debt = 0

    def week(
        self,
        number: int,
        days: int = 0,
        at: time = time(7, 52, 26),
        reference: str = "",
        currency: str = "SEK",
    ) -> PayoutBuilder:
        """A builder of a payout, so many days after the Thursday of the week."""
        when = datetime.combine(self.first + timedelta(weeks=number, days=days), at, UTC)
        return PayoutBuilder(self.rng, reference or "X" + "".join(self.rng.choices(_LETTERS, k=7)), when, currency)

    def orders(self) -> int:
        """The number of orders of an ordinary week."""
        return self.rng.randint(20, 60)

    def plain(self) -> Seeded:
        """Sales, fees and VAT; one order has a reference with quotation marks and an ampersand."""
        week = self.week(0)
        week.sell(self.orders())
        week.sale(49900)["merchant_reference1"] = 'Åsa "Öst" & Söner'
        return week.payout()

    def returns_and_midnight(self) -> list[Seeded]:
        """Two equal partial refunds of one order, which are both real although no row id tells them apart."""
        week = self.week(1)
        week.sell(self.orders())
        order = week.sale(159800)
        for amount in (24900, 24900, 10000):
            week.refund(amount, order)
        for row in week.rows[-3:-1]:
            row.pop("refund_id")  # so that the two rows are really equal
        week.refund(89900)
        week.refund(129900, detailed_type="PAYMENT_DEFAULT")
        payout, rows = week.payout()
        late = self.week(1, 4, at=time(23, 30))
        late.sell(20)
        return [({**payout, **_UNKNOWN_FIELD}, rows), late.payout(fee_correction=0, commission_reversal=0)]

    def debt_and_euro(self) -> list[Seeded]:
        """Returns and fees exceed sales by the deposit, so that the settlement is 0."""
        week = self.week(2)
        week.sell(20, high=29900)
        while sum(r["amount"] for r in week.rows if r["type"] == "RETURN") < 900000:
            week.refund(self.rng.randrange(20000, 150000, 100))
        self.debt = -week.payout()[0]["totals"]["settlement_amount"]
        euro = self.week(2, currency="EUR")
        euro.sell(25, 1900, 24900)
        euro.refund(4990)
        return [week.payout(deposit=self.debt), euro.payout()]

    def repaid_and_held_back(self) -> list[Seeded]:
        """The debt of week 2 is repaid at once; the sales are large enough for it."""
        week = self.week(3, reference=f"{self.rng.randrange(10**9, 10**10)}")
        week.sell(60, low=69900)
        later = self.week(3, 5, reference=str(UUID(int=self.rng.getrandbits(128), version=4)))
        later.sell(self.orders())
        later.commission(61250, returned=4900)
        later.account("HOLDBACK", "ROLLING_RESERVE", 150000)
        country = {"currency_code_of_registration_country": None}
        payout, rows = later.payout()
        return [week.payout(repay=self.debt), ({**payout, **country}, rows)]

    def refunded_and_reversed(self) -> list[Seeded]:
        """Refunded and corrected fees, and reversals. No row belongs to fee_correction."""
        week = self.week(4)
        week.sell(self.orders())
        week.fee_refund(1187)
        week.fee_refund(395, "PURCHASE_FEE_FIXED")
        week.account("CREDIT", "CASH_ADVANCE_PAYOUT", _LOAN)
        reversed_ = self.week(4, 4)
        reversed_.sell(self.orders())
        reversed_.protected_fraud(129900)
        reversed_.reversal(45000)
        reversed_.account("HOLDBACK", "UNDER_REVIEW", 84900)
        return [week.payout(fee_correction=4210), reversed_.payout()]

    def disputed_and_gross(self) -> list[Seeded]:
        """A GROSS payout shows its fees without deducting them: a choice, as what Klarna does is unknown."""
        week = self.week(5)
        week.sell(self.orders())
        week.lost_dispute(64900, fee=30000, fee_refund=15000)
        self.amortise(week, 1)
        gross = self.week(5, 5)
        gross.sell(self.orders())
        return [week.payout(), gross.payout("GROSS")]

    def released_and_wrong(self) -> list[Seeded]:
        """The settlement amount of the second payout is 3 kronor less than its totals add up to."""
        week = self.week(6)
        week.sell(self.orders())
        week.account("RELEASE", "ROLLING_RESERVE", 150000)
        week.account("RELEASE", "UNDER_REVIEW", 84900)
        week.account("CREDIT", "CORRECTION_DISPUTE", 24900)
        week.account("CHARGE", "LIABILITY_TRANSFER", 118000)
        self.amortise(week, 2)
        wrong = self.week(6, at=time(9, 5))
        wrong.sell(20)
        settlement = wrong.payout()[0]["totals"]["settlement_amount"]
        return [week.payout(), wrong.payout(settlement=settlement - 300)]

    def amortise(self, week: PayoutBuilder, part: int) -> None:
        """Pay off a part of the loan; Klarna's comment on the row says which."""
        comment = f"Cash advance, repayment {part} of {_PARTS}"
        week.account("CHARGE", "CASH_ADVANCE_AMORTISATION", _LOAN // _PARTS, klarna_comment=comment)
