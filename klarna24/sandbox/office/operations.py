"""The SOAP operations. Each takes a call and returns the value of the Result element, or raises Fault."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from klarna24.sandbox.office import attachments
from klarna24.sandbox.office.bundles import save_bundle_list
from klarna24.sandbox.office.company import Company
from klarna24.sandbox.office.contract import NO_INT
from klarna24.sandbox.office.ledger import get_fiscal_years, get_transactions
from klarna24.sandbox.office.soap import Fault
from klarna24.sandbox.office.state import OfficeState


@dataclass(frozen=True)
class Call:
    """One request: the company of its session (None if there is no such session), and the fields sent."""

    office: OfficeState
    company_or_none: Company | None
    request: dict[str, Any]

    @property
    def company(self) -> Company:
        """The session's company. Raises a fault if it has expired (docs/vendors/24sevenoffice.md, "Sessions")."""
        if self.company_or_none is None:
            raise Fault("Server", "Not authenticated. Log in and send the session's cookie.")
        return self.company_or_none


# --- Authenticate ---


def login(call: Call) -> str:
    """The session id, or an empty string if anything is wrong."""
    c: dict[str, Any] = call.request["credential"] or {}
    return call.office.login(
        c.get("Username") or "", c.get("Password") or "", c.get("ApplicationId", ""), c.get("IdentityId", "")
    )


def has_session(call: Call) -> bool:
    """Whether the session is valid; never a fault."""
    return call.company_or_none is not None


def get_identity(call: Call) -> dict[str, Any]:
    """The identity of the session."""
    return _identity(call, call.company)


def get_identities_with_credential(call: Call) -> list[dict[str, Any]]:
    """All identities of the user; an empty list for wrong credentials."""
    c: dict[str, Any] = call.request["credential"] or {}
    known = call.office.knows(c.get("Username") or "", c.get("Password") or "", c.get("ApplicationId", ""))
    return [_identity(call, company) for company in call.office.companies] if known else []


def _identity(call: Call, company: Company) -> dict[str, Any]:
    return {
        "Id": company.identity_id,
        "User": {"Id": call.office.user_id, "Name": "Klarna Integration", "ContactId": 7},
        "Client": {"Id": company.client_id, "Name": company.name},
        "IsCurrent": company is call.company_or_none,
        "IsDefault": company is call.office.default,
        "IsProtected": False,
        "Servers": [{"Id": 1, "Type": 1}],
    }


# --- Account ---


def save(call: Call) -> dict[str, Any]:
    """The answer to SaveBundleList: Type and Description, but no id and no number."""
    if call.company_or_none is None and call.office.not_authenticated_as == "type":
        return {"Type": "NotAuthenticated"}
    return save_bundle_list(call.office, call.company, call.request)


def get_entry_id(call: Call) -> dict[str, Any]:
    """The next number of a series in the year of Date, which is not reserved; EntryNo −1 is an error."""
    asked, company = call.request["argEntryId"], call.company
    if not asked:
        raise Fault("Client", "argEntryId is missing")
    years = [y for y in company.fiscal_years if y.start <= asked["Date"].date() < y.end]
    known = any(kind.series == asked["SortNo"] and kind.number > 0 for kind in company.types)
    number = company.next_number(years[0].number, asked["SortNo"]) if years and known else -1
    return {**asked, "EntryNo": number}


def get_account_list(call: Call) -> list[dict[str, Any]]:
    """The chart of accounts. AccountId differs from AccountNo."""
    extra = {"SandboxExtra": "unknown to the contract"} if call.office.extra_elements else {}
    return [
        {"AccountId": 40000 + place, "AccountNo": number, "AccountName": name} | extra
        for place, (number, name) in enumerate(call.company.chart.items())
    ]


def get_type_list(call: Call) -> list[dict[str, Any]]:
    """The voucher types; TypeNo is the Sort."""
    return [
        {"TypeId": t.type_id, "Title": t.title, "EntrySeriesId": t.series, "TypeNo": t.number}
        for t in call.company.types
    ]


def get_tax_code_list(call: Call) -> list[dict[str, Any]]:
    """The VAT codes, with rates in per cent."""
    return [
        {"TaxId": t.tax_id, "TaxNo": t.number, "TaxName": t.name, "TaxRate": t.rate, "AccountNo": t.account_no}
        for t in call.company.tax_codes
    ]


# --- Client ---


def get_client_information(call: Call) -> dict[str, Any]:
    """The company's own data; DefaultCurrency is its own currency."""
    return {
        "Country": call.company.country,
        "IsUsingFactoring": False,
        "Name": call.company.name,
        "ReminderDays": 0,
        "ReminderDays2": 0,
        "ReminderDays3": 0,
        "UserId": 7,
        "DefaultCurrency": call.company.home_currency,
    }


def get_department_list(call: Call) -> list[dict[str, Any]]:
    """The departments, with number and name."""
    return [{"Id": number, "Name": name} for number, name in call.company.departments.items()]


def get_currency_list(call: Call) -> list[dict[str, Any]]:
    """Today's rates: `Unit` units cost `Rate` in the company's own currency."""
    return [{"Symbol": c.symbol, "Id": c.id, "Rate": c.rate, "Unit": c.unit} for c in call.company.currencies]


# --- Company ---

_PROPERTIES = ("Id", "Name", "OrganizationNumber", "Country", "Type")


def get_companies(call: Call) -> list[dict[str, Any]]:
    """Customers by id, ids, part of the name or number, with the requested properties; or an APIException."""
    search, names = call.request["searchParams"], call.request["returnProperties"] or []
    if not names or not set(names) <= set(_PROPERTIES):
        # the properties must be listed; how the vendor answers if they are not is unknown
        return [_api_exception(f"returnProperties must be listed, of {', '.join(_PROPERTIES)}")]
    if not search or any(search[key] for key in ("ExternalId", "CompanyEmail", "CompanyPhone")):
        return [_api_exception("search by CompanyId, CompanyIds, CompanyName or OrganizationNumber")]
    ids = set(search["CompanyIds"] or ()) | ({search["CompanyId"]} - {NO_INT})
    answers = []
    for number, customer in call.company.customers.items():
        fits = (
            (not ids or number in ids)
            and search["CompanyName"].lower() in customer.name.lower()
            and search["OrganizationNumber"] in ("", customer.organization_number)
        )
        values = {
            "Id": number,
            "Name": customer.name,
            "OrganizationNumber": customer.organization_number,
            "Country": "Sweden",
            "Type": customer.kind,
        }
        if fits:
            answers.append({name: values[name] for name in names})
    return answers


def _api_exception(message: str) -> dict[str, Any]:
    return {"APIException": {"Type": "System.ArgumentException", "Message": message}}


OPERATIONS: dict[str, Callable[[Call], Any]] = {
    "Login": login,
    "HasSession": has_session,
    "GetIdentity": get_identity,
    "GetIdentitiesWithCredential": get_identities_with_credential,
    "SaveBundleList": save,
    "GetEntryId": get_entry_id,
    "GetAccountList": get_account_list,
    "GetTypeList": get_type_list,
    "GetTaxCodeList": get_tax_code_list,
    "GetClientInformation": get_client_information,
    "GetDepartmentList": get_department_list,
    "GetCurrencyList": get_currency_list,
    "GetCompanies": get_companies,
    "GetTransactions": lambda call: get_transactions(call.company, call.request["searchParams"]),
    "GetFiscalYears": lambda call: get_fiscal_years(call.company),
    "Create": lambda call: attachments.create(call.company, call.request),
    "AppendChunk": lambda call: attachments.append_chunk(call.company, call.request),
    "GetStampNo": lambda call: attachments.next_stamp_no(call.company),
    "Save": lambda call: attachments.save(call.company, call.request),
}
