"""Our contracts are the vendor's, cut down: what is left is equal in every respect.

And what we send fits the vendor's own schema: 25 payouts through the real command line, each request checked.
"""

from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from lxml import etree

import klarna24.twentyfour
from klarna24.sandbox.klarna.generate import big_payout, make_payout
from klarna24.sandbox.office.contract import SERVICES
from tests.support.contracts import FILES, SOAP, XSD, contracts_folder, needs_contracts, schema_of
from tests.support.shops import AT_ECB_RATES, NOON, OpenShop, Shop

pytestmark = needs_contracts

OURS = Path(klarna24.twentyfour.__file__).parent / "contracts"
NAMES = {**SOAP, **XSD, "w": "http://schemas.xmlsoap.org/wsdl/"}


class Part(NamedTuple):
    """An element of a complex type; the type is with its namespace, the occurrence with XML Schema's defaults."""

    name: str
    type: tuple[str | None, str]
    minimum: str
    maximum: str
    nillable: bool
    default: str | None


class Contract:
    """One WSDL file."""

    def __init__(self, path: Path) -> None:
        self.root = etree.parse(path).getroot()

    def find(self, path: str) -> list[Any]:
        found: Any = self.root.xpath(path, namespaces=NAMES)
        return list(found)

    def named(self, kind: str) -> list[str]:
        return [str(name) for name in self.find(f"w:types/x:schema/x:{kind}/@name")]

    def node(self, name: str) -> Any:
        (node,) = self.find(f"w:types/x:schema/*[@name='{name}']")
        return node

    def space(self, name: str) -> Any:
        return self.node(name).getparent().get("targetNamespace")

    def parts(self, name: str) -> list[Part]:
        """In order; those of a type that is extended come first."""
        node = self.node(name)
        bases = node.xpath(".//x:extension/@base", namespaces=NAMES)
        inherited = self.parts(bases[0].rpartition(":")[2]) if bases else []
        return inherited + [self._part(each) for each in node.xpath(".//x:sequence/x:element", namespaces=NAMES)]

    def _part(self, element: Any) -> Part:
        prefix, _, kind = element.get("type").rpartition(":")
        return Part(
            element.get("name"),
            (element.nsmap[prefix or None], kind),
            element.get("minOccurs", "1"),
            element.get("maxOccurs", "1"),
            element.get("nillable") == "true",
            element.get("default"),
        )

    def operation(self, name: str) -> dict[str, Any]:
        """All that decides how a call looks on the wire, through the SOAP 1.1 binding."""
        (bound,) = self.find(f"w:binding[soap:binding]/w:operation[@name='{name}']")
        (action,) = bound.xpath("soap:operation", namespaces=NAMES)
        binding = bound.getparent().find("soap:binding", NAMES)
        port = bound.getparent().get("type").rpartition(":")[2]
        (ported,) = self.find(f"w:portType[@name='{port}']/w:operation[@name='{name}']")
        return {
            "action": action.get("soapAction"),
            "style": action.get("style") or binding.get("style"),
            "transport": binding.get("transport"),
            "use": bound.xpath("w:input/soap:body/@use | w:output/soap:body/@use", namespaces=NAMES),
            "elements": [self._element(ported.find(f"w:{way}", NAMES)) for way in ("input", "output")],
        }

    def _element(self, way: Any) -> tuple[str | None, str]:
        (part,) = self.find(f"w:message[@name='{way.get('message').rpartition(':')[2]}']/w:part")
        prefix, _, name = part.get("element").rpartition(":")
        return part.nsmap[prefix or None], name

    def addresses(self) -> list[str]:
        return [str(location) for location in self.find("w:service/w:port/soap:address/@location")]


def vendors(ours: Contract) -> Contract:
    """The vendor's file at the same address."""
    (found,) = (
        theirs
        for theirs in map(Contract, sorted(contracts_folder().glob("24sevenoffice/*.wsdl")))
        if set(ours.addresses()) <= set(theirs.addresses())
    )
    return found


@pytest.fixture(params=sorted(OURS.glob("*.wsdl")), ids=lambda path: path.stem)
def pair(request: pytest.FixtureRequest) -> tuple[Contract, Contract]:
    ours = Contract(request.param)
    return ours, vendors(ours)


def test_every_service_has_a_contract() -> None:
    assert len(list(OURS.glob("*.wsdl"))) == len(FILES)


def test_address_and_namespace_are_the_vendors(pair: tuple[Contract, Contract]) -> None:
    ours, theirs = pair
    (address,) = ours.addresses()
    assert address.startswith("https://")
    assert ours.root.get("targetNamespace") == theirs.root.get("targetNamespace")
    for contract in pair:
        assert set(contract.find("w:types/x:schema/@elementFormDefault")) == {"qualified"}


def test_every_operation_is_called_as_the_vendor_wants_it(pair: tuple[Contract, Contract]) -> None:
    ours, theirs = pair
    names = ours.find("w:portType/w:operation/@name")
    assert names
    assert names == ours.find("w:binding/w:operation/@name")
    for name in names:
        assert ours.operation(name) == theirs.operation(name), name


def test_every_type_is_the_vendors_less_what_is_not_used(pair: tuple[Contract, Contract]) -> None:
    """Names, order, types, occurrence, nillable, default."""
    ours, theirs = pair
    for name in [*ours.named("complexType"), *ours.named("element")]:
        kept = {part.name for part in ours.parts(name)}
        assert ours.space(name) == theirs.space(name), name
        assert ours.parts(name) == [part for part in theirs.parts(name) if part.name in kept], name


def test_what_is_left_out_of_a_request_is_optional(pair: tuple[Contract, Contract]) -> None:
    ours, theirs = pair
    wanted, seen = [name for name in ours.named("element") if not name.endswith("Response")], set()
    while wanted:
        name = wanted.pop()
        seen.add(name)
        kept = {part.name for part in ours.parts(name)}
        left_out = [part.name for part in theirs.parts(name) if part.name not in kept and part.minimum != "0"]
        assert not left_out, name
        known = set(ours.named("complexType"))
        wanted += [part.type[1] for part in ours.parts(name) if part.type[1] in known - seen]


def test_enumerations_are_whole_and_patterns_equal(pair: tuple[Contract, Contract]) -> None:
    ours, theirs = pair

    def rules(contract: Contract, name: str) -> list[tuple[str, str]]:
        found = contract.node(name).xpath("x:restriction/*", namespaces=NAMES)
        return [(etree.QName(rule).localname, rule.get("value")) for rule in found]

    for name in ours.named("simpleType"):
        assert rules(ours, name) == rules(theirs, name), name
        assert rules(ours, name)


def test_nothing_is_in_a_contract_that_is_not_used(pair: tuple[Contract, Contract]) -> None:
    ours, _ = pair
    types = {*ours.named("complexType"), *ours.named("simpleType")}
    elements = ours.named("element")
    used = {
        part.type[1] for name in [*types & set(ours.named("complexType")), *elements] for part in ours.parts(name)
    }
    assert types <= used | {"guid"}
    operations = ours.find("w:portType/w:operation/@name")
    assert sorted(elements) == sorted([*operations, *(f"{name}Response" for name in operations)])


# End to end, every request checked against the vendor's schema


@pytest.fixture
def checked(tmp_path: Path) -> Iterator[tuple[Callable[[str, str, bytes], list[str]], list[str]]]:
    """A validator for the sandbox, and the operations that it has seen."""
    schemas = {service.name: schema_of(service, tmp_path) for service in SERVICES.values()}
    seen: list[str] = []

    def validate(service: str, operation: str, raw: bytes) -> list[str]:
        seen.append(operation)
        body = etree.fromstring(raw).find("{http://schemas.xmlsoap.org/soap/envelope/}Body")
        assert body is not None
        schemas[service].validate(body[0])
        return [entry.message for entry in schemas[service].error_log]

    yield validate, seen
    assert seen


def lump(number: int) -> Any:
    day = NOON - timedelta(days=number % 20)
    return make_payout(f"REF{number:05}", day, sale_amount=100000 + number, fee_amount=3000, tax_amount=750), []


def itemised(number: int) -> Any:
    """References that XML would trip over are among the rows."""
    payout, rows = big_payout(f"REF{number:05}", 3, NOON - timedelta(days=number % 20))
    rows[0]["merchant_reference1"] = 'Åsa & "Öst" <b>'
    return payout, rows


def in_euro(number: int) -> Any:
    payout, rows = lump(number)
    return {**payout, "currency_code": ("EUR", "NOK", "SEK")[number % 3]}, rows


MODES: dict[str, tuple[Any, dict[str, Any]]] = {
    "lump": (lump, {}),
    "itemised-fees": (
        itemised,
        {
            "transfer": "itemised-fees",
            "voucher": {
                "department_id": 10,
                "project_id": 7,
                "customer_id": 1001,
                "supplier_id": 1002,
                "ignore_warnings": ["invoicealreadyexists"],
                "transaction_no": "next",
            },
            "accounts": {"receivable": 1510, "payout": 2420},
            "references": {
                "order_id": "comment",
                "merchant_reference1": "invoice_no",
                "merchant_reference2": "ocr",
            },
        },
    ),
    "ecb": (in_euro, AT_ECB_RATES),
}


def run(open_shop: OpenShop, mode: str, validate: Any) -> Shop:
    make, over = MODES[mode]
    shop = open_shop(payouts=[make(number) for number in range(25)], validate=validate)
    shop.write(over)
    result = shop.sync()
    assert (result.code, result.err) == (0, "")
    home = shop.box.office.home
    assert sorted(draft.name.split()[1] for draft in home.drafts) == [f"REF{number:05}" for number in range(25)]
    assert not home.ledger, "a draft is for a person to book"
    assert not shop.box.office.default.drafts
    for draft in home.drafts:
        assert draft.client_id == home.client_id
        assert draft.bundle_direct
        assert sum(entry["Amount"] for entry in draft.entries) == 0
    return shop


def test_25_payouts_in_lump_fit_the_vendors_schema(open_shop: OpenShop, checked: Any) -> None:
    validate, seen = checked
    shop = run(open_shop, "lump", validate)
    assert seen.count("SaveBundleList") == 25
    assert all(len(draft.entries) == 4 for draft in shop.box.office.home.drafts)


def test_25_payouts_itemised_with_everything_that_a_profile_can_add(open_shop: OpenShop, checked: Any) -> None:
    validate, seen = checked
    shop = run(open_shop, "itemised-fees", validate)
    assert seen.count("SaveBundleList") == 25
    entries = [entry for draft in shop.box.office.home.drafts for entry in draft.entries]
    assert len(entries) == 25 * (3 + 6 + 2), "a line a sale and a fee; VAT and the payout"
    assert {(entry["DepartmentId"], entry["ProjectId"]) for entry in entries} == {(10, 7)}
    assert {(entry["AccountNo"], entry["CustomerId"]) for entry in entries} == {
        (1510, 1001),
        (2420, 1002),
        (2641, 0),
        (6064, 0),
    }
    assert 'Åsa & "Öst" <b>' in {entry["InvoiceReferenceNo"] for entry in entries}
    assert any(entry["InvoiceOcr"] for entry in entries)
    assert {draft.transaction_no for draft in shop.box.office.home.drafts} == set(range(1, 26)), (
        "nothing reserves a number: the run counts on"
    )


def test_25_payouts_in_three_currencies_become_vouchers_in_the_companys(open_shop: OpenShop, checked: Any) -> None:
    validate, _ = checked
    shop = run(open_shop, "ecb", validate)
    entries = [entry for draft in shop.box.office.home.drafts for entry in draft.entries]
    currencies = {(entry["CurrencyId"], entry["CurrencyRate"], entry["CurrencyUnit"]) for entry in entries}
    assert currencies == {("SEK", Decimal(1), 1)}


def test_the_pages_of_reports_are_uploaded_as_the_vendors_schema_wants(open_shop: OpenShop, checked: Any) -> None:
    pytest.importorskip("pypdfium2")
    validate, seen = checked
    shop = open_shop(payouts=[lump(1), lump(2)], validate=validate)
    shop.write({"evidence": "attach"})
    result = shop.sync()
    assert (result.code, result.err) == (0, "")
    uploaded = [name for name in seen if name in {"Create", "AppendChunk", "GetStampNo", "Save"}]
    assert uploaded == 2 * ["Create", "AppendChunk", "Create", "AppendChunk", "GetStampNo", "Save", "Save"]
    assert [shop.box.office.home.pages_of(draft) for draft in shop.box.office.home.drafts] == [2, 2]


def test_the_validator_can_say_no(open_shop: OpenShop, checked: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A date without a time is no dateTime: zeep would write one if it were given one."""
    validate, _ = checked

    class Datelike:
        combine = staticmethod(lambda day, _: day)

    monkeypatch.setattr("klarna24.twentyfour.bundle.datetime", Datelike)
    shop = open_shop(payouts=[lump(1)], validate=validate)
    result = shop.sync()
    assert result.code == 6
    assert "dateTime" in result.err
    assert not shop.drafts()
