"""The checks of both services: Klarna's payouts, and the company's books in 24SevenOffice."""

from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from klarna24.sandbox.office.company import Customer, FiscalYear
from tests.support import data
from tests.support.checks import OFFICE, advice, only_failure, run_check, write
from tests.support.shops import AT_ECB_RATES, OpenShop, Shop, simple

TODAY = datetime.now(ZoneInfo("Europe/Stockholm")).date()  # the shop's


def test_klarna_is_unavailable(healthy: Shop, quick: None) -> None:
    healthy.box.faults.arm("klarna-503", times=None)
    assert only_failure(healthy, 5, "klarna").next == "the next run carries on"
    healthy.box.faults.clear()
    healthy.box.faults.arm("klarna-garbage", times=None)
    assert "klarna24 check" not in only_failure(healthy, 5, "klarna").next, "the reader has just run it"


@pytest.mark.parametrize(
    ("key", "typed", "right"), [("merchant_ids", "N10198", "N100198"), ("currencies", "NOK", "SEK")]
)
def test_a_merchant_or_currency_that_the_login_has_never_had_is_named_with_those_it_has(
    healthy: Shop, key: str, typed: str, right: str
) -> None:
    write(healthy, {"klarna": {key: [typed]}})
    checks = run_check(healthy).checks
    assert checks[f"klarna.{key}"].status == "advice"
    assert f"no payouts of {typed} since" in checks[f"klarna.{key}"].message
    assert checks[f"klarna.{key}"].message.endswith(f"of {right}")
    write(healthy, {"klarna": {key: [right]}})
    assert f"klarna.{key}" not in run_check(healthy).checks


def test_a_cached_session_does_not_hide_a_wrong_password(healthy: Shop) -> None:
    assert healthy.sync().code == 0
    healthy.box.office.password = "another"
    advice(healthy, "24sevenoffice", "cannot log in with this password")


def test_24sevenoffice_is_unavailable_and_not_asked_again(healthy: Shop, quick: None) -> None:
    healthy.box.faults.arm("server-fault", times=None, operation="GetAccountList")
    failed = only_failure(healthy, 5, "accounts", not_tried=OFFICE - {"24sevenoffice", "accounts"})
    assert failed.next == "the next run carries on"
    assert not healthy.box.calls()["GetTypeList"]


FAILURES = data(__file__, "failures.toml")
SAID = ("code", "name", "message", "next", "not_tried")


@pytest.mark.parametrize("what", FAILURES)
def test_what_a_service_refuses_or_the_company_does_not_have(
    healthy: Shop, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    monkeypatch.setenv("WRONG", "a-wrong-word")
    said = FAILURES[what]
    over = {table: its for table, its in said.items() if table not in SAID}
    for table in over.values():
        if "password" in table:
            table["password"] = {**table["password"], "file": None}
    write(healthy, over)
    not_tried = OFFICE - {"24sevenoffice"} if "not_tried" in said else ()
    failed = only_failure(healthy, said["code"], said["name"], said.get("message", ""), not_tried)
    assert failed.next == said["next"]
    assert "a-wrong-word" not in healthy.run("check").out


def test_a_customer_whose_name_is_not_klarna_gets_an_advice_without_the_name(healthy: Shop) -> None:
    healthy.box.office.home.customers[7] = Customer("Anna Andersson", "Consumer")
    write(healthy, {"voucher": {"customer_id": 7}})
    message = advice(healthy, "voucher.customer_id").message
    assert message == "7 is in 24SevenOffice's CRM, but its name does not contain Klarna"


@pytest.mark.parametrize(
    ("what", "message", "hint"),
    [
        ("missing", "there is no fiscal year", "create it in 24SevenOffice"),
        ("locked", "is locked", "unlock it"),
        ("split", "is split", 'fiscal_year = "start" or "end"'),
    ],
)
def test_the_fiscal_year_of_today(healthy: Shop, what: str, message: str, hint: str) -> None:
    last_month = TODAY.replace(day=1) - timedelta(days=1)
    start = last_month.replace(month=max(last_month.month - 1, 1), day=1)
    healthy.box.office.home.fiscal_years = {
        "missing": [FiscalYear("", date(2001, 1, 1), date(2002, 1, 1))],
        "locked": [FiscalYear("", start, date(TODAY.year + 1, 1, 1), locked=True)],
        "split": [FiscalYear("", date(TODAY.year - 1, 7, 1), date(TODAY.year + 1, 7, 1))],
    }[what]
    assert hint in only_failure(healthy, 7, "fiscal year", message).next
    if what == "split":
        write(healthy, {"voucher": {"fiscal_year": "end"}})
        assert run_check(healthy)["fiscal year"].message == f"{TODAY.year + 1} is open on {TODAY}"


def in_euro_and_kronor(open_shop: OpenShop, over: dict[str, Any]) -> Shop:
    payout, rows = simple("EURO")
    shop = open_shop(payouts=[({**payout, "currency_code": "EUR"}, rows), simple("XISA93DJ")])
    write(shop, over)
    return shop


def currency_checks(shop: Shop) -> tuple[int, list[tuple[str, str, str]]]:
    """The exit code, and status, message and next step of each check of currencies."""
    result = shop.run("check", "--json")
    (profile,) = result.json["profiles"]
    checks = [check for check in profile["checks"] if check["name"] == "currency"]
    return result.code, [(check["status"], check["message"], check["next"]) for check in checks]


HOME = ("ok", "the company keeps its books in SEK", "")


@pytest.mark.parametrize(
    ("over", "advice"),
    [
        ({}, [("advice", "payouts in EUR will be blocked", '[profiles.shop1.voucher] foreign_currency = "ecb"')]),
        ({"klarna": {"currencies": ["SEK"]}}, []),
        ({**AT_ECB_RATES, "klarna": {"currencies": ["SEK"]}}, []),
    ],
)
def test_payouts_in_a_foreign_currency_are_blocked_unless_the_profile_converts_them(
    open_shop: OpenShop, over: dict[str, Any], advice: list[tuple[str, str, str]]
) -> None:
    shop = in_euro_and_kronor(open_shop, over)
    code, checks = currency_checks(shop)
    assert (code, checks[0]) == (0, HOME)
    assert [(status, message, step.partition(",")[0]) for status, message, step in checks[1:]] == advice
    assert not shop.box.calls()["eurofxref-hist-90d"]


def test_the_newest_rate_of_a_foreign_currency_is_shown(open_shop: OpenShop) -> None:
    shop = in_euro_and_kronor(open_shop, AT_ECB_RATES)
    newest = max(shop.box.ecb.days)
    worth = f"1 EUR = {shop.box.ecb.rate(newest, 'SEK').rstrip('0')} SEK"
    message = f"{worth} at the European Central Bank's newest rate, of {newest}"
    assert currency_checks(shop) == (0, [HOME, ("ok", message, "")])


@pytest.mark.parametrize("missing", ["currency_gain", "currency_loss"])
def test_an_account_for_differences_is_advised(open_shop: OpenShop, missing: str) -> None:
    accounts = {**AT_ECB_RATES["accounts"], missing: None}
    shop = in_euro_and_kronor(open_shop, {**AT_ECB_RATES, "accounts": accounts})
    code, checks = currency_checks(shop)
    assert (code, checks[-1]) == (
        0,
        (
            "advice",
            f"there is no account for {missing}: a payout with a difference will be blocked",
            f"[profiles.shop1.accounts] {missing} = ACCOUNT",
        ),
    )


@pytest.mark.parametrize(
    ("currency", "why"),
    [
        ("RUB", "the European Central Bank published no rate of RUB on"),
        ("JPY", "it does not have two decimals, which 24SevenOffice requires"),
    ],
)
def test_a_currency_that_cannot_be_converted_is_advised(open_shop: OpenShop, currency: str, why: str) -> None:
    shop = in_euro_and_kronor(open_shop, {**AT_ECB_RATES, "klarna": {"currencies": ["EUR", currency]}})
    code, checks = currency_checks(shop)
    [(status, message, step)] = [check for check in checks if currency in check[1]]
    assert (code, status, step) == (0, "advice", "book them by hand")
    assert message.startswith(f"payouts in {currency} will be blocked: {why}")


def test_a_bank_that_cannot_be_asked_fails_as_a_run_would(
    open_shop: OpenShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("klarna24.ecb.client.RETRY_SECONDS", 0.0)
    shop = in_euro_and_kronor(open_shop, AT_ECB_RATES)
    shop.box.faults.arm("ecb-status", times=None)
    address = f"{shop.box.url}/stats/eurofxref/eurofxref-hist-90d.xml"
    message = f"no rates from the European Central Bank: {address}: HTTP 503"
    assert currency_checks(shop) == (7, [HOME, ("failed", message, "try again later")])
    shop.top["rates_url"] = shop.box.url.replace("http:", "https:")
    write(shop, AT_ECB_RATES)
    code, [_, (status, _, step)] = currency_checks(shop)
    assert (code, status, step) == (7, "failed", "check rates_url, and the proxy if there is one")


def test_a_company_without_chart_or_currency_is_a_temporary_problem(healthy: Shop) -> None:
    healthy.box.office.home.home_currency = ""
    only_failure(healthy, 5, "currency")
    healthy.box.office.home.chart = {}
    only_failure(healthy, 5, "accounts", not_tried=OFFICE - {"24sevenoffice", "accounts"})


@pytest.mark.parametrize(("country", "currency"), [("Norge", "SEK"), ("", "NOK")])
def test_a_norwegian_company_without_a_vat_mode_reads_the_two_lines_to_choose_from(
    healthy: Shop, country: str, currency: str
) -> None:
    company = healthy.box.office.home
    company.country, company.home_currency = country, currency
    hint = advice(healthy, "vat.mode", "omvendt avgiftsplikt").next
    assert 'under [profiles.shop1.vat]: mode = "none", or mode = "reverse-charge" with' in hint
    write(healthy, {"vat": {"mode": "none"}})
    assert "vat.mode" not in run_check(healthy).checks
    company.country, company.home_currency = "Sweden", "SEK"
    write(healthy)
    assert "vat.mode" not in run_check(healthy).checks


def test_the_vat_code_is_known_by_its_number(healthy: Shop) -> None:
    """72 is the id of number 1: an entry takes the number."""
    write(healthy, {"vat": {"tax_code": "1"}})
    assert run_check(healthy)["vat.tax_code"].message == "1 Ingående moms 25 %"
    write(healthy, {"vat": {"tax_code": "72"}})
    failed = only_failure(healthy, 3, "vat.tax_code", "there are: 0 (Ingen moms), 1 (Ingående moms 25 %), 11 (")
    assert failed.next == "correct it"
    assert healthy.sync().code == 3
    assert not healthy.drafts()
