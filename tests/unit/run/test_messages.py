"""Whole problems of payouts in each language, with their figures and commands."""

from decimal import Decimal

import pytest

from klarna24.bookkeeping.mapping import voucher_for
from klarna24.bookkeeping.payout import NAMES, SIGNS, Payout, Totals
from klarna24.errors import Blocked, Problem, ProblemCode
from klarna24.run import messages
from klarna24.run.messages import ResolveCommand
from klarna24.state.records import Status
from klarna24.text.reader import Reader
from klarna24.text.sentences import translated
from tests.support import bookkeeping as build
from tests.support.shops import OpenShop, simple

COMMAND = ResolveCommand("shop1", "XISA93DJ", "SEK")


def blocked(payout: Payout) -> Problem:
    with pytest.raises(Blocked) as error:
        voucher_for(payout, (), build.profile(), build.books())
    return messages.blocked(error.value, COMMAND)


def test_every_total_of_a_payout_has_a_name() -> None:
    one = Decimal(1)
    assert Totals(one, dict.fromkeys(SIGNS, one), one, one).named().keys() == NAMES.keys()


def test_a_blocked_payout_is_reported_in_swedish_with_its_figures() -> None:
    problem = blocked(build.payout({"settlement": 96_251, "sale": 100_000, "fee": 3_000, "tax": 750}))
    message = translated(problem.message, "sv")
    assert message.startswith("utbetalning XISA93DJ ")
    assert message.endswith(
        ": beloppen blir tillsammans 962.50 SEK, men utbetalt belopp är 962.51 SEK: 0.01 SEK är oförklarat"
    )
    assert translated(problem.hint, "sv") == (
        "jämför med Klarnas utbetalningsrapport, fråga Klarna; nytt försök görs vid varje körning; eller bokför "
        "den för hand och kör sedan klarna24 resolve --profile shop1 --currency SEK XISA93DJ --skip"
    )


@pytest.mark.parametrize(
    ("language", "hint"),
    [
        ("en", "book the fee invoice by hand, then {}"),
        ("sv", "bokför avgiftsfakturan för hand och kör sedan {}"),
        ("nb", "bokfør gebyrfakturaen manuelt og kjør deretter {}"),
    ],
)
def test_the_command_stands_in_full_in_the_hint_of_each_language(language: str, hint: str) -> None:
    problem = blocked(build.payout({"settlement": -3_750}, merchant_settlement_type="GROSS_FEE"))
    command = "klarna24 resolve --profile shop1 --currency SEK XISA93DJ --skip"
    assert translated(problem.hint, language) == hint.format(command)


def test_a_payout_that_changed_is_reported_with_the_name_of_each_figure() -> None:
    then, now = {"sale": Decimal(100), "fee_refund": Decimal(5)}, {"sale": Decimal(90)}
    problem = messages.changed(COMMAND, Status.DRAFTED, then, now, "SEK")
    assert problem.message == (
        "payout XISA93DJ changed at Klarna after it was drafted: sale 100.00 → 90.00, fee refund 5.00 → 0.00 SEK"
    )
    message = translated(problem.message, "nb")
    assert message.startswith("utbetaling XISA93DJ ble endret hos Klarna etter at ")
    assert message.endswith(": salg 100.00 → 90.00, refundert gebyr 5.00 → 0.00 SEK")


def test_each_sum_of_a_voucher_is_written_as_its_reader_does() -> None:
    said = messages.other_sums(4, {6064: Decimal("1030.00"), 6570: Decimal(0)}, {6570: Decimal("1030.00")})
    assert said == "voucher 4 was booked with other sums than drafted: 6064 1030.00 → 0.00, 6570 0.00 → 1030.00"
    assert Reader("sv").say(said).endswith("6064 1\u00a0030,00 → 0,00, 6570 0,00 → 1\u00a0030,00")


def test_a_payout_that_is_gone_keeps_its_problem() -> None:
    before = blocked(build.payout({"settlement": 1, "sale": 2}))
    gone = messages.gone("XISA93DJ", before)
    assert gone.message == f"payout XISA93DJ is no longer at Klarna. {before.message}"
    assert translated(gone.message, "sv") == (
        f"utbetalning XISA93DJ finns inte längre hos Klarna. {translated(before.message, 'sv')}"
    )
    without = messages.gone("XISA93DJ", None)
    assert (without.code, without.message) == (ProblemCode.CHANGED, "payout XISA93DJ is no longer at Klarna.")


def test_people_read_the_profiles_language_and_scripts_read_english(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[simple("GOOD"), simple("BAD", settlement_amount=5, sale_amount=10)])
    shop.write({"language": "sv"})
    (line,) = shop.sync().lines()
    assert line.startswith("klarna24: shop1: utbetalning BAD ")
    assert "beloppen blir tillsammans 0,10\xa0SEK" in line
    (draft,) = shop.box.office.home.drafts
    assert draft.entries[0]["Comment"] == "Klarna GOOD utbetalning"
    document = shop.sync("--json", "--now").json
    (problem,) = document["profiles"][0]["problems"]
    assert problem["message"].startswith("payout BAD is blocked: the totals add up to 0.10 SEK")
    assert "is blocked" in shop.run("log").out
