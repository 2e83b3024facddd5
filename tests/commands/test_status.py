"""status and log: what a person and a monitor ask between runs."""

from datetime import timedelta

import pytest

from klarna24.cli.main import klarna24
from tests.support.shops import NOON, OpenShop, Shop, simple

WRONG = {"sale_amount": 100_000, "settlement_amount": 99_000}


def waiting(shop: Shop, *options: str) -> dict[str, dict[str, object]]:
    """Each payout that waits, by its reference."""
    profiles = shop.run("status", *options, "--json").json["profiles"]
    return {it["payment_reference"]: it for one in profiles for it in one["waiting"]}


def test_a_blocked_payout_shows_all_of_klarnas_totals_and_every_command_that_ends_it(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[simple("BAD", **WRONG)])
    skip = "klarna24 resolve --profile shop1 BAD --skip"
    run = shop.sync("--json")
    [payout] = run.json["profiles"][0]["payouts"]
    assert (payout["totals"]["sale"], payout["totals"]["settlement"]) == ("1000.00", "990.00")
    assert f"or book it by hand, then {skip}" in run.json["profiles"][0]["problems"][0]["hint"]
    it = waiting(shop)["BAD"]
    assert it["totals"] == payout["totals"]
    assert it["commands"] == ["klarna24 sync --profile shop1 --now", skip]
    assert str(it["hint"]).endswith(skip)


def test_what_klarna_changed_after_it_was_drafted_waits_until_a_person_has_settled_it(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[simple("A"), simple("B", 1)])
    shop.sync()
    totals = shop.box.klarna.payouts[0]["totals"]
    before = dict(totals)
    for _ in range(2):
        totals["fee_amount"] += 100
        totals["settlement_amount"] -= 100
        assert shop.sync("--now").code == 7
    it = waiting(shop)["A"]
    assert (it["status"], it["commands"]) == ("drafted", ["klarna24 resolve --profile shop1 A --drafted"])
    assert "changed at Klarna after it was drafted" in str(it["reason"])
    assert shop.resolve("A", "--drafted").code == 0
    assert waiting(shop) == {}
    totals.update(before)
    assert shop.sync("--now").code == 7
    assert [*waiting(shop)] == ["A"]
    totals["fee_amount"] += 200
    totals["settlement_amount"] -= 200
    assert shop.sync("--now").code == 0
    assert waiting(shop) == {}, "Klarna has changed it back"
    what = [event["what"] for event in shop.run("log", "--reference", "a", "--json").json["events"]]
    assert what.count("changed") == 4


def test_what_waits_for_a_person_has_the_exit_code_of_the_worst(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[simple("A"), simple("BAD", 1, **WRONG), simple("OLD", 2)])
    assert (shop.run("status", "--waiting").code, waiting(shop, "--waiting")) == (0, {})
    shop.box.faults.arm("cut-after-save", after=1)
    assert shop.sync().code == 8
    assert [*waiting(shop, "--waiting")] == ["BAD", "A"]
    assert (shop.run("status", "--waiting").code, shop.run("status").code) == (8, 0)
    shop.resolve("A", "--drafted")
    assert shop.run("status", "--waiting").code == 7
    shop.resolve("BAD", "--skip")
    result = shop.run("status", "--waiting")
    assert (result.code, result.out) == (0, "")


def test_a_payout_that_only_waits_for_the_next_run_needs_nobody(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[simple("A")])
    shop.box.faults.arm("too-many", operation="SaveBundleList")
    assert shop.sync().code == 5
    assert waiting(shop)["A"]["commands"] == ["klarna24 sync --profile shop1 --now"]
    assert (waiting(shop, "--waiting"), shop.run("status", "--waiting").code) == ({}, 0)


# The log


def references(shop: Shop, *options: str) -> list[str]:
    return [it["payment_reference"] for it in shop.run("log", *options, "--json").json["events"]]


def test_the_log_of_one_reference_since_a_day_or_of_the_newest_events(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[simple("AAA"), simple("BBB", 1)])
    shop.sync()
    everything = references(shop)
    assert references(shop, "--reference", "bbb") == ["BBB"] * 3
    for number in (1, 2, len(everything), 1_000):
        assert references(shop, "-n", str(number)) == everything[-number:]
    assert references(shop, "--reference", "AAA", "-n", "1") == ["AAA"]
    assert references(shop, "--since", f"{NOON:%Y-%m-%d}") == everything
    assert references(shop, "--since", f"{NOON + timedelta(days=2):%Y-%m-%d}") == []
    assert shop.run("log", "-n", "0").code == shop.run("log", "--since", "yesterday").code == 2


# A payout's name


@pytest.mark.parametrize("typed", ["xisa93dj", "XISA93DJ", "xisa"])
def test_a_reference_is_taken_in_any_case_and_completed(open_shop: OpenShop, typed: str) -> None:
    shop = open_shop(payouts=[simple("XISA93DJ", **WRONG), simple("XBENMNZV", 1, **WRONG)])
    shop.sync()
    result = shop.resolve(typed, "--skip")
    assert (result.code, "payout XISA93DJ is skipped" in result.out) == (0, True)


def test_a_reference_that_is_itself_the_beginning_of_another_is_taken_as_it_stands(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[simple("AB", **WRONG), simple("ABC", 1, **WRONG), simple("ab", 2, **WRONG)])
    shop.sync()
    assert "payout ab is skipped" in shop.resolve("ab", "--skip").out
    assert "payout AB is skipped" in shop.resolve("AB", "--skip").out
    assert "payout ABC is skipped" in shop.resolve("Abc", "--skip").out


def test_a_beginning_of_several_references_names_none(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[simple("XISA93DJ", **WRONG), simple("XBENMNZV", 1, **WRONG)])
    shop.sync()
    for typed, said in (("x", "XBENMNZV, XISA93DJ → type more"), ("", "no payout"), ("%", "no payout")):
        result = shop.resolve(typed, "--skip")
        assert (result.code, said in result.err) == (2, True), typed


def test_the_shell_completes_the_references_that_wait(
    open_shop: OpenShop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shop = open_shop(payouts=[simple("XISA93DJ", **WRONG), simple("XBENMNZV", 1), simple("YIS", 2, **WRONG)])
    shop.sync()
    line = ["klarna24", "--config", str(shop.config), "resolve", "--profile", "shop1", "x"]
    monkeypatch.setenv("COMP_WORDS", " ".join(line))
    monkeypatch.setenv("COMP_CWORD", str(len(line) - 1))
    monkeypatch.setenv("_KLARNA24_COMPLETE", "bash_complete")
    with pytest.raises(SystemExit):
        klarna24.main(prog_name="klarna24", complete_var="_KLARNA24_COMPLETE")
    assert capsys.readouterr().out.split() == ["plain,XISA93DJ"]


def test_a_log_without_events_says_so_and_an_unknown_profile_is_refused(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[simple("A")])
    assert shop.run("log").out == "no events\n"
    assert shop.run("log", "--profile", "shop1").out == "no events\n"
    shop.sync()
    assert shop.run("log", "--reference", "XNOPE").out == "no events\n"
    wrong = shop.run("log", "--profile", "shpo1")
    assert (wrong.code, wrong.out, "did you mean shop1?" in wrong.err) == (3, "", True)
    assert shop.run("log", "--reference", "XNOPE", "--json").json["events"] == []
    shop.rename("other")
    assert "drafted" in shop.run("log", "--profile", "shop1").out, "those of a profile that is gone are kept"
