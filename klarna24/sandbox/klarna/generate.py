"""Six weeks of payouts of one web shop, with all that a payout can hold. Same seed and day, same data.

week 0   plain
week 1   returns, two of them equal; a field that nobody knows; a payout at 23:30Z, the next day in Stockholm
week 2   more returns than sales: settlement 0 and a debt; a payout in EUR
week 3   the debt is repaid (reference of digits only); money held back, commission (reference is a uuid)
week 4   fees and VAT refunded, a fee correction; a reversal with merchant protection
week 5   a dispute's charge and credit; a GROSS payout, whose fees are invoiced by themselves
week 6   what was held back is released; a payout that does not add up by a few kronor
"""

import random
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from klarna24.sandbox.klarna.payouts import Seeded, Week, big_payout, make_payout

__all__ = ["Seeded", "big_payout", "generate", "make_payout"]

_LETTERS = "ABCDEFGHJKLMNPRSTUVXYZ23456789"
_NOBODY_KNOWS = {"payout_channel": "ACCOUNT_2_ACCOUNT"}


def generate(seed: int, today: date) -> list[Seeded]:
    """Payouts by date, each with its rows; the last on a Thursday before today, none in the future."""
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
    """The dice, the calendar and the debt to Klarna."""

    def __init__(self, seed: int, today: date) -> None:
        self.dice = random.Random(f"klarna {seed} {today}")
        back = (today.weekday() - 3) % 7 or 7  # Thursday is 3; never today, which would be in the future till noon
        self.first = today - timedelta(days=back + 42)
        self.debt = 0

    def week(
        self,
        number: int,
        days: int = 0,
        at: time = time(7, 52, 26),
        reference: str = "",
        currency: str = "SEK",
    ) -> Week:
        """An empty payout, so many days after the Thursday of the week."""
        when = datetime.combine(self.first + timedelta(weeks=number, days=days), at, UTC)
        return Week(self.dice, reference or "X" + "".join(self.dice.choices(_LETTERS, k=7)), when, currency)

    def orders(self) -> int:
        """Orders of an ordinary week."""
        return self.dice.randint(20, 60)

    def plain(self) -> Seeded:
        """Sales, fees and VAT; one order with a reference that needs care."""
        week = self.week(0)
        week.sell(self.orders())
        week.sale(49900)["merchant_reference1"] = 'Åsa "Öst" & Söner'
        return week.payout()

    def returns_and_midnight(self) -> list[Seeded]:
        """Two equal partial refunds of one order are both real: there is no row id to tell them apart."""
        week = self.week(1)
        week.sell(self.orders())
        order = week.sale(159800)
        for amount in (24900, 24900, 10000):
            week.refund(amount, order)
        for row in week.rows[-3:-1]:
            row.pop("refund_id")  # not even this tells the equal ones apart
        week.refund(89900)
        payout, rows = week.payout()
        late = self.week(1, 4, at=time(23, 30))
        late.sell(20)
        return [({**payout, **_NOBODY_KNOWS}, rows), late.payout(fee_correction=0, commission_reversal=0)]

    def debt_and_euro(self) -> list[Seeded]:
        """Costs exceed sales by the deposit, and the settlement is 0."""
        week = self.week(2)
        week.sell(20, high=29900)
        while sum(r["amount"] for r in week.rows if r["type"] == "RETURN") < 900000:
            week.refund(self.dice.randrange(20000, 150000, 100))
        self.debt = -week.payout()[0]["totals"]["settlement_amount"]
        euro = self.week(2, currency="EUR")
        euro.sell(25, 1900, 24900)
        euro.refund(4990)
        return [week.payout(deposit=self.debt), euro.payout()]

    def repaid_and_held_back(self) -> list[Seeded]:
        """The opening debt is the last closing debt, repaid in one week; sales are large enough."""
        week = self.week(3, reference=f"{self.dice.randrange(10**9, 10**10)}")
        week.sell(60, low=69900)
        held = self.week(3, 5, reference=str(UUID(int=self.dice.getrandbits(128), version=4)))
        held.sell(self.orders())
        held.commission(61250, returned=4900)
        held.account("HOLDBACK", "ROLLING_RESERVE", 150000)
        country = {"currency_code_of_registration_country": None}
        payout, rows = held.payout()
        return [week.payout(repay=self.debt), ({**payout, **country}, rows)]

    def refunded_and_reversed(self) -> list[Seeded]:
        """fee_correction has no rows behind it."""
        week = self.week(4)
        week.sell(self.orders())
        week.fee_refund(1187)
        week.fee_refund(395)
        reversed_ = self.week(4, 4)
        reversed_.sell(self.orders())
        reversed_.reversal(129900, protected=99900)
        reversed_.reversal(45000)
        return [week.payout(fee_correction=4210), reversed_.payout()]

    def disputed_and_gross(self) -> list[Seeded]:
        """Whether a GROSS payout shows its fees is not known; here it does, and does not deduct them."""
        week = self.week(5)
        week.sell(self.orders())
        week.account("CHARGE", "DISPUTE_FEE", 30000)
        week.account("CREDIT", "DISPUTE_FEE_REFUND", 15000)
        gross = self.week(5, 5)
        gross.sell(self.orders())
        return [week.payout(), gross.payout("GROSS")]

    def released_and_wrong(self) -> list[Seeded]:
        """The second payout's settlement amount is 3 kronor less than its totals make."""
        week = self.week(6)
        week.sell(self.orders())
        week.account("RELEASE", "ROLLING_RESERVE", 150000)
        week.account("CREDIT", "FRAUD_POLICY_CREDIT_NET", 79900)
        wrong = self.week(6, at=time(9, 5))
        wrong.sell(20)
        settlement = wrong.payout()[0]["totals"]["settlement_amount"]
        return [week.payout(), wrong.payout(settlement=settlement - 300)]
