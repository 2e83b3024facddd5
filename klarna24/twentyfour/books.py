"""The company's books, which a voucher must fit (docs/vendors/24sevenoffice.md, "Reading")."""

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from klarna24.bookkeeping.voucher import Books, FiscalYear, VoucherType
from klarna24.config.tables import Profile
from klarna24.errors import ConfigFault, Unavailable
from klarna24.text.clean import clean
from klarna24.text.sentences import joined, sentence
from klarna24.twentyfour.answers import is_refusal
from klarna24.twentyfour.connection import NEXT_RUN, refused
from klarna24.twentyfour.dates import local_day
from klarna24.twentyfour.shared_books import SharedBooks

Read = Callable[..., Any]  # takes service, operation and arguments, returns the answer
T = TypeVar("T")


def items(answer: Any, name: str) -> Iterable[Any]:
    """Return the rows of a list; .NET leaves out an empty one."""
    return [row for row in getattr(answer, name, answer) or () if row is not None]


@dataclass(frozen=True, slots=True)
class Client:
    """The company (contract: Client.Client). How 24SevenOffice writes ``country`` is not documented."""

    country: str
    home_currency: str


@dataclass(frozen=True, slots=True)
class BooksReader:
    """Asks for the books, one question a method. Each raises what ``read`` raises, and UNREADABLE for an answer
    that does not follow the contract."""

    profile: Profile
    read: Read
    shared: SharedBooks | None = None  # with the other profiles of the company

    def books(self) -> Books:
        """Return all that a voucher must fit. Raises ConfigFault if the profile names what the company does not
        have."""
        chart = self.chart()
        voucher_type = self.voucher_type()
        years = self.fiscal_years()
        home = self.client().home_currency
        self.department()
        self.tax_code()
        self.parties()
        if not home:
            raise Unavailable(sentence("24SevenOffice does not say what the company's currency is"), NEXT_RUN)
        if not chart:
            raise Unavailable(
                sentence("24SevenOffice does not say what the company's chart of accounts is"), NEXT_RUN
            )
        return Books(home, chart, voucher_type, years)

    def company_name(self) -> str:
        """Return the name of the session's company, which is the profile's."""
        identity = self.read("authenticate", "GetIdentity")
        return clean(getattr(getattr(identity, "Client", None), "Name", None))

    def chart(self) -> dict[int, str]:
        """Return account names by number."""
        return self._once(
            "chart",
            lambda: {
                int(account.AccountNo): clean(account.AccountName)
                for account in items(self.read("account", "GetAccountList"), "AccountData")
                if account.AccountNo
            },
        )

    def fiscal_years(self) -> tuple[FiscalYear, ...]:
        """Return the fiscal years, in 24SevenOffice's order."""
        zone = self.profile.timezone
        return self._once(
            ("fiscal years", zone.key),
            lambda: tuple(
                FiscalYear(
                    local_day(year.StartingDate, zone), local_day(year.EndingDate, zone), bool(year.IsLocked)
                )
                for year in items(self.read("transaction", "GetFiscalYears"), "FiscalYear")
            ),
        )

    def client(self) -> Client:
        """Return the company's country and currency; empty if 24SevenOffice does not say."""
        return self._once("client", self._client)

    def _client(self) -> Client:
        answer = self.read("client", "GetClientInformation")
        return Client(clean(getattr(answer, "Country", None)), clean(getattr(answer, "DefaultCurrency", None)))

    def _once(self, what: Hashable, ask: Callable[[], T]) -> T:
        """What ``ask`` returns, or has returned to another profile of the same user in the same company."""
        if self.shared is None:
            return ask()
        its = self.profile.twentyfour
        login = (its.base_url, its.username, its.application_id.lower(), its.identity_id.lower(), its.client_id)
        return self.shared.once((login, what), ask)

    def voucher_types(self) -> list[VoucherType]:
        """Return all types that a person may use; numbers of 0 and below are system types."""
        return self._once(
            "voucher types",
            lambda: [
                VoucherType(int(row.TypeNo), clean(row.Title), int(row.EntrySeriesId or 0))
                for row in items(self.read("account", "GetTypeList"), "TypeData")
                if row.TypeNo and row.TypeNo > 0
            ],
        )

    def voucher_type(self) -> VoucherType:
        """Return the profile's type. Raises ConfigFault if there is none, or more than one with its title."""
        wanted = self.profile.voucher.type
        types = self.voucher_types()
        found = [
            row
            for row in types
            if row.number == wanted
            or (isinstance(wanted, str) and row.title.casefold() == wanted.strip().casefold())
        ]
        if len(found) == 1:
            return found[0]
        known = ", ".join(f"{row.title} ({row.number})" for row in types)
        where = f"[profiles.{self.profile.name}.voucher] type = {wanted!r}"
        if found:
            message = sentence(
                "{where}: more than one voucher type has that title: {known}", where=where, known=known
            )
            raise ConfigFault(message, sentence("give its number instead"))
        message = sentence(
            "{where}: no such voucher type in 24SevenOffice; there are: {known}", where=where, known=known
        )
        raise ConfigFault(message, sentence("correct it"))

    def departments(self) -> dict[int, str]:
        """Return department names by number."""
        return self._once(
            "departments",
            lambda: {
                int(row.Id): clean(row.Name)
                for row in items(self.read("client", "GetDepartmentList"), "Department")
                if row.Id
            },
        )

    def department(self) -> str | None:
        """Return the name of the profile's department, or None if it names none. Raises ConfigFault if the company
        does not have it."""
        wanted = self.profile.voucher.department_id
        if wanted is None:
            return None
        departments = self.departments()
        if wanted not in departments:
            message = sentence(
                "{where}: no such department in 24SevenOffice; there are: {known}",
                where=f"[profiles.{self.profile.name}.voucher] department_id = {wanted}",
                known=", ".join(f"{number} ({name})" for number, name in departments.items()) or sentence("none"),
            )
            raise ConfigFault(message, sentence("correct it"))
        return departments[wanted]

    def tax_code(self) -> str | None:
        """Return the name of the profile's VAT code, or None if it names none. Raises ConfigFault if the company
        has no code of this number; an entry takes the number, not the id (docs/vendors/24sevenoffice.md,
        "Limits and traps")."""
        wanted = self.profile.vat.tax_code
        if wanted is None:
            return None
        codes = self._once(
            "VAT codes",
            lambda: {
                clean(row.TaxNo): clean(row.TaxName)
                for row in items(self.read("account", "GetTaxCodeList"), "TaxCodeElement")
                if clean(row.TaxNo)
            },
        )
        if wanted not in codes:
            message = sentence(
                "{where}: no such VAT code in 24SevenOffice; there are: {known}",
                where=f'[profiles.{self.profile.name}.vat] tax_code = "{wanted}"',
                known=", ".join(f"{number} ({name})" for number, name in codes.items()) or sentence("none"),
            )
            raise ConfigFault(message, sentence("correct it"))
        return codes[wanted]

    def parties(self) -> dict[str, str]:
        """Return the names of the profile's customer and supplier by key, with one call for both. Raises
        ConfigFault if one of them is not in the CRM."""
        voucher = self.profile.voucher
        parties = {"customer_id": voucher.customer_id, "supplier_id": voucher.supplier_id}
        wanted = {key: number for key, number in parties.items() if number is not None}
        if not wanted:
            return {}
        numbers = sorted(set(wanted.values()))
        known = self._once(("parties", *numbers), lambda: self._companies(numbers))
        for key, number in wanted.items():
            if number not in known:
                where = f"[profiles.{self.profile.name}.voucher] {key} = {number}"
                raise ConfigFault(
                    sentence("{where}: not in 24SevenOffice's CRM", where=where),
                    sentence("create Klarna there, or correct the number"),
                )
        return {key: known[number] for key, number in wanted.items()}

    def _companies(self, numbers: Sequence[int]) -> dict[int, str]:
        answer = self.read(
            "company",
            "GetCompanies",
            searchParams={"CompanyIds": {"int": numbers}},
            returnProperties={"string": ["Id", "Name"]},
        )
        companies = list(items(answer, "Company"))
        for company in companies:
            if company.APIException is not None:
                message = clean(company.APIException.Message)
                if is_refusal(message):
                    raise refused("GetCompanies", message)
                raise Unavailable(joined(": ", ("24SevenOffice", message)), NEXT_RUN)
        return {int(company.Id): clean(company.Name) for company in companies if company.Id is not None}
