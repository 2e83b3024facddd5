"""24SevenOffice's side of the sandbox answers as docs/vendors/24sevenoffice.md says, and refuses what the contract
does not allow. The requests are written by hand, so that no client of ours is involved.
"""

import re
from datetime import date

import pytest
import requests

from klarna24.sandbox.office.company import FiscalYear
from klarna24.sandbox.server import Sandbox
from tests.support import data
from tests.support.sandbox_calls import (
    ACCOUNT,
    AUTH,
    GOOD,
    TNS,
    TODAY,
    bundles,
    credential,
    entry,
    login,
    save,
    soap,
    texts,
)

ECONOMY = "http://24sevenoffice.com/webservices/economy/accounting/"
CLIENT = "/Client/V001/ClientService.asmx"
COMPANY = "/CRM/Company/V001/CompanyService.asmx"
TRANSACTION = "/Economy/Accounting/V001/TransactionService.asmx"
DATED = "<Date>2026-11-19T00:00:00</Date>"


def ledger(box: Sandbox, session: str, more: str = "", end: str = "2026-11-24T23:59:59") -> requests.Response:
    dates = f"<DateStart>2026-11-01T00:00:00</DateStart><DateEnd>{end}</DateEnd>"
    nil = f'{more}<SystemType xsi:nil="true"/><HasInvoiceId xsi:nil="true"/>'
    body = f"<searchParams>{dates}{nil}</searchParams>"
    return soap(box, TRANSACTION, "GetTransactions", body, session, ECONOMY)


def test_login_answers_with_a_session_or_an_empty_string(box: Sandbox) -> None:
    assert len(login(box)) == 24
    assert login(box, Password="wrong") == login(box, identity=box.office.application_id) == ""


def test_login_without_an_identity_chooses_the_default_company(box: Sandbox) -> None:
    for identity in ("", "00000000-0000-0000-0000-000000000000"):
        answer = soap(box, AUTH, "GetIdentity", session=login(box, identity))
        assert texts(answer, "Name")[1] == "Andra Bolaget AB"
    answer = soap(box, AUTH, "GetIdentity", session=login(box))
    assert (texts(answer, "Name")[1], texts(answer, "Id")[0]) == ("Exempelbutiken AB", box.office.home.identity_id)
    answer = soap(box, AUTH, "GetIdentitiesWithCredential", f"<credential>{credential(box)}</credential>")
    assert texts(answer, "IsDefault") == ["true", "false"]


def test_a_call_after_the_session_has_expired_is_a_fault(box: Sandbox) -> None:
    session = login(box)
    assert texts(soap(box, AUTH, "HasSession", session=session), "HasSessionResult") == ["true"]
    box.office.expire_sessions()
    assert texts(soap(box, AUTH, "HasSession", session=session), "HasSessionResult") == ["false"]
    answer = save(box, session)
    assert answer.status_code == 500
    assert "Not authenticated" in texts(answer, "faultstring")[0]
    box.office.not_authenticated_as = "type"
    assert texts(save(box, session), "Type") == ["NotAuthenticated"]


def test_a_draft_is_in_the_ledger_only_after_a_person_has_booked_it(box: Sandbox) -> None:
    session = login(box)
    assert texts(save(box, session), "Type") == ["Ok"]
    assert texts(ledger(box, session), "Transaction") == []
    (draft,) = box.office.home.drafts
    assert (draft.name, draft.year, draft.sort) == ("Klarna A1", 2026, 9)
    number = box.office.book(draft.id)
    assert texts(ledger(box, session), "TransactionNo") == [str(number)] * 3
    assert texts(ledger(box, session), "Amount") == ["80.50", "19.50", "-100"]
    assert texts(ledger(box, login(box, "")), "Transaction") == [], "the other company has nothing"


def test_the_ledger_can_be_filtered_and_its_end_is_inclusive(box: Sandbox) -> None:
    session = login(box)
    save(box, session, bundles(*GOOD, option=0))  # 0 writes straight to the ledger
    account = "<AccountNoStart>6000</AccountNoStart><AccountNoEnd>6999</AccountNoEnd>"
    assert texts(ledger(box, session, account), "AccountNo") == ["6064"]
    assert len(texts(ledger(box, session, end="2026-11-19T00:00:00"), "Amount")) == 3
    assert texts(ledger(box, session, end="2026-11-18T23:59:59"), "Amount") == []
    assert texts(ledger(box, session, "<CustomerId>1001</CustomerId>"), "Amount") == []
    undated = '<searchParams><SystemType xsi:nil="1"/><HasInvoiceId xsi:nil="1"/></searchParams>'
    assert "DateStart" in soap(box, TRANSACTION, "GetTransactions", undated, session, ECONOMY).text


def test_the_next_number_follows_the_last_and_is_not_reserved(box: Sandbox) -> None:
    session = login(box)
    asked = f"<argEntryId>{DATED}<SortNo>15</SortNo><EntryNo>0</EntryNo></argEntryId>"
    save(box, session, bundles(*GOOD, option=0))
    for _ in range(2):
        assert texts(soap(box, ACCOUNT, "GetEntryId", asked, session), "EntryNo") == ["2"]
    asked = asked.replace("<SortNo>15", "<SortNo>9")
    assert texts(soap(box, ACCOUNT, "GetEntryId", asked, session), "EntryNo") == ["-1"]


def test_a_person_can_edit_and_delete_drafts(box: Sandbox) -> None:
    save(box, login(box))
    draft = box.office.home.drafts[0]
    box.office.edit_draft(draft.id, 1, AccountNo=6570)
    assert draft.entries[1]["AccountNo"] == 6570
    with pytest.raises(KeyError, match="Acount"):
        box.office.edit_draft(draft.id, Acount=1)
    box.office.delete_draft(draft.id)
    with pytest.raises(KeyError):
        box.office.book(draft.id)


REFUSED = data(__file__, "refused.toml")


def changed(changes: dict[str, str]) -> str:
    """The right request, changed; each pattern occurs in it."""
    body = bundles(*GOOD)
    for old, new in changes.items():
        body, count = re.subn(old, new, body)
        assert count
    return body


@pytest.mark.parametrize("message", REFUSED["vouchers"])
def test_a_wrong_voucher_is_refused_and_not_saved(box: Sandbox, message: str) -> None:
    answer = save(box, login(box), changed(REFUSED["vouchers"][message]))
    assert texts(answer, "Type") == ["Exception"]
    assert message in texts(answer, "Description")[0]
    assert not box.office.home.drafts + box.office.home.ledger


@pytest.mark.parametrize("what", REFUSED["requests"])
def test_a_request_that_the_contract_does_not_allow_is_a_client_fault(box: Sandbox, what: str) -> None:
    answer = save(box, login(box), changed(REFUSED["requests"][what]))
    assert (answer.status_code, texts(answer, "faultcode")) == (500, ["soap:Client"])
    assert not box.office.home.drafts


def test_an_entry_on_a_ledger_account_is_accepted_with_a_customer(box: Sandbox) -> None:
    body = bundles(entry(1510, "-1", before="<CustomerId>1001</CustomerId>"), entry(1930, "1"))
    assert texts(save(box, login(box), body), "Type") == ["Ok"]


def test_a_warning_is_ignored_only_if_it_is_named(box: Sandbox) -> None:
    box.office.warnings = {"vatismissingfoundation"}
    session = login(box)
    assert "vatismissingfoundation" in texts(save(box, session), "Description")[0]
    ignored = bundles(*GOOD, warnings="<string>vatismissingfoundation</string>")
    assert texts(save(box, session, ignored), "Type") == ["Ok"]


def test_the_envelope_is_checked(box: Sandbox) -> None:
    space = "http://schemas.xmlsoap.org/soap/envelope/"
    header = f'<s:Envelope xmlns:s="{space}"><s:Header><a s:mustUnderstand="1"/></s:Header><s:Body/></s:Envelope>'
    for raw, message in (
        ('<!DOCTYPE x [<!ENTITY a "aaa">]><x>&a;</x>', "DTD"),
        ("<x", "not XML"),
        ("<x/>", "SOAP 1.1"),
        (header, "understood"),
        (header.replace("1", "0"), "one element"),
        (f'<s:Body xmlns:s="{space}"><?x y?></s:Body>', "instructions"),
    ):
        assert message in save(box, "", data=raw.encode()).text
    assert save(box, "", headers={"Content-Type": "application/soap+xml"}).status_code == 415
    assert "SOAPAction" in save(box, "", headers={"SOAPAction": '"SaveBundleList"'}).text
    assert "SOAPAction says" in save(box, "", headers={"SOAPAction": f'"{TNS}/GetTypeList"'}).text
    assert requests.get(box.url + ACCOUNT, timeout=30).status_code == 405


def test_the_size_of_a_request_can_be_limited(box: Sandbox) -> None:
    box.office.max_request_bytes = 500
    assert "Maximum request length" in texts(save(box, ""), "faultstring")[0]


def test_a_validator_is_asked_about_each_request_first() -> None:
    seen: list[tuple[str, str]] = []

    def refuse(service: str, operation: str, raw: bytes) -> list[str]:
        seen.append((service, operation))
        return ["line 1: no"] if b"AccountNo" in raw else []

    with Sandbox(today=TODAY, payouts=[], validate=refuse) as box:
        assert "line 1: no" in texts(save(box, login(box)), "faultstring")[0]
    assert seen == [("Authenticate", "Login"), ("Account", "SaveBundleList")]


def test_lists_leave_out_defaults_like_dotnet(box: Sandbox) -> None:
    session = login(box)
    chart = soap(box, ACCOUNT, "GetAccountList", session=session)
    assert {"1580", "1930", "2641", "6064"} <= set(texts(chart, "AccountNo"))
    assert texts(chart, "TaxNo") == texts(chart, "SandboxExtra") == []
    box.office.extra_elements = True
    assert texts(soap(box, ACCOUNT, "GetAccountList", session=session), "SandboxExtra")
    kinds = soap(box, ACCOUNT, "GetTypeList", session=session)
    assert dict(zip(texts(kinds, "Title"), texts(kinds, "TypeNo"), strict=True))["Diverse"] == "9"
    assert texts(soap(box, ACCOUNT, "GetTaxCodeList", session=session), "TaxNo") == ["0", "1", "11"]
    assert texts(soap(box, CLIENT, "GetDepartmentList", session=session), "Id") == ["10", "20"]
    assert texts(soap(box, CLIENT, "GetCurrencyList", session=session), "Symbol") == ["SEK", "EUR", "NOK"]
    assert texts(soap(box, CLIENT, "GetClientInformation", session=session), "DefaultCurrency") == ["SEK"]


def test_the_ending_date_of_a_fiscal_year_is_the_day_after_its_last(box: Sandbox) -> None:
    box.office.home.fiscal_years = [FiscalYear(box.office.application_id, date(2026, 7, 1), date(2027, 7, 1))]
    answer = soap(box, TRANSACTION, "GetFiscalYears", session=login(box), namespace=ECONOMY)
    assert texts(answer, "EndingDate") == ["2027-07-01T00:00:00"]


def test_companies_are_found_and_have_only_the_listed_properties(box: Sandbox) -> None:
    session = login(box)

    def found(search: str, *names: str) -> requests.Response:
        listed = "".join(f"<string>{name}</string>" for name in names)
        body = f"<searchParams>{search}</searchParams><returnProperties>{listed}</returnProperties>"
        return soap(box, COMPANY, "GetCompanies", body, session)

    assert texts(found("<CompanyName>klarna</CompanyName>", "Id", "Type"), "Id") == ["1001", "1002"]
    answer = found("<CompanyIds><int>1002</int></CompanyIds>", "Type")
    assert (texts(answer, "Type"), texts(answer, "Name")) == (["Supplier"], [])
    assert "must be listed" in texts(found("<CompanyId>1001</CompanyId>"), "Message")[0]
