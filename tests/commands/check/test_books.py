"""The checks of both services: Klarna's payouts, and the company's books in 24SevenOffice."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from klarna24.sandbox.office.company import Customer, FiscalYear
from tests.support.checks import OFFICE, advice, only_failure, password_file, run_check, write
from tests.support.shops import OpenShop, Shop, simple

TODAY = datetime.now(UTC).date()


def test_klarna_refuses_the_credentials(healthy: Shop) -> None:
    write(healthy, {"klarna": {"password": password_file(healthy, "wrong", "wrong-klarna-word")}})
    failed = only_failure(healthy, 4, "klarna", "refused the credentials")
    assert failed.next == "check username, password, region (europe) and environment (live)"
    assert "wrong-klarna-word" not in healthy.run("check").out


def test_klarna_is_unavailable(healthy: Shop, quick: None) -> None:
    healthy.box.faults.arm("klarna-503", times=None)
    assert only_failure(healthy, 5, "klarna").next == "the next run carries on"
    healthy.box.faults.clear()
    healthy.box.faults.arm("klarna-garbage", times=None)
    assert "klarna24 check" not in only_failure(healthy, 5, "klarna").next, "the reader has just run it"


def test_24sevenoffice_refuses_the_login(healthy: Shop) -> None:
    write(healthy, {"24sevenoffice": {"password": password_file(healthy, "wrong", "wrong-office-word")}})
    failed = only_failure(healthy, 4, "24sevenoffice", not_tried=OFFICE - {"24sevenoffice"})
    assert failed.next == "check username, password, application_id and identity_id"
    assert "wrong-office-word" not in healthy.run("check").out


def test_a_cached_session_does_not_hide_a_wrong_password(healthy: Shop) -> None:
    assert healthy.sync().code == 0
    healthy.box.office.password = "another"
    advice(healthy, "24sevenoffice", "cannot log in with this password")


def test_24sevenoffice_logs_in_to_another_company(healthy: Shop) -> None:
    write(healthy, {"24sevenoffice": {"client_id": 3000011}})
    message = "logged in to company 3000024 (Exempelbutiken AB)"
    failed = only_failure(healthy, 3, "24sevenoffice", message, not_tried=OFFICE - {"24sevenoffice"})
    assert failed.next == "correct [profiles.shop1.24sevenoffice]; nothing was sent"


def test_24sevenoffice_is_unavailable_and_not_asked_again(healthy: Shop, quick: None) -> None:
    healthy.box.faults.arm("server-fault", times=None, operation="GetAccountList")
    failed = only_failure(healthy, 5, "accounts", not_tried=OFFICE - {"24sevenoffice", "accounts"})
    assert failed.next == "the next run carries on"
    assert not healthy.box.calls()["GetTypeList"]


@pytest.mark.parametrize(
    ("over", "code", "name", "message", "hint"),
    [
        ({"accounts": {"fees": 6065}}, 7, "account fees", "6065 is not in", "[profiles.shop1.accounts] fees"),
        ({"accounts": {"charges": {"FEE": 6991}}}, 7, "account charges.FEE", "6991", "charges.FEE"),
        ({"voucher": {"type": "Divers"}}, 3, "voucher.type", "there are: Kundfaktura (1)", "correct it"),
        ({"voucher": {"department_id": 30}}, 3, "voucher.department_id", "10 (Butik), 20 (Lager)", "correct it"),
        ({"voucher": {"customer_id": 77}}, 3, "customer, supplier", "customer_id = 77: not in", "create Klarna"),
    ],
    ids=["account", "account by type", "voucher type", "department", "customer"],
)
def test_what_the_company_does_not_have(
    healthy: Shop, over: dict[str, Any], code: int, name: str, message: str, hint: str
) -> None:
    write(healthy, over)
    assert hint in only_failure(healthy, code, name, message).next


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


@pytest.mark.parametrize(
    ("over", "status", "message"),
    [
        ({}, "advice", "payouts in EUR will be blocked"),
        ({"voucher": {"foreign_currency": "rate"}}, "ok", "keeps its books in SEK"),
        (
            {"voucher": {"foreign_currency": "rate"}, "klarna": {"currencies": ["USD"]}},
            "advice",
            "USD will be blocked",
        ),
        ({"klarna": {"currencies": ["SEK"]}}, "ok", "keeps its books in SEK"),
    ],
)
def test_payouts_in_a_foreign_currency_get_an_advice(
    open_shop: OpenShop, over: dict[str, Any], status: str, message: str
) -> None:
    payout, rows = simple("EURO")
    shop = open_shop(payouts=[({**payout, "currency_code": "EUR"}, rows), simple("XISA93DJ")])
    write(shop, over)
    found = run_check(shop)
    assert (found.code, found["currency"].status) == (0, status)
    assert message in found["currency"].message


def test_a_company_without_chart_or_currency_is_a_temporary_problem(healthy: Shop) -> None:
    healthy.box.office.home.home_currency = ""
    only_failure(healthy, 5, "currency")
    healthy.box.office.home.chart = {}
    only_failure(healthy, 5, "accounts", not_tried=OFFICE - {"24sevenoffice", "accounts"})


@pytest.mark.parametrize(("country", "currency"), [("Norge", "SEK"), ("", "NOK")])
def test_a_norwegian_company_without_fees_vat_is_reminded_of_reverse_charge(
    healthy: Shop, country: str, currency: str
) -> None:
    company = healthy.box.office.home
    company.country, company.home_currency = country, currency
    assert "reverse charge" not in run_check(healthy).checks
    write(healthy, {"accounts": {"fees_vat": None}})
    advice(healthy, "reverse charge", "omvendt avgiftsplikt")
    company.country, company.home_currency = "Sweden", "SEK"
    assert "reverse charge" not in run_check(healthy).checks
