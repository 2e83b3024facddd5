"""What ``klarna24 init`` asks 24SevenOffice: the user's companies, and what a company offers to choose from."""

from dataclasses import dataclass

from klarna24.config.tables import Profile
from klarna24.errors import CredentialsFault
from klarna24.text.clean import clean
from klarna24.text.sentences import sentence
from klarna24.twentyfour.books import BooksReader, items
from klarna24.twentyfour.connection import UNREADABLE, Connection, unreadable
from klarna24.twentyfour.sessions import Sessions


@dataclass(frozen=True, slots=True)
class Company:
    """A company that the user may act for (contract: Authenticate.Identity)."""

    client_id: int
    identity_id: str
    name: str


@dataclass(frozen=True, slots=True)
class Choices:
    """What one company offers to choose from, as names by number."""

    chart: dict[int, str]
    voucher_types: dict[int, str]
    departments: dict[int, str]
    country: str
    currency: str


class SetupClient:
    """One user, before and after a company is chosen. Every method raises what any read raises."""

    def __init__(self, profile: Profile, password: str, sessions: Sessions) -> None:
        self._profile = profile
        self._connection = Connection(profile, lambda: password, sessions)

    def close(self) -> None:
        """Close the connections; the session stays valid."""
        self._connection.close()

    def companies(self) -> list[Company]:
        """Return the companies that the user may act for. Raises CredentialsFault if there are none, because
        24SevenOffice answers wrong credentials in that way."""
        try:
            identities = items(self._connection.identities(), "Identity")
            found = [
                Company(int(identity.Client.Id), str(identity.Id), clean(identity.Client.Name))
                for identity in identities
                if identity.Client is not None
            ]
        except UNREADABLE as error:
            raise unreadable("GetIdentitiesWithCredential", error) from None
        if not found:
            message = sentence(
                "24SevenOffice knows no company for {username} with this password and application id",
                username=self._profile.twentyfour.username,
            )
            raise CredentialsFault(message, sentence("check all three"))
        return found

    def choices(self) -> Choices:
        """Return what the profile's company offers."""
        reader = BooksReader(self._profile, self._connection.read)
        try:
            client = reader.client()
            return Choices(
                chart=reader.chart(),
                voucher_types={row.number: row.title for row in reader.voucher_types()},
                departments=reader.departments(),
                country=client.country,
                currency=client.home_currency,
            )
        except UNREADABLE as error:
            raise unreadable(sentence("the company's books"), error) from None

    def parties(self, text: str) -> dict[int, str]:
        """Return customers and suppliers by number, found by their number or a part of their name."""
        search = {"CompanyIds": {"int": [int(text)]}} if text.isdecimal() else {"CompanyName": text}
        try:
            found = items(
                self._connection.read(
                    "company", "GetCompanies", searchParams=search, returnProperties={"string": ["Id", "Name"]}
                ),
                "Company",
            )
            return {
                int(row.Id): clean(row.Name) for row in found if row.APIException is None and row.Id is not None
            }
        except UNREADABLE as error:
            raise unreadable("GetCompanies", error) from None
