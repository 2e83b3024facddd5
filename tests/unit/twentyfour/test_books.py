"""What is read of the company's books, and what is a fault of the profile."""

import logging
import re
from collections.abc import Callable
from datetime import date

import pytest
from lxml import etree

from klarna24.errors import ConfigFault, Unavailable
from klarna24.sandbox.office.company import FiscalYear
from klarna24.sandbox.office.company import VoucherType as SandboxType
from klarna24.sandbox.reply import Reply
from tests.support.bookkeeping import NOBODY
from tests.support.office import READS, Office, save


def replaced(*pairs: tuple[bytes, bytes]) -> Callable[[Reply], None]:
    """Return a change of an answer that replaces what must be in it."""

    def change(reply: Reply) -> None:
        for old, new in pairs:
            assert old in reply.body
            reply.body = reply.body.replace(old, new)

    return change


def test_the_books_are_what_the_company_has(office: Office) -> None:
    books, home = office.client().books(), office.box.office.home
    assert books.home_currency == "SEK"
    assert books.chart == home.chart
    kind = books.voucher_type
    assert (kind.number, kind.title, kind.series_id) == (9, "Diverse", 15)
    assert [(year.start, year.end, year.locked) for year in books.fiscal_years] == [
        (year.start, year.end, year.locked) for year in home.fiscal_years
    ]
    assert sorted(office.wire.operations()) == sorted(["Login", "GetIdentity", *READS]), "each is asked once"


@pytest.mark.parametrize("wanted", ["Diverse", "diverse", "DIVERSE", " Diverse ", 9])
def test_a_voucher_type_is_found_by_title_in_any_case_or_by_number(office: Office, wanted: str | int) -> None:
    assert office.client({"voucher": {"type": wanted}}).books().voucher_type.number == 9


@pytest.mark.parametrize("wanted", ["Övrigt", "9", 8, 519, 15, "Ingående balans", "Årsavslut", 0, -1])
def test_an_unknown_voucher_type_is_a_config_fault_that_lists_those_there_are(
    office: Office, wanted: str | int
) -> None:
    """519 is the type's id and 15 its series: neither is its number. System types cannot be chosen."""
    with pytest.raises(ConfigFault) as caught:
        office.client({"voucher": {"type": wanted}}).books()
    assert "[profiles.shop1.voucher] type" in caught.value.message
    assert "Diverse (9)" in caught.value.message
    assert "Årsavslut (-1)" not in caught.value.message


def test_an_ambiguous_title_asks_for_the_number(office: Office) -> None:
    office.box.office.home.types.append(SandboxType(type_id=599, number=19, title="DIVERSE", series=20))
    with pytest.raises(ConfigFault, match=r"Diverse \(9\).*DIVERSE \(19\)") as caught:
        office.client().books()
    assert "number" in caught.value.hint
    assert office.client({"voucher": {"type": 19}}).books().voucher_type.series_id == 20


def test_the_department_must_exist(office: Office) -> None:
    office.client({"voucher": {"department_id": 20}}).books()
    with pytest.raises(ConfigFault, match=r"department_id = 30.*10 \(Butik\), 20 \(Lager\)"):
        office.client({"voucher": {"department_id": 30}}).books()
    office.box.office.home.departments.clear()
    with pytest.raises(ConfigFault, match="there are: none"):
        office.client({"voucher": {"department_id": 20}}).books()


@pytest.mark.parametrize(
    ("given", "unknown"),
    [
        ({"customer_id": 1001}, None),
        ({"supplier_id": 1002}, None),
        ({"customer_id": 1001, "supplier_id": 1002}, None),
        ({"customer_id": 1001, "supplier_id": 1001}, None),
        ({"customer_id": 999}, "customer_id = 999"),
        ({"supplier_id": 999}, "supplier_id = 999"),
        ({"customer_id": 1001, "supplier_id": 999}, "supplier_id = 999"),
        ({"customer_id": 999, "supplier_id": 1002}, "customer_id = 999"),
    ],
)
def test_customer_and_supplier_must_be_in_the_crm_and_one_call_asks_for_both(
    office: Office, given: dict[str, int], unknown: str | None
) -> None:
    client = office.client({"voucher": given})
    if unknown is None:
        client.books()
    else:
        with pytest.raises(ConfigFault, match=unknown):
            client.books()
    assert office.wire.operations().count("GetCompanies") == 1


def test_an_api_exception_of_the_crm_is_no_unknown_customer(office: Office) -> None:
    company = (
        b"<tns:Company><tns:APIException><tns:Message>too\nbusy</tns:Message></tns:APIException></tns:Company>"
    )

    def refuse(reply: Reply) -> None:
        reply.body = re.sub(rb"<tns:Company>.*?</tns:Company>", company, reply.body, flags=re.DOTALL)

    office.wire.change("GetCompanies", refuse)
    with pytest.raises(Unavailable, match="toobusy"):
        office.client({"voucher": {"customer_id": 1001}}).books()


@pytest.mark.parametrize(
    ("year", "start", "end", "zone"),
    [
        ("2025-07-01", "2025-07-01T00:00:00", "2026-07-01T00:00:00", "Europe/Stockholm"),
        ("2025-07-01", "2025-06-30T22:00:00Z", "2026-06-30T22:00:00Z", "Europe/Stockholm"),
        ("2025-07-01", "2025-06-30T22:00:00", "2026-06-30T22:00:00", "Europe/Stockholm"),
        ("2025-07-01", "2025-07-01T00:00:00+02:00", "2026-07-01T00:00:00+02:00", "Europe/Stockholm"),
        ("2025-07-01", "2025-07-01T00:00:00.0000000", "2026-07-01T00:00:00.0000000", "Europe/Stockholm"),
        ("2025-07-01", "2025-06-30T21:00:00Z", "2026-06-30T21:00:00Z", "Europe/Helsinki"),
        ("2026-01-01", "2025-12-31T23:00:00", "2026-12-31T23:00:00", "Europe/Stockholm"),
    ],
)
def test_the_bounds_of_a_fiscal_year_are_the_days_that_are_meant(
    office: Office, year: str, start: str, end: str, zone: str
) -> None:
    """Times of the API are in UTC: the midnight of a shop in Stockholm may be two hours before it."""
    first = date.fromisoformat(year)
    after = first.replace(year=first.year + 1)
    office.box.office.home.fiscal_years = [FiscalYear(NOBODY, first, after, locked=True)]
    bounds = {first: start, after: end}
    office.wire.change(
        "GetFiscalYears", replaced(*((f"{day}T00:00:00".encode(), it.encode()) for day, it in bounds.items()))
    )
    (found,) = office.client({"timezone": zone}).books().fiscal_years
    assert (found.start, found.end, found.locked) == (first, after, True)


# Answers that do not follow the contract


def test_unknown_elements_are_skipped_and_what_follows_them_is_read(office: Office) -> None:
    """A new version of a service may add elements anywhere: first, last, and inside lists."""
    over = {"voucher": {"department_id": 10, "customer_id": 1001, "transaction_no": "next"}}
    plain = office.client(over).books()

    def add(reply: Reply) -> None:
        root = etree.fromstring(reply.body)
        (result,) = root[0][0]
        for element in [each for each in result.iter("{*}*") if len(each)]:
            space = element[0].tag.partition("}")[0] + "}"
            element.insert(0, etree.Element(f"{space}OddFirst", attrib={"odd": "1"}))
            etree.SubElement(etree.SubElement(element, f"{space}OddLast"), f"{space}Id").text = "no number"
        reply.body = etree.tostring(root)

    for operation in (*READS, "GetIdentity", "GetDepartmentList", "GetCompanies", "GetEntryId"):
        office.wire.change(operation, add)
    office.box.office.extra_elements = True
    client = office.client(over)
    assert client.books() == plain
    assert save(client).kind == "drafted"


@pytest.mark.parametrize(
    ("operation", "old", "new"),
    [
        ("GetFiscalYears", b"2026-01-01T00:00:00", b"soon"),
        ("GetFiscalYears", b"2026-01-01T00:00:00", b"9999-12-31T23:59:59"),
        ("GetAccountList", b"GetAccountListResult", b"GetAccountLostResult"),
    ],
)
def test_a_value_that_cannot_be_read_is_unavailable_and_no_bug(
    office: Office, operation: str, old: bytes, new: bytes
) -> None:
    office.wire.change(operation, replaced((old, new)))
    with pytest.raises(Unavailable):
        office.client().books()


def test_a_value_that_zeep_cannot_read_prints_nothing(
    office: Office, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Python prints what is logged as an error and nobody handles: cron would mail a traceback."""
    office.wire.change("GetAccountList", replaced((b">1940<", b">x<")))
    monkeypatch.setattr(logging.root, "handlers", [])
    books = office.client().books()
    assert 1930 in books.chart
    assert 1940 not in books.chart
    assert capfd.readouterr().err == ""


def test_a_company_without_a_currency_or_a_chart_is_unavailable_and_not_guessed(office: Office) -> None:
    home = office.box.office.home
    home.home_currency, currency = "", home.home_currency
    with pytest.raises(Unavailable, match="currency"):
        office.client().books()
    home.home_currency = currency
    home.chart.clear()
    with pytest.raises(Unavailable, match="chart of accounts"):
        office.client().books()
