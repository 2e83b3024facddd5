"""The vendor's contracts, where they are at hand."""

from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from klarna24.sandbox.office.contract_transaction import SERVICES
from klarna24.sandbox.office.schema import Service
from tests.support import ROOT

CONTRACTS = ROOT.parent / "shared" / "vendor" / "24sevenoffice"


FILES = {
    "Authenticate": "authService.wsdl",
    "Account": "accountService.wsdl",
    "Client": "clientService.wsdl",
    "Company": "companyService.wsdl",
    "Transaction": "transactionService.wsdl",
}


XSD = {"x": "http://www.w3.org/2001/XMLSchema"}


SOAP = {"soap": "http://schemas.xmlsoap.org/wsdl/soap/"}


@pytest.fixture(params=SERVICES.values(), ids=lambda service: service.name)
def service(request: pytest.FixtureRequest) -> Service:
    found: Service = request.param
    return found


def vendor(service: Service) -> Any:
    return etree.parse(CONTRACTS / FILES[service.name])


def schema_of(service: Service, folder: Path) -> Any:
    """The vendor's XMLSchema; its second part, with the guid, gets a file to be imported from."""
    schemas = vendor(service).xpath("//x:schema", namespaces=XSD)
    for other in schemas[1:]:
        (folder / "guid.xsd").write_bytes(etree.tostring(other))
    for wanted in schemas[0].xpath("x:import", namespaces=XSD):
        wanted.set("schemaLocation", "guid.xsd")
    main = folder / f"{service.name}.xsd"
    main.write_bytes(etree.tostring(schemas[0]))
    return etree.XMLSchema(etree.parse(main))
