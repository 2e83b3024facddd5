"""The sandbox follows the vendors' own contracts, and a client made from them can talk to it."""

import base64
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
import zeep.transports
from lxml import etree

from klarna24.sandbox.office.contract import SERVICES
from klarna24.sandbox.office.schema import Field, Service
from klarna24.sandbox.server import Sandbox
from tests.support.contracts import SOAP, XSD, contracts_folder, needs_contracts, schema_of, vendor, wsdl
from tests.support.sandbox_calls import GOOD, TODAY, bundles, credential, login, soap

pytestmark = needs_contracts
DAY = "2026-11-19T00:00:00"
PNG = b"\x89PNG\r\n\x1a\n" + b"IEND\xaeB`\x82"  # as much of one as the sandbox looks at

# 24SevenOffice's WSDLs


def vendor_fields(root: Any, name: str) -> list[Field]:
    """The fields of the type in the vendor's order; those of the type that it extends come first."""
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
    types = list(service.operations)  # types of requests are complete
    while types:
        name = types.pop()
        assert name not in service.partial
        types += [field.type for field in service.types[name] if field.type in service.types]


def test_enumerations_address_and_actions_are_the_vendors(service: Service) -> None:
    root = vendor(service)
    for name, values in service.enums.items():
        path = f"//x:simpleType[@name='{name}']//x:enumeration/@value"
        assert list(values) == root.xpath(path, namespaces=XSD)
    actions = root.xpath("//soap:operation/@soapAction", namespaces=SOAP)
    assert {service.action(operation) for operation in service.operations} <= set(actions)
    location = root.xpath("//soap:address/@location", namespaces=SOAP)[0]
    assert urlsplit(location).path == service.path


def test_requests_and_answers_are_valid_by_the_vendors_schema(tmp_path: Path) -> None:
    schemas = {service.name: schema_of(service, tmp_path) for service in SERVICES.values()}

    def validate(service: str, _: str, raw: bytes) -> list[str]:
        schema = schemas[service]
        schema.validate(etree.fromstring(raw)[0][0])
        return [entry.message for entry in schema.error_log]

    bodies = {
        "SaveBundleList": bundles(*GOOD, option=0),
        "GetEntryId": f"<argEntryId><Date>{DAY}</Date><SortNo>15</SortNo><EntryNo>0</EntryNo></argEntryId>",
        "GetCompanies": "<searchParams/><returnProperties><string>Name</string></returnProperties>",
        "GetTransactions": f"<searchParams><DateStart>{DAY}</DateStart><DateEnd>{DAY}</DateEnd>"
        '<SystemType xsi:nil="1"/><HasInvoiceId xsi:nil="1"/></searchParams>',
    }
    file = "<file><Id>1</Id><Type>Png</Type><StampNo>0</StampNo>{}</file>"
    frame = (
        "<FrameInfo><ImageFrameInfo><Id>1</Id><StampNo>1</StampNo><Status>0</Status></ImageFrameInfo></FrameInfo>"
    )
    bodies |= {
        "Create": "<type>Png</type>",
        "AppendChunk": f"{file.format('')}<buffer>{base64.b64encode(PNG).decode()}</buffer><offset>0</offset>",
        "Save": f"{file.format(frame)}<location>Journal</location>",
    }
    with Sandbox(today=TODAY, validate=validate) as box:
        session = login(box)
        for name in ("Login", "GetIdentitiesWithCredential"):
            bodies[name] = f"<credential>{credential(box)}</credential>"
        for service in sorted(SERVICES.values(), key=lambda each: each.name):  # so that it saves before it reads
            for operation in service.operations:
                body = bodies.get(operation, "")
                answer = soap(box, service.path, operation, body, session, service.namespace)
                assert answer.status_code == 200, answer.text
                assert validate(service.name, operation, answer.content) == [], operation
        assert len(box.office.home.ledger) == 3


def test_a_client_made_from_the_wsdls_saves_and_finds_a_voucher(box: Sandbox) -> None:
    untyped: Any = zeep  # has no types for its functions
    transport = untyped.transports.Transport(session=requests.Session())

    def client(name: str) -> Any:
        service = next(service for service in SERVICES.values() if service.name == name)
        made = untyped.Client(str(wsdl(name)), transport=transport)
        binding = next(b for b in made.wsdl.bindings if b.endswith("Soap"))
        return made.create_service(binding, box.url + service.path)

    def line(account: int, amount: str) -> dict[str, Any]:
        comment = "Klarna XISA93DJ payout"
        return {"AccountNo": account, "Date": day, "Amount": Decimal(amount), "Comment": comment}

    day = datetime(2026, 11, 19)  # noqa: DTZ001 - the service takes local times without a zone
    credentials = {
        "ApplicationId": box.office.application_id,
        "IdentityId": box.office.home.identity_id,
        "Password": box.office.password,
        "Username": box.office.username,
    }
    transport.session.cookies.set("ASP.NET_SessionId", client("Authenticate").Login(credentials))
    assert client("Authenticate").GetIdentity().Client.Id == box.office.home.client_id
    account = client("Account")
    assert account.GetAccountList()[0].AccountNo == min(box.office.home.chart)
    entries = {"Entry": [line(1930, "10.5"), line(1580, "-10.5")]}
    vouchers = {"Voucher": [{"TransactionNo": 0, "Sort": 9, "Entries": entries}]}
    named = {"Name": "Klarna XISA93DJ", "BundleDirectAccounting": True}
    bundle = {"YearId": 2026, "Vouchers": vouchers, "Sort": 9, **named}
    answer = account.SaveBundleList({"Bundles": {"Bundle": [bundle]}, "SaveOption": 1})
    assert (answer.Type, answer.Description) == ("Ok", None)
    number = box.office.book(box.office.home.drafts[0].id)
    search = {"DateStart": day, "DateEnd": day.replace(hour=23), "SystemType": None, "HasInvoiceId": None}
    found = client("Transaction").GetTransactions({**search, "AccountNoStart": 1930, "AccountNoEnd": 1930})
    assert [(row.TransactionNo, row.Amount) for row in found] == [(number, Decimal("10.5"))]
    assert client("Transaction").GetFiscalYears()[-1].IsLocked is False
    assert client("Client").GetClientInformation().DefaultCurrency == "SEK"
    company = client("Company").GetCompanies({"CompanyId": 1001}, {"string": ["Id", "Name"]})
    assert company[0].Name == "Klarna Bank AB"


# Klarna's OpenAPI document


def deviations(schemas: dict[str, Any], schema: dict[str, Any], value: Any, where: str = "") -> set[str]:
    """How a JSON value differs from its schema, each in a few words."""
    if "$ref" in schema:
        where = schema["$ref"].rpartition("/")[2]
        return deviations(schemas, schemas[where], value, where)
    if schema["type"] == "array":
        return {text for item in value for text in deviations(schemas, schema["items"], item, where)}
    if schema["type"] == "object":
        fields = schema["properties"]
        found = {f"{where}.{name} is unknown" for name in set(value) - set(fields)}
        found |= {f"{where}.{name} is missing" for name in set(schema["required"]) - set(value)}
        parts = (
            deviations(schemas, fields[name], value[name], f"{where}.{name}") for name in value if name in fields
        )
        return found.union(*parts)
    right = isinstance(value, {"string": str, "integer": int}[schema["type"]])
    return set() if right and value in schema.get("enum", [value]) else {f"{where} is {value!r}"}


def test_klarnas_answers_are_valid_by_the_openapi_document_but_for_what_is_known() -> None:
    yaml = pytest.importorskip("yaml", reason="PyYAML, which reads Klarna's contract, is not installed")
    text = (contracts_folder() / "klarna" / "settlements-openapi.yml").read_text(encoding="utf-8")
    schemas = yaml.safe_load(text)["components"]["schemas"]
    found: set[str] = set()
    with Sandbox(today=TODAY) as box:
        reference = box.klarna.payouts[0]["payment_reference"]
        for path, name in (
            ("payouts?size=5", "PayoutCollection"),
            ("payouts?size=500", "PayoutCollection"),
            (f"payouts/{reference}", "Payout"),
            *((f"transactions?size=500&offset={it}", "TransactionCollection") for it in (0, 500, 1000, 1500)),
            ("payouts?size=0", "ErrorResponse"),
            ("payouts/none", "ErrorResponse"),
        ):
            url = f"{box.url}/settlements/v1/{path}"
            answer = requests.get(url, auth=(box.klarna.username, box.klarna.password), timeout=30)
            assert answer.ok == (name != "ErrorResponse")
            found |= deviations(schemas, {"$ref": f"/{name}"}, answer.json())
        assert sum(map(len, box.klarna.transactions.values())) < 2000
    known = (Path(__file__).parent / "deviations.txt").read_text("utf-8").splitlines()
    assert found == {line for line in known if not line.startswith("#")}
