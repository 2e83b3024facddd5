"""Checks of payouts in another currency than the company's: whether they can be converted and booked."""

from collections.abc import Iterator

from klarna24.bookkeeping.payout import NOT_TWO_DECIMALS
from klarna24.check.result import Check, failed
from klarna24.config.tables import Profile
from klarna24.ecb.client import EcbClient
from klarna24.ecb.rates import NoRate
from klarna24.errors import Blocked
from klarna24.text.sentences import sentence

CURRENCY = sentence("currency")
DIFFERENCES = ("currency_gain", "currency_loss")


def check_foreign(profile: Profile, home: str, foreign: set[str], ecb: EcbClient) -> Iterator[Check]:
    """What a run makes of payouts in the currencies ``foreign``, in a company whose currency is ``home``."""
    if profile.voucher.foreign_currency == "hold":
        table = f"[profiles.{profile.name}.voucher]"
        hint = sentence("{line}, or book them by hand", line=f'{table} foreign_currency = "ecb"')
        message = sentence("payouts in {currencies} will be blocked", currencies=", ".join(sorted(foreign)))
        yield Check(CURRENCY, "advice", message, hint)
        return
    try:
        newest = ecb.newest_day()
    except NoRate as error:
        yield failed(CURRENCY, Blocked(error.code, error.message, error.first or sentence("try again later")))
        return
    for currency in sorted(foreign):
        try:
            rate = ecb.rate(newest, currency, home)
        except NoRate as error:
            yield _will_be_blocked(currency, error.message)
            continue
        if currency in NOT_TWO_DECIMALS:
            yield _will_be_blocked(
                currency, sentence("it does not have two decimals, which 24SevenOffice requires")
            )
            continue
        worth = f"1 {currency} = {rate.value.normalize():f} {home}"
        message = sentence(
            "{worth} at the European Central Bank's newest rate, of {day}", worth=worth, day=str(rate.day)
        )
        yield Check(CURRENCY, "ok", message)
    if missing := [key for key in DIFFERENCES if getattr(profile.accounts, key) is None]:
        message = sentence(
            "there is no account for {keys}: a payout with a difference will be blocked", keys=", ".join(missing)
        )
        table = f"[profiles.{profile.name}.accounts]"
        yield Check(CURRENCY, "advice", message, f"{table} {', '.join(f'{key} = ACCOUNT' for key in missing)}")


def _will_be_blocked(currency: str, why: str) -> Check:
    message = sentence("payouts in {currency} will be blocked: {why}", currency=currency, why=why)
    return Check(CURRENCY, "advice", message, sentence("book them by hand"))
