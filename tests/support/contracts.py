"""The vendors' published contracts, where they are on this machine; KLARNA24_CONTRACTS names another folder."""

import os
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from klarna24.sandbox.office.contract import SERVICES
from klarna24.sandbox.office.schema import Service
from tests.support import ROOT

# read once: the fixture `home` hides the developer's environment from the tests
_FOLDER = Path(os.environ.get("KLARNA24_CONTRACTS") or ROOT.parent / "shared" / "vendor")


def contracts_folder() -> Path:
    """The folder that holds 24sevenoffice/*.wsdl and klarna/settlements-openapi.yml; it need not exist."""
    return _FOLDER


needs_contracts = pytest.mark.skipif(
    not contracts_folder().is_dir(), reason="the vendors' contracts are not on this machine; see CONTRIBUTING.md"
)

FILES = {
    "Authenticate": "authService.wsdl",
    "Account": "accountService.wsdl",
    "Client": "clientService.wsdl",
    "Company": "companyService.wsdl",
    "Transaction": "transactionService.wsdl",
    "Attachment": "attachmentService.wsdl",
}

XSD = {"x": "http://www.w3.org/2001/XMLSchema"}
SOAP = {"soap": "http://schemas.xmlsoap.org/wsdl/soap/"}


@pytest.fixture(params=SERVICES.values(), ids=lambda service: service.name)
def service(request: pytest.FixtureRequest) -> Service:
    """Each of the sandbox's services."""
    found: Service = request.param
    return found


def wsdl(name: str) -> Path:
    """The vendor's WSDL of the service of that name."""
    return contracts_folder() / "24sevenoffice" / FILES[name]


def vendor(service: Service) -> Any:
    """The vendor's WSDL of the service, parsed."""
    return etree.parse(wsdl(service.name))


def schema_of(service: Service, folder: Path) -> Any:
    """The vendor's XMLSchema of the service; `folder` receives the files that it is made from."""
    schemas = vendor(service).xpath("//x:schema", namespaces=XSD)
    for other in schemas[1:]:
        (folder / "guid.xsd").write_bytes(etree.tostring(other))
    for wanted in schemas[0].xpath("x:import", namespaces=XSD):
        wanted.set("schemaLocation", "guid.xsd")
    main = folder / f"{service.name}.xsd"
    main.write_bytes(etree.tostring(schemas[0]))
    return etree.XMLSchema(etree.parse(main))
