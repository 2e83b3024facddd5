"""The sandbox's field tables are the vendor's, and the vendor's contract can talk to it."""

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import requests
import zeep.transports
from lxml import etree

from klarna24.sandbox.office.contract_transaction import SERVICES
from klarna24.sandbox.office.schema import Field, Service
from klarna24.sandbox.server import Sandbox
from tests.support.contracts import CONTRACTS, FILES, SOAP, XSD, needs_contracts, schema_of, vendor
from tests.support.sandbox_calls import GOOD, bundles, credential, login, soap

pytestmark = needs_contracts


def vendor_fields(root: Any, name: str) -> list[Field]:
    """The type's fields in the vendor's order, those of the type that it extends first."""
    node = root.xpath(f"//x:schema/*[@name='{name}']", namespaces=XSD)[0]
    base = node.xpath(".//x:extension/@base", namespaces=XSD)
    inherited = vendor_fields(root, base[0].split(":")[1]) if base else []
    return inherited + [
        Field(
            element.get("name"),
            element.get("type").split(":")[1],
            element.get("minOccurs") == "1",
            element.get("maxOccurs") == "unbounded",
            element.get("nillable") == "true",
            element.get("default"),
        )
        for element in node.xpath(".//x:sequence/x:element", namespaces=XSD)
    ]


def test_every_type_has_the_vendors_fields_in_the_vendors_order(service: Service) -> None:
    root = vendor(service)
    for name, fields in service.types.items():
        theirs = vendor_fields(root, name)
        if name in service.partial:
            theirs = [field for field in theirs if field in fields]
        assert list(fields) == theirs, name


def test_types_of_requests_are_complete(service: Service) -> None:
    """Only what the sandbox sends may be listed in part."""
    wanted = list(service.operations)
    while wanted:
        name = wanted.pop()
        assert name not in service.partial
        wanted += [field.type for field in service.types[name] if field.type in service.types]


def test_enumerations_address_and_actions_are_the_vendors(service: Service) -> None:
    root = vendor(service)
    for name, values in service.enums.items():
        path = f"//x:simpleType[@name='{name}']//x:enumeration/@value"
        assert list(values) == root.xpath(path, namespaces=XSD)
    actions = root.xpath("//soap:operation/@soapAction", namespaces=SOAP)
    assert {service.action(operation) for operation in service.operations} <= set(actions)
    location = root.xpath("//soap:address/@location", namespaces=SOAP)[0]
    assert location == f"https://api.24sevenoffice.com{service.path}"


def test_requests_and_answers_fit_the_vendors_schema(tmp_path: Path) -> None:
    schemas = {service.name: schema_of(service, tmp_path) for service in SERVICES.values()}

    def validate(service: str, _: str, raw: bytes) -> list[str]:
        schema = schemas[service]
        schema.validate(etree.fromstring(raw)[0][0])
        return [entry.message for entry in schema.error_log]

    requests_ = {
        "SaveBundleList": bundles(*GOOD, option=0),
        "GetEntryId": "<argEntryId><Date>2026-11-19T00:00:00</Date><SortNo>15</SortNo>"
        "<EntryNo>0</EntryNo></argEntryId>",
        "CheckAccountNo": "<accountList><AccountData><AccountNo>1</AccountNo></AccountData></accountList>",
        "GetCompanies": "<searchParams/><returnProperties><string>Name</string></returnProperties>",
        "GetTransactions": "<searchParams><DateStart>2026-01-01T00:00:00</DateStart>"
        '<DateEnd>2026-12-31T00:00:00</DateEnd><SystemType xsi:nil="1"/><HasInvoiceId xsi:nil="1"/>'
        "</searchParams>",
    }
    with Sandbox(today=date(2026, 11, 24), validate=validate) as box:
        session = login(box)
        requests_["SetIdentityById"] = f"<identityId>{box.office.home.identity_id}</identityId>"
        for name in ("Login", "GetIdentitiesWithCredential"):
            requests_[name] = f"<credential>{credential(box)}</credential>"
        for service in sorted(SERVICES.values(), key=lambda each: each.name):  # saves before it reads
            for operation in service.operations:
                body = requests_.get(operation, "")
                answer = soap(box, service.path, operation, body, session, service.namespace)
                assert answer.status_code == 200, answer.text
                assert validate(service.name, operation, answer.content) == [], operation
        assert len(box.office.home.ledger) == 3


def test_a_client_made_from_the_vendors_contract_saves_and_finds_a_voucher() -> None:
    untyped: Any = zeep  # has no types for its functions
    with Sandbox(today=date(2026, 11, 24)) as box, requests.Session() as session:

        def client(name: str) -> Any:
            found = next(service for service in SERVICES.values() if service.name == name)
            wsdl = untyped.Client(
                str(CONTRACTS / FILES[name]), transport=untyped.transports.Transport(session=session)
            )
            binding = f"{{{found.namespace}}}{name}ServiceSoap"
            if binding not in wsdl.wsdl.bindings:
                binding = next(b for b in wsdl.wsdl.bindings if b.endswith("Soap"))
            return wsdl.create_service(binding, box.url + found.path)

        def entry(account: int, amount: str) -> dict[str, Any]:
            return {
                "AccountNo": account,
                "Date": datetime(2026, 11, 19),  # noqa: DTZ001 - as the service wants it
                "Amount": Decimal(amount),
                "Comment": "Klarna XISA93DJ payout",
            }

        login = client("Authenticate").Login(
            {
                "ApplicationId": box.office.application_id,
                "IdentityId": box.office.home.identity_id,
                "Password": box.office.password,
                "Username": box.office.username,
            }
        )
        session.cookies.set("ASP.NET_SessionId", login)
        assert client("Authenticate").GetIdentity().Client.Id == box.office.home.client_id
        account = client("Account")
        assert account.GetAccountList()[0].AccountNo == min(box.office.home.chart)
        voucher = {
            "TransactionNo": 0,
            "Sort": 9,
            "Entries": {"Entry": [entry(1930, "10.5"), entry(1580, "-10.5")]},
        }
        bundle = {
            "YearId": 2026,
            "Vouchers": {"Voucher": [voucher]},
            "Sort": 9,
            "Name": "Klarna XISA93DJ",
            "BundleDirectAccounting": True,
        }
        answer = account.SaveBundleList({"Bundles": {"Bundle": [bundle]}, "SaveOption": 1})
        assert (answer.Type, answer.Description) == ("Ok", None)
        number = box.office.book(box.office.home.drafts[0].id)
        found = client("Transaction").GetTransactions(
            {
                "DateStart": datetime(2026, 11, 19),  # noqa: DTZ001 - as the service wants it
                "DateEnd": datetime(2026, 11, 19, 23, 59, 59),  # noqa: DTZ001 - as the service wants it
                "AccountNoStart": 1930,
                "AccountNoEnd": 1930,
                "SystemType": None,
                "HasInvoiceId": None,
            }
        )
        assert [(row.TransactionNo, row.Amount) for row in found] == [(number, Decimal("10.5"))]
        assert client("Transaction").GetFiscalYears()[-1].IsLocked is False
        assert client("Client").GetClientInformation().DefaultCurrency == "SEK"
        company = client("Company").GetCompanies({"CompanyId": 1001}, {"string": ["Id", "Name"]})
        assert company[0].Name == "Klarna Bank AB"
        assert box.errors == []
