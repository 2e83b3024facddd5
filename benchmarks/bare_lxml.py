"""The bare script again, its save written with lxml alone: what is left where zeep builds no entries.

    python -m benchmarks.bare_lxml profiles.toml [--jobs N]

Everything else is bare_zeep's, the log-in with zeep included.
"""

from typing import Any

from lxml import etree

from benchmarks.bare_zeep import Entry, Office, main

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
WEB = "http://24sevenOffice.com/webservices"
NAMESPACES: Any = {"soap": SOAP, None: WEB}  # lxml-stubs know of no namespace without a prefix
PATH = "/Economy/Account/V004/Accountservice.asmx"


def save_with_lxml(office: Office, bundle: dict[str, Any], entries: list[Entry]) -> str:
    envelope = etree.Element(f"{{{SOAP}}}Envelope", nsmap=NAMESPACES)
    save = _add(_add(envelope, "Body", SOAP), "SaveBundleList")
    bundle_list = _add(save, "BundleList")
    bundle_element = _add(_add(bundle_list, "Bundles"), "Bundle")
    _text(bundle_element, "YearId", bundle["YearId"])
    voucher = _add(_add(bundle_element, "Vouchers"), "Voucher")
    _text(voucher, "TransactionNo", 0)
    parent = _add(voucher, "Entries")
    for entry in entries:
        element = _add(parent, "Entry")
        for name, value in entry.items():
            _text(element, name, value.isoformat() if name == "Date" else value)
    _text(voucher, "Sort", bundle["Sort"])
    _text(bundle_element, "Sort", bundle["Sort"])
    _text(bundle_element, "Name", bundle["Name"])
    _text(bundle_element, "BundleDirectAccounting", "true")
    for name, text in (("AllowDifference", "false"), ("DirectLedger", "false"), ("SaveOption", "1")):
        _text(bundle_list, name, text)
    headers = {"SOAPAction": f'"{WEB}/SaveBundleList"', "Content-Type": "text/xml; charset=utf-8"}
    body = etree.tostring(envelope, xml_declaration=True, encoding="utf-8")
    answer = office.http.post(office.base + PATH, data=body, headers=headers)
    return str(etree.fromstring(answer.content).findtext(f".//{{{WEB}}}Type"))


def _add(parent: etree._Element, name: str, namespace: str = WEB) -> etree._Element:
    return etree.SubElement(parent, f"{{{namespace}}}{name}")


def _text(parent: etree._Element, name: str, value: object) -> None:
    _add(parent, name).text = str(value)


if __name__ == "__main__":
    main(save_with_lxml)
