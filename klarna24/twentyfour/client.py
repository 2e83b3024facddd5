"""24SevenOffice as the run sees it: the right company, its books, one save.

_read     a call that may be repeated: back-off, half a minute; a lost session is renewed once
save      the one call that is never repeated after a lost answer
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from zoneinfo import ZoneInfo

import tenacity
import zeep
import zeep.exceptions

from klarna24.config import Profile
from klarna24.errors import ConfigFault, CredentialsFault, Unavailable
from klarna24.lookup import Found
from klarna24.text import clean
from klarna24.twentyfour import answers, journal
from klarna24.twentyfour.answers import Answer, Kind
from klarna24.twentyfour.bundle import bundle_list
from klarna24.twentyfour.sessions import Sessions
from klarna24.twentyfour.transport import NoAnswer, NotSent, Transport
from klarna24.voucher import Books, Currency, FiscalYear, Trace, Voucher, VoucherType

CONTRACTS = Path(__file__).parent / "contracts"
RETRY_SECONDS = 30.0
NEXT_RUN = "the next run carries on"
SETTINGS = zeep.Settings(
    # The first two together read past elements that the contract does not name (facts: zeep); that the answer is
    # whole, the transport has made sure.
    strict=False,
    xsd_ignore_sequence_order=True,
    forbid_dtd=True,
    forbid_entities=True,
    forbid_external=True,
)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A voucher ready to be sent, with the number that was asked for it (0: the person gives one)."""

    voucher: Voucher
    transaction_no: int


class TwentyFourClient:
    """One user in one company. Reads raise Unavailable, CredentialsFault or ConfigFault."""

    def __init__(self, profile: Profile, password: Callable[[], str], sessions: Sessions) -> None:
        self._profile = profile
        self._settings = profile.twentyfour
        self._password = password
        self._sessions = sessions
        self._transport = Transport(self._settings.base_url)
        self._services: dict[str, Any] = {}
        self._company_checked = False
        self._fresh_login = False  # logged in, and nothing has succeeded since

    def close(self) -> None:
        self._transport.session.close()

    # What the ledger looks like

    def books(self) -> Books:
        """Read once a run; raises ConfigFault where the profile names what the company does not have."""
        settings = self._profile.voucher
        zone = self._profile.timezone
        chart = {
            int(account.AccountNo): clean(account.AccountName)
            for account in _items(self._read("account", "GetAccountList"), "AccountData")
            if account.AccountNo
        }
        voucher_type = self._voucher_type()
        years = tuple(
            FiscalYear(_local(year.StartingDate, zone), _local(year.EndingDate, zone), bool(year.IsLocked))
            for year in _items(self._read("transaction", "GetFiscalYears"), "FiscalYear")
        )
        home = clean(getattr(self._read("client", "GetClientInformation"), "DefaultCurrency", ""))
        if not home:
            raise Unavailable("24SevenOffice does not say which currency the company keeps", NEXT_RUN)
        self._check_department()
        self._check_parties()
        currencies = self._currencies() if settings.foreign_currency == "rate" else {}
        return Books(home, chart, voucher_type, years, currencies)

    def _voucher_type(self) -> VoucherType:
        wanted = self._profile.voucher.type
        types = [
            VoucherType(int(row.TypeNo), clean(row.Title), int(row.EntrySeriesId or 0))
            for row in _items(self._read("account", "GetTypeList"), "TypeData")
            if row.TypeNo and row.TypeNo > 0  # facts: numbers ≤ 0 are system types
        ]
        found = [
            row
            for row in types
            if row.number == wanted
            or (isinstance(wanted, str) and row.title.casefold() == wanted.strip().casefold())
        ]
        if len(found) == 1:
            return found[0]
        known = ", ".join(f"{row.title} ({row.number})" for row in types)
        where = f"[profiles.{self._profile.name}.voucher] type = {wanted!r}"
        if found:
            raise ConfigFault(
                f"{where}: more than one voucher type has that title: {known}", "give its number instead"
            )
        raise ConfigFault(f"{where}: no such voucher type in 24SevenOffice; there are: {known}", "correct it")

    def _check_department(self) -> None:
        wanted = self._profile.voucher.department_id
        if wanted is None:
            return
        departments = {
            int(row.Id): clean(row.Name) for row in _items(self._read("client", "GetDepartmentList"), "Department")
        }
        if wanted not in departments:
            known = ", ".join(f"{number} ({name})" for number, name in departments.items()) or "none"
            raise ConfigFault(
                f"[profiles.{self._profile.name}.voucher] department_id = {wanted}: no such department in "
                f"24SevenOffice; there are: {known}",
                "correct it",
            )

    def _check_parties(self) -> None:
        """The customer and the supplier exist in the CRM; one call for both."""
        settings = self._profile.voucher
        wanted = {
            key: number for key in ("customer_id", "supplier_id") if (number := getattr(settings, key)) is not None
        }
        if not wanted:
            return
        answer = self._read(
            "company",
            "GetCompanies",
            searchParams={"CompanyIds": {"int": sorted(set(wanted.values()))}},
            returnProperties={"string": ["Id", "Name"]},
        )
        companies = list(_items(answer, "Company"))
        for company in companies:
            if company.APIException is not None:
                raise Unavailable(f"24SevenOffice: {clean(company.APIException.Message)}", NEXT_RUN)
        known = {int(company.Id) for company in companies if company.Id is not None}
        for key, number in wanted.items():
            if number not in known:
                raise ConfigFault(
                    f"[profiles.{self._profile.name}.voucher] {key} = {number}: not in 24SevenOffice's CRM",
                    "create Klarna there, or correct the number",
                )

    def _currencies(self) -> dict[str, Currency]:
        return {
            clean(row.Symbol): Currency(clean(row.Symbol), Decimal(row.Rate), int(row.Unit))
            for row in _items(self._read("client", "GetCurrencyList"), "Currency")
            if row.Symbol and row.Rate and row.Unit
        }

    def find(self, traces: Sequence[Trace], until: date) -> list[Found | None]:
        """Which of these stand in the journal; None proves nothing (drafts are invisible)."""

        def read(**filters: Any) -> Iterable[Any]:
            return _items(self._read("transaction", "GetTransactions", searchParams=filters), "Transaction")

        return journal.find(read, traces, until)

    # The save

    def prepare(self, voucher: Voucher) -> Prepared:
        """What must be asked before the save, so that the save itself is one call."""
        if self._profile.voucher.transaction_no == "none":
            return Prepared(voucher, 0)
        answer = self._read(
            "account",
            "GetEntryId",
            argEntryId={
                "Date": datetime.combine(voucher.date, time.min),
                "SortNo": voucher.type.series_id,
                "EntryNo": 0,
            },
        )
        number = getattr(answer, "EntryNo", None)
        if not number or number < 0:
            raise Unavailable(f"24SevenOffice gave no transaction number for {voucher.name}", NEXT_RUN)
        return Prepared(voucher, int(number))

    def save(self, prepared: Prepared) -> Answer:
        """Send the bundle, once.

        What the network or the server does comes back as an Answer. One that says "not authenticated" means that
        nothing was saved: log in and repeat, once. Raises only where that login fails: nothing was saved then.
        """
        answer = self._save_once(prepared)
        if answer.kind is not Kind.LOG_IN:
            return answer
        self._log_in()
        again = self._save_once(prepared)
        return Answer(Kind.NOT_SENT, again.said) if again.kind is Kind.LOG_IN else again

    def _save_once(self, prepared: Prepared) -> Answer:
        request = bundle_list(prepared.voucher, self._profile.voucher, prepared.transaction_no)
        self._transport.fresh_connection()
        try:
            answer = self._call("account", "SaveBundleList", BundleList=request)
        except (NotSent, NoAnswer, zeep.exceptions.Error, AttributeError, ValueError, TypeError) as error:
            # AttributeError and the like: zeep on a well-formed answer that is no SOAP (facts: zeep)
            return answers.of_error(error)
        return answers.of_result(getattr(answer, "Type", None), getattr(answer, "Description", None))

    def probe(self) -> None:
        """One read, to see whether 24SevenOffice answers again. Raises Unavailable."""
        self._read("authenticate", "GetIdentity")

    # Sessions and calls

    def _read(self, service: str, operation: str, **arguments: Any) -> Any:
        if not self._company_checked:
            self._open_session()
        answer = self._read_once(service, operation, **arguments)
        if answer is None or not _is_lost(answer):
            self._fresh_login = False
            return answer
        self._log_in()
        answer = self._read_once(service, operation, **arguments)
        if _is_lost(answer):
            raise Unavailable("24SevenOffice does not accept the session that it just gave", NEXT_RUN)
        return answer

    def _read_once(self, service: str, operation: str, **arguments: Any) -> Any:
        """The answer, or :data:`_LOST` where the session is gone."""
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception(lambda error: getattr(error, "retry", True) is True)
            & tenacity.retry_if_exception_type((NotSent, NoAnswer)),
            stop=tenacity.stop_before_delay(RETRY_SECONDS),
            wait=tenacity.wait_random_exponential(multiplier=0.5, max=8),
            reraise=True,
        )
        try:
            return retrying(self._call, service, operation, **arguments)
        except (NotSent, NoAnswer) as error:
            raise Unavailable(f"24SevenOffice: {operation}: {clean(error.reason)}", NEXT_RUN) from None
        except zeep.exceptions.Fault as fault:
            if answers.is_not_authenticated(fault):
                return _LOST
            raise Unavailable(f"24SevenOffice: {operation}: {answers.said_by(fault)}", NEXT_RUN) from None
        except (zeep.exceptions.Error, AttributeError, ValueError, TypeError) as error:
            raise Unavailable(
                f"24SevenOffice: {operation}: an answer that could not be read ({type(error).__name__})",
                "klarna24 check",
            ) from None

    def _open_session(self) -> None:
        """The kept session if it still stands for the pinned company, else a new one."""
        self._transport.session_id = self._sessions.read(self._settings)
        if self._transport.session_id:
            identity = self._read_once("authenticate", "GetIdentity")
            if not _is_lost(identity) and self._is_pinned(identity):
                self._company_checked = True
                return
        self._log_in()

    def _log_in(self) -> None:
        """Log in and make sure that it is to the pinned company (facts: the default company is an accident
        waiting to happen). No login follows a login that nothing has succeeded under."""
        if self._fresh_login:
            raise Unavailable("24SevenOffice does not accept the session that it just gave", NEXT_RUN)
        self._company_checked = False
        self._transport.session_id = None
        answer = self._read_once(
            "authenticate",
            "Login",
            credential={
                "ApplicationId": self._settings.application_id,
                "IdentityId": self._settings.identity_id,
                "Password": self._password(),
                "Username": self._settings.username,
            },
        )
        session_id = "" if _is_lost(answer) else str(answer or "")
        if not session_id:
            raise CredentialsFault(
                f"24SevenOffice refused the login of {self._settings.username}",
                "check username, password, application_id and identity_id: klarna24 check",
            )
        if not session_id.isascii() or not session_id.isprintable() or set(session_id) & set(' ;,"\\'):
            raise Unavailable("24SevenOffice gave a session id that no cookie can hold", NEXT_RUN)
        self._transport.session_id = session_id
        self._fresh_login = True
        self._check_company()
        self._sessions.write(self._settings, session_id)

    def _check_company(self) -> None:
        identity = self._read_once("authenticate", "GetIdentity")
        if _is_lost(identity) or identity is None:
            raise Unavailable("24SevenOffice does not accept the session that it just gave", NEXT_RUN)
        if not self._is_pinned(identity):
            client = getattr(identity, "Client", None)
            raise ConfigFault(
                f"24SevenOffice logged in to company {getattr(client, 'Id', None)} "
                f"({clean(getattr(client, 'Name', None))}) as identity {clean(str(identity.Id))}, but the "
                f"profile says {self._settings.client_id} and {self._settings.identity_id}",
                f"correct [profiles.{self._profile.name}.24sevenoffice]; nothing was sent",
            )
        self._company_checked = True

    def _is_pinned(self, identity: Any) -> bool:
        client = getattr(identity, "Client", None)
        return (
            str(getattr(identity, "Id", "")).lower() == self._settings.identity_id.lower()
            and getattr(client, "Id", None) == self._settings.client_id
        )

    def _call(self, service: str, operation: str, **arguments: Any) -> Any:
        return getattr(self._service(service), operation)(**arguments)

    def _service(self, name: str) -> Any:
        """The service of one contract file, loaded when first used; base_url replaces scheme and host."""
        if name not in self._services:
            client: Any = zeep.Client(  # type: ignore[no-untyped-call]  # zeep has no types
                _contract(name), transport=self._transport, settings=SETTINGS
            )
            binding = next(iter(client.wsdl.bindings))
            address = client.service._binding_options["address"]
            if self._settings.base_url:
                host = urlsplit(self._settings.base_url)
                address = urlunsplit((host.scheme, host.netloc, urlsplit(address).path, "", ""))
            self._services[name] = client.create_service(binding, address)
        return self._services[name]


@cache
def _contract(name: str) -> Any:
    """A contract file, parsed once a process, however many profiles there are."""
    client: Any = zeep.Client(str(CONTRACTS / f"{name}.wsdl"), settings=SETTINGS)  # type: ignore[no-untyped-call]
    return client.wsdl


_LOST = object()


def _is_lost(answer: object) -> bool:
    return answer is _LOST


def _items(answer: Any, name: str) -> Iterable[Any]:
    """The rows of a list; .NET leaves an empty one out (facts: Reading)."""
    rows = getattr(answer, name, answer)
    return [row for row in rows or () if row is not None]


def _local(moment: datetime, zone: ZoneInfo) -> Any:
    """The day a fiscal year's bound means: naive as it stands, with an offset where the shop is."""
    if moment.tzinfo is not None:
        moment = moment.astimezone(zone)
    # a bound in UTC may stand an hour or two before the midnight that it means
    return (moment + timedelta(hours=2)).date() if moment.hour >= 22 else moment.date()
