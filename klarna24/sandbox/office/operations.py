"""What each SOAP operation answers. A function takes the call, returns the value of the Result element."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from klarna24.sandbox.office.bundles import save_bundle_list
from klarna24.sandbox.office.company import Company
from klarna24.sandbox.office.contract import NO_INT
from klarna24.sandbox.office.ledger import get_fiscal_years, get_transactions
from klarna24.sandbox.office.soap import Fault
from klarna24.sandbox.office.world import OfficeWorld


@dataclass(frozen=True)
class Call:
    """One request: who (None without a session), and the request element's fields."""

    office: OfficeWorld
    session: str
    company_or_none: Company | None
    request: dict[str, Any]

    @property
    def company(self) -> Company:
        """The session's company. Raises the fault that other clients have seen for an expired session."""
        if self.company_or_none is None:
            raise Fault("Server", "Not authenticated. Log in and send the session's cookie.")
        return self.company_or_none


# --- Authenticate ---


def login(call: Call) -> str:
    """The session id, or an empty string."""
    c: dict[str, Any] = call.request["credential"] or {}
    return call.office.login(
        c.get("Username") or "", c.get("Password") or "", c.get("ApplicationId", ""), c.get("IdentityId", "")
    )


def has_session(call: Call) -> bool:
    """Never a fault: this is the way to ask."""
    return call.company_or_none is not None


def get_identity(call: Call) -> dict[str, Any]:
    """Who the session is."""
    return _identity(call, call.company)


def get_identities(call: Call) -> list[dict[str, Any]]:
    """All that the session's user may be."""
    _ = call.company  # raises the fault without a session
    return [_identity(call, company) for company in call.office.companies]


def get_identities_with_credential(call: Call) -> list[dict[str, Any]]:
    """The same without a session; nothing for wrong credentials."""
    c: dict[str, Any] = call.request["credential"] or {}
    known = call.office.knows(c.get("Username") or "", c.get("Password") or "", c.get("ApplicationId", ""))
    return [_identity(call, company) for company in call.office.companies] if known else []


def set_identity_by_id(call: Call) -> bool:
    """Moves the session to another company of the user."""
    wanted = call.office.company_of(call.request["identityId"])
    if call.company and wanted:
        call.office.sessions[call.session] = wanted
    return wanted is not None


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
    """Type and Description, and nothing else: no id, no number (contract)."""
    return save_bundle_list(call.office, call.company, call.request)


def get_entry_id(call: Call) -> dict[str, Any]:
    """The next number of a series in the year of Date. Reserves nothing; EntryNo −1 is an error (fact)."""
    asked, company = call.request["argEntryId"], call.company
    if not asked:
        raise Fault("Client", "argEntryId is missing")
    years = [y for y in company.fiscal_years if y.start <= asked["Date"].date() < y.end]
    known = any(kind.series == asked["SortNo"] and kind.number > 0 for kind in company.types)
    number = company.next_number(years[0].number, asked["SortNo"]) if years and known else -1
    return {**asked, "EntryNo": number}


def get_account_list(call: Call) -> list[dict[str, Any]]:
    """The chart. AccountId is not AccountNo."""
    extra = {"SandboxExtra": "unknown to the contract"} if call.office.extra_elements else {}
    return [
        {"AccountId": 40000 + place, "AccountNo": number, "AccountName": name} | extra
        for place, (number, name) in enumerate(call.company.chart.items())
    ]


def get_type_list(call: Call) -> list[dict[str, Any]]:
    """Voucher types; TypeNo is what Sort takes."""
    return [
        {"TypeId": t.type_id, "Title": t.title, "EntrySeriesId": t.series, "TypeNo": t.number}
        for t in call.company.types
    ]


def get_tax_code_list(call: Call) -> list[dict[str, Any]]:
    """VAT codes, rate in per cent."""
    return [
        {
            "TaxId": t.tax_id,
            "TaxNo": t.number,
            "TaxName": t.name,
            "TaxRate": t.rate,
            "AccountNo": t.account_no,
        }
        for t in call.company.tax_codes
    ]


def check_account_no(call: Call) -> list[dict[str, Any]]:
    """For each account asked about: Ok, AccountDontExist, or NameDontMatch (only if a name was given)."""
    chart, answers = call.company.chart, []
    for asked in filter(None, call.request["accountList"] or ()):
        name = chart.get(asked["AccountNo"])
        wrong_name = asked["AccountName"] not in ("", name)
        error = "AccountDontExist" if name is None else "NameDontMatch" if wrong_name else "Ok"
        answers.append({**asked, "Error": error})
    return answers


# --- Client ---


def get_client_information(call: Call) -> dict[str, Any]:
    """The company's own data; DefaultCurrency is its home currency."""
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
    """Number and name."""
    return [{"Id": number, "Name": name} for number, name in call.company.departments.items()]


def get_currency_list(call: Call) -> list[dict[str, Any]]:
    """Today's rates: `Rate` in home currency for `Unit`."""
    return [{"Symbol": c.symbol, "Id": c.id, "Rate": c.rate, "Unit": c.unit} for c in call.company.currencies]


# --- Company ---

_PROPERTIES = ("Id", "Name", "OrganizationNumber", "Country", "Type")


def get_companies(call: Call) -> list[dict[str, Any]]:
    """Customers by id, ids or part of the name; only the properties asked for. Errors: APIException."""
    search, names = call.request["searchParams"], call.request["returnProperties"] or []
    if not names or not set(names) <= set(_PROPERTIES):
        # how the vendor answers this is not known, only that the properties must be listed
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


# --- Transaction ---


def get_transaction_types(call: Call) -> list[dict[str, Any]]:
    """The types again; No is what Sort takes."""
    return [{"Turnover": True, "Title": t.title, "No": t.number, "Id": t.type_id} for t in call.company.types]


OPERATIONS: dict[str, Callable[[Call], Any]] = {
    "Login": login,
    "HasSession": has_session,
    "GetIdentity": get_identity,
    "GetIdentities": get_identities,
    "SetIdentityById": set_identity_by_id,
    "GetIdentitiesWithCredential": get_identities_with_credential,
    "SaveBundleList": save,
    "GetEntryId": get_entry_id,
    "GetAccountList": get_account_list,
    "GetTypeList": get_type_list,
    "GetTaxCodeList": get_tax_code_list,
    "CheckAccountNo": check_account_no,
    "GetClientInformation": get_client_information,
    "GetDepartmentList": get_department_list,
    "GetCurrencyList": get_currency_list,
    "GetCompanies": get_companies,
    "GetTransactions": lambda call: get_transactions(call.company, call.request["searchParams"]),
    "GetFiscalYears": lambda call: get_fiscal_years(call.company),
    "GetTransactionTypes": get_transaction_types,
}
