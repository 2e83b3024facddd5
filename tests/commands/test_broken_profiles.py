"""A fault in one profile's table stops that profile only, with 3, and is told wherever the profile is."""

from typing import Any

import pytest

from tests.support.bookkeeping import merged
from tests.support.mail_server import OpenMail, email, text
from tests.support.shops import OpenShop, Shop, shops, simple

BROKEN: dict[str, Any] = {"timezone": "Mars"}
FAULT = "profiles.shop2.timezone: unknown time zone 'Mars'"


@pytest.fixture
def three(open_shop: OpenShop) -> Shop:
    """Three shops of one company, with a payout each; the settings of the second one have a fault."""
    return shops(open_shop, 3, shop2=BROKEN)


def test_the_others_run_and_the_broken_one_is_named(three: Shop) -> None:
    result = three.run("sync", "--all")
    assert result.code == 3
    (line,) = result.lines()
    assert line.startswith(f"klarna24: shop2: {three.config}, line ")
    assert FAULT in line
    assert line.endswith(f" → edit {three.config}")
    assert three.stored() == {"REF1": "drafted", "REF3": "drafted"}
    again = three.run("sync", "--all")
    assert (again.code, FAULT in again.err, len(three.drafts())) == (3, True, 2), "nobody is due, and it is told"


@pytest.mark.parametrize("command", ["sync", "dry-run"])
def test_its_faults_are_its_problems_in_json(three: Shop, command: str) -> None:
    document = three.run(command, "--all", "--json").json
    assert (document["exit_code"], document["problems"]) == (3, [])
    problems = {it["profile"]: it["problems"] for it in document["profiles"]}
    (problem,) = problems.pop("shop2")
    assert (problem["code"], FAULT in problem["message"]) == ("config", True)
    assert problems == {"shop1": [], "shop3": []}


def test_every_command_of_several_profiles_goes_on_with_the_others(three: Shop) -> None:
    three.run("sync", "--all")
    three.config.write_text(f'archive = "{three.folder / "archive"}"\n{three.config.read_text()}')
    seen = {}
    for command in (["dry-run", "--all"], ["check"], ["report"], ["archive"], ["schedule", "--all"]):
        result = three.run(*command)
        assert (result.code >= 3, FAULT in result.err + " ".join(result.out.split())) == (True, True), command
        seen[command[0]] = result.out
    assert "klarna24" in seen["schedule"]
    assert "shop1: " in seen["archive"]
    for command, shown in ((["status"], "shop1"), (["list"], "REF1")):
        result = three.run(*command)
        assert (result.code, FAULT in result.err, shown in result.out) == (0, True, True), "it could read"
    status = {it["profile"]: it["problems"] for it in three.run("status", "--json").json["profiles"]}
    assert (status["shop1"], [FAULT in it["message"] for it in status["shop2"]]) == ([], [True])


@pytest.mark.parametrize(
    "command",
    [
        ["sync", "--profile", "shop2"],
        ["dry-run", "--profile", "shop2"],
        ["check", "--profile", "shop2", "-q"],
        ["report", "--profile", "shop2"],
        ["schedule", "--profile", "shop2"],
    ],
    ids=lambda command: command[0],
)
def test_a_named_profile_that_is_broken_ends_with_3(three: Shop, command: list[str]) -> None:
    if command[-1] == "-q":
        command = ["-q", *command[:-1]]
    result = three.run(*command)
    assert (result.code, FAULT in result.err) == (3, True)
    assert not three.box.requests
    fine = three.run("sync", "--profile", "shop1")
    assert (fine.code, fine.err) == (0, ""), "a broken profile that is not asked for is not told of"


def test_check_tells_the_faults_and_tries_the_others(three: Shop) -> None:
    document = three.run("check", "--json").json
    checks = {it["profile"]: it["checks"] for it in document["profiles"]}
    (only,) = checks["shop2"]
    assert (only["name"], only["status"], FAULT in only["message"]) == ("profiles.toml", "failed", True)
    assert {it["status"] for it in checks["shop1"]} <= {"ok", "advice"}
    assert document["exit_code"] == 3


def test_check_as_cron_tells_them_too(three: Shop) -> None:
    result = three.run("check", "--as-cron", "--profile", "shop2")
    assert (result.code, FAULT in " ".join(result.out.split())) == (3, True)


def test_its_payouts_are_not_taken_for_those_of_a_profile_that_is_gone(open_shop: OpenShop) -> None:
    """Else another profile would draft them, or settle them."""
    shop = open_shop(payouts=[simple("A")])
    shop.box.faults.arm("cut-after-save")
    assert shop.sync().code == 8
    shop.write(BROKEN, shop2={})
    result = shop.run("sync", "--profile", "shop2")
    assert (result.code, "payout A belongs to profile shop1, which has faults" in result.err) == (3, True)
    assert len(shop.drafts()) == 1


def test_its_faults_are_mailed_to_its_own_address_once(open_shop: OpenShop, open_mail: OpenMail) -> None:
    mail = open_mail()
    shop = open_shop(payouts=[simple("A")])
    own = email(shop, mail, to=["own@shop2.se"])
    shop.write({"klarna": {"currencies": ["SEK"]}}, shop2=merged(own, BROKEN))
    for _ in range(2):
        assert shop.run("sync", "--all", "--now").code == 3
    (sent,) = mail.mails
    assert "own@shop2.se" in sent["To"]
    assert FAULT in " ".join(text(sent).split())
    shop.write({"klarna": {"currencies": ["SEK"]}}, shop2=merged(own, {"klarna": {"currencies": ["EUR"]}}))
    assert shop.run("sync", "--all", "--now").code == 0
    assert len(mail.mails) == 2, "that it is over"


# Two profiles that would book the same payouts


def test_check_fails_where_sync_would_for_two_user_names_of_one_merchant(open_shop: OpenShop) -> None:
    """profiles.toml cannot tell: the payouts do."""
    shop = open_shop(payouts=[simple("A")])
    assert shop.sync().code == 0
    shop.box.klarna.username = "K2"
    shop.write({"klarna": {"username": "K1"}}, twin={"klarna": {"username": "K2"}})
    for command in ("check", "sync"):
        result = shop.run(command, "--profile", "twin")
        told = " ".join((result.out + result.err).split())
        assert (result.code, "payout A belongs to profile shop1, and profile twin sees it too" in told) == (
            3,
            True,
        )


@pytest.mark.parametrize("filters", [{}, {"klarna": {"currencies": ["SEK", "EUR"]}}])
def test_check_fails_where_sync_would_for_two_profiles_with_the_same_payouts(
    open_shop: OpenShop, filters: dict[str, Any]
) -> None:
    shop = open_shop(payouts=[simple("A")])
    shop.write(None, twin=filters)
    for command in (["check"], ["sync", "--all"]):
        result = shop.run(*command)
        told = " ".join((result.out + result.err).split())
        assert (result.code, told.count("profiles shop1 and twin would book the same payouts:")) == (3, 2), told
    assert shop.drafts() == []
    shop.write({"klarna": {"currencies": ["SEK"]}}, twin={"klarna": {"currencies": ["EUR"]}})
    assert shop.run("sync", "--all").code == 0
