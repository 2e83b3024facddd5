"""Checks of the two services: Klarna answers, and 24SevenOffice has all that the profile names."""

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from datetime import date, datetime, timedelta
from urllib.parse import urlsplit

from klarna24.bookkeeping.figures import fiscal_year
from klarna24.bookkeeping.payout import Listed
from klarna24.bookkeeping.usual_accounts import country_code
from klarna24.bookkeeping.voucher import Books, FiscalYear, VoucherType
from klarna24.check.accounts import check_accounts
from klarna24.check.currency import CURRENCY, check_foreign
from klarna24.check.past import months_before
from klarna24.check.result import Check, failed, not_tried
from klarna24.config.tables import Profile
from klarna24.ecb.client import EcbClient
from klarna24.errors import CredentialsFault, Klarna24Error, Unavailable
from klarna24.http.server_time import ServerTime
from klarna24.klarna.client import KlarnaClient
from klarna24.text.sentences import sentence
from klarna24.twentyfour.books import BooksReader
from klarna24.twentyfour.client import TwentyFourClient
from klarna24.twentyfour.sessions import Sessions

LOOK_BACK = timedelta(days=30)
FISCAL_YEAR = sentence("fiscal year")

NamedCheck = tuple[str, Callable[[], Iterable[Check]]]


def check_klarna(
    profile: Profile, password: str | None, server_times: dict[str, ServerTime | None], months: int
) -> Generator[Check, None, list[Listed] | None]:
    """List the payouts of the last 30 days, and return those of so many months if these are more; None where they
    cannot be read."""
    settings = profile.klarna
    if password is None:
        yield not_tried("klarna", "klarna.password")
        return None
    today = datetime.now(profile.timezone).date()
    lately, since = today - LOOK_BACK, months_before(today, months)
    with closing(KlarnaClient(settings, password)) as client:
        try:
            payouts = client.payouts(min(lately, since), today, profile.timezone)
        except Klarna24Error as error:
            yield failed("klarna", error)
            return None
        finally:
            server_times["Klarna"] = client.server_time
    where = f"{urlsplit(settings.url).netloc} ({settings.region}, {settings.environment})"
    number = sum(1 for payout in payouts if _local_date(payout, profile) >= lately)
    message = sentence(
        "{where}: {count} payouts in the last {days} days", where=where, count=number, days=LOOK_BACK.days
    )
    if number == 1:
        message = sentence("{where}: 1 payout in the last {days} days", where=where, days=LOOK_BACK.days)
    yield Check("klarna", "ok", message)
    yield from _check_filters(profile, client, min(lately, since))
    return payouts


def _check_filters(profile: Profile, client: KlarnaClient, since: date) -> Iterator[Check]:
    """Advises where the profile asks for payouts of which the login has none, while it has others: a merchant that
    is mistyped looks like a shop without sales."""
    settings = profile.klarna
    filters = (
        ("merchant_ids", settings.merchant_ids, client.merchants),
        ("currencies", settings.currencies, client.currencies),
    )
    for key, wanted, seen in filters:
        unseen = [it for it in wanted or () if it not in seen]
        if seen and unseen:
            message = sentence(
                "no payouts of {unseen} since {day}: those that this Klarna login has had are of {seen}",
                unseen=", ".join(unseen),
                day=str(since),
                seen=", ".join(sorted(seen)),
            )
            hint = sentence(
                "correct {key} in {table}, unless they are still to come",
                key=key,
                table=f"[profiles.{profile.name}.klarna]",
            )
            yield Check(f"klarna.{key}", "advice", message, hint)


def _local_date(payout: Listed, profile: Profile) -> date:
    """What has no readable date may be of today."""
    return payout.payout_date.astimezone(profile.timezone).date() if payout.payout_date else date.max


def check_office(
    profile: Profile,
    password: str | None,
    sessions: Sessions,
    currencies: set[str],
    ecb: EcbClient,
    server_times: dict[str, ServerTime | None],
) -> Generator[Check, None, Books | None]:
    """Log in and compare the company's books with the profile; ``currencies`` are those in which Klarna pays.
    Returns the books, or None where a check of them failed.

    After a failed login, or where 24SevenOffice does not answer, the remaining checks are not tried.
    """
    blocker = "24sevenoffice.password" if password is None else ""
    checks = _OfficeChecks(profile, str(password), sessions, ecb)
    with closing(checks.client):
        for name, check in checks.named(currencies):
            if blocker:
                yield not_tried(name, blocker)
                continue
            try:
                yield from check()
            except Klarna24Error as error:
                yield failed(name, error)
                if name == "24sevenoffice" or isinstance(error, Unavailable | CredentialsFault):
                    blocker = name
        server_times["24SevenOffice"] = checks.client.server_time
    return checks.books()


class _OfficeChecks:
    """Each method yields its checks, or raises Klarna24Error where there is nothing to show but the error."""

    def __init__(self, profile: Profile, password: str, sessions: Sessions, ecb: EcbClient) -> None:
        self._profile, self._password, self._ecb = profile, password, ecb
        self._logged_in = False
        self._chart: dict[int, str] = {}
        self._type: VoucherType | None = None
        self._years: tuple[FiscalYear, ...] = ()
        self._home = ""
        self.client = TwentyFourClient(profile, self._password_for_login, sessions)

    def _password_for_login(self) -> str:
        self._logged_in = True
        return self._password

    def books(self) -> Books | None:
        """What the checks were told of the company's books; None where one of the answers is missing."""
        if not (self._chart and self._type and self._years and self._home):
            return None
        return Books(self._home, self._chart, self._type, self._years)

    def named(self, currencies: set[str]) -> Iterator[NamedCheck]:
        """The checks in their order."""
        voucher = self._profile.voucher
        yield "24sevenoffice", self._company
        yield sentence("accounts"), self._accounts
        yield "voucher.type", self._voucher_type
        if voucher.department_id is not None:
            yield "voucher.department_id", self._department
        if voucher.project_id is not None:
            yield "voucher.project_id", self._project
        if self._profile.vat.tax_code is not None:
            yield "vat.tax_code", self._tax_code
        if voucher.customer_id is not None or voucher.supplier_id is not None:
            yield sentence("customer, supplier"), self._parties
        yield FISCAL_YEAR, self._fiscal_year
        yield CURRENCY, lambda: self._currency(currencies)

    def _company(self) -> Iterator[Check]:
        """A cached session says nothing about the password, so that is tried as well."""
        settings = self._profile.twentyfour
        company = f"{self.client.ask(BooksReader.company_name)} ({settings.client_id})"
        if self._logged_in:
            yield Check("24sevenoffice", "ok", sentence("logged in to {company}", company=company))
            return
        message = sentence("the session of the last run is valid for {company}", company=company)
        yield Check("24sevenoffice", "ok", message)
        if not self.client.accepts_credentials():
            message = sentence(
                "the cached session is still valid, but {username} cannot log in with this password",
                username=settings.username,
            )
            hint = sentence("correct the password before the session ends")
            yield Check("24sevenoffice", "advice", message, hint)

    def _accounts(self) -> Iterator[Check]:
        chart = self._chart = self.client.ask(BooksReader.chart)
        if not chart:
            message = sentence("24SevenOffice does not say what the company's chart of accounts is")
            raise Unavailable(message, sentence("try again later"))
        yield from check_accounts(self._profile, chart)

    def _voucher_type(self) -> Iterator[Check]:
        found = self._type = self.client.ask(BooksReader.voucher_type)
        yield Check("voucher.type", "ok", f"{found.title} ({found.number})")

    def _department(self) -> Iterator[Check]:
        name = self.client.ask(BooksReader.department)
        yield Check("voucher.department_id", "ok", f"{self._profile.voucher.department_id} {name}")

    def _project(self) -> Iterator[Check]:
        """None of the services that klarna24 uses lists projects."""
        message = sentence(
            "{number}: klarna24 cannot ask 24SevenOffice for its projects",
            number=self._profile.voucher.project_id or 0,
        )
        yield Check("voucher.project_id", "advice", message, sentence("look for it in 24SevenOffice"))

    def _tax_code(self) -> Iterator[Check]:
        name = self.client.ask(BooksReader.tax_code)
        yield Check("vat.tax_code", "ok", f"{self._profile.vat.tax_code} {name}")

    def _parties(self) -> Iterator[Check]:
        """The name is shown only if it is Klarna: a mistyped number is that of some other customer, whose name
        does not belong in this output."""
        for key, name in self.client.ask(BooksReader.parties).items():
            number = getattr(self._profile.voucher, key)
            if "klarna" in name.casefold():
                yield Check(f"voucher.{key}", "ok", f"{number} {name}")
            else:
                message = sentence(
                    "{number} is in 24SevenOffice's CRM, but its name does not contain Klarna", number=number
                )
                hint = sentence("look in 24SevenOffice whether it is right")
                yield Check(f"voucher.{key}", "advice", message, hint)

    def _fiscal_year(self) -> Iterator[Check]:
        """The fiscal year of a payout of today."""
        today = datetime.now(self._profile.timezone).date()
        self._years = self.client.ask(BooksReader.fiscal_years)
        year = fiscal_year(today, self._profile, self._years)
        yield Check(FISCAL_YEAR, "ok", sentence("{year} is open on {day}", year=year, day=str(today)))

    def _currency(self, currencies: set[str]) -> Iterator[Check]:
        client = self.client.ask(BooksReader.client)
        self._home = client.home_currency
        if not client.home_currency:
            message = sentence("24SevenOffice does not say what the company's currency is")
            raise Unavailable(message, sentence("try again later"))
        message = sentence("the company keeps its books in {currency}", currency=client.home_currency)
        yield Check(CURRENCY, "ok", message)
        if foreign := currencies - {client.home_currency}:
            yield from check_foreign(self._profile, client.home_currency, foreign, self._ecb)
        if country_code(client.country, client.home_currency) == "NO" and self._profile.vat.mode is None:
            yield Check(
                "vat.mode",
                "advice",
                sentence(
                    "a Norwegian company itself accounts for the VAT on those fees from abroad that are taxable "
                    "(snudd avregning, omvendt avgiftsplikt), and the profile does not say whether Klarna's are"
                ),
                sentence(
                    "ask your accountant, then add under {table}: {line}, or {other} with rate, output and input",
                    table=f"[profiles.{self._profile.name}.vat]",
                    line='mode = "none"',
                    other='mode = "reverse-charge"',
                ),
            )
