"""The state of 24SevenOffice's side: a user, sessions and companies; and what a person does on the web site."""

import random
from datetime import date, datetime
from threading import RLock
from typing import Any
from uuid import UUID

from klarna24.sandbox.office.chart import BAS, CURRENCIES, CUSTOMERS, DEPARTMENTS, TAX_CODES, TYPES
from klarna24.sandbox.office.company import Company, Draft, FiscalYear


class OfficeState:
    """One user with an identity in each of two companies. What changes it holds the sandbox's lock."""

    def __init__(self, seed: int, today: date, lock: RLock) -> None:
        rng = random.Random(f"office {seed}")
        self.today, self._lock, self._rng = today, lock, rng
        self.username = "integration@exempelbutiken.example"
        self.password = "sandbox-office-password"  # noqa: S105 - opens nothing but the sandbox
        self.application_id = _guid(rng)
        self.user_id = _guid(rng)
        self.default = self._company(3000011, "Andra Bolaget AB")
        self.home = self._company(3000024, "Exempelbutiken AB")
        self.companies = [self.default, self.home]
        self.sessions: dict[str, Company] = {}
        self.extra_elements = False  # whether answers have an element that is not in the contract
        self.warnings: set[str] = set()  # a save is refused unless IgnoreWarnings names all of these
        self.max_request_bytes: int | None = None  # ASP.NET's default is 4 MiB; the vendor's is unknown
        self.not_authenticated_as = "fault"  # or "type": the Type NotAuthenticated of SaveBundleList
        self._drafts = 0

    def _company(self, client_id: int, name: str) -> Company:
        return Company(
            client_id,
            _guid(self._rng),
            name,
            "SEK",
            "Sweden",
            dict(BAS),
            list(TYPES),
            list(TAX_CODES),
            [self._year(number) for number in range(self.today.year - 3, self.today.year + 2)],
            dict(DEPARTMENTS),
            list(CURRENCIES),
            dict(CUSTOMERS),
        )

    def _year(self, number: int) -> FiscalYear:
        """A calendar year, locked if it ended more than a year ago, so that December can be booked in January."""
        end = date(number + 1, 1, 1)
        return FiscalYear(_guid(self._rng), date(number, 1, 1), end, (self.today - end).days > 366)

    # --- sessions ---

    def login(self, username: str, password: str, application_id: str, identity_id: str) -> str:
        """The session's id, or "" if anything is wrong. An identity of zeros means the default company."""
        company = self.company_of(identity_id) if identity_id.strip("0-") else self.default
        if not self.knows(username, password, application_id) or company is None:
            return ""
        with self._lock:
            session = "".join(self._rng.choices("abcdefghijklmnopqrstuvwxyz012345", k=24))
            self.sessions[session] = company
            return session

    def knows(self, username: str, password: str, application_id: str) -> bool:
        """Whether the user and the application exist with this password."""
        given = (username, password, application_id)
        return given == (self.username, self.password, self.application_id)

    def company_of(self, identity_id: str) -> Company | None:
        """The company that this identity of the user belongs to, if any."""
        return next((c for c in self.companies if c.identity_id == identity_id), None)

    def expire_sessions(self) -> None:
        """End every session."""
        with self._lock:
            self.sessions.clear()

    # --- drafts, and what a person does with them ---

    def save_draft(self, company: Company, draft: Draft) -> Draft:
        """Save a draft and give it its id."""
        with self._lock:
            self._drafts += 1
            draft.id = self._drafts
            company.drafts.append(draft)
            return draft

    def draft(self, draft_id: int) -> tuple[Company, Draft]:
        """The company of the draft, and the draft. Raises KeyError if it does not exist."""
        for company in self.companies:
            for draft in company.drafts:
                if draft.id == draft_id:
                    return company, draft
        raise KeyError(f"no draft {draft_id}")

    def book(self, draft_id: int, number: int | None = None) -> int:
        """Give a draft its number and book it into the ledger, as a person does. Returns the TransactionNo."""
        with self._lock:
            company, draft = self.draft(draft_id)
            kind = company.type_of(draft.sort)
            if kind is None:
                raise KeyError(f"no voucher type {draft.sort}")
            chosen = number or draft.transaction_no or company.next_number(draft.year, kind.series)
            now = datetime.now().replace(microsecond=0)  # noqa: DTZ005 - a naive time, as all of the API's are
            company.ledger += [
                {
                    "Year": draft.year,
                    "Sort": draft.sort,
                    "TransactionTypeId": kind.type_id,
                    "TransactionNo": chosen,
                    "Id": _guid(self._rng),
                    "SequenceNo": min(place, 2**15 - 1),
                    "Date": entry["Date"],
                    "Period": entry["Date"].month,
                    "AccountNo": entry["AccountNo"],
                    "Amount": entry["Amount"],
                    "Comment": entry["Comment"],
                    "Currency": entry["CurrencyId"] or company.home_currency,
                    "InvoiceNo": entry["InvoiceReferenceNo"],
                    "OCR": entry["InvoiceOcr"],
                    "StampNo": entry["StampNo"],
                    "CustomerId": entry["CustomerId"],
                    "DepartmentId": entry["DepartmentId"],
                    "ProjectId": entry["ProjectId"],
                    "DraftName": draft.name,
                    "RegistrationDate": now,
                    "DateChanged": now,
                }
                for place, entry in enumerate(draft.entries, 1)
            ]
            company.drafts.remove(draft)
            return chosen

    def delete_draft(self, draft_id: int) -> None:
        """Delete a draft, as a person does."""
        with self._lock:
            company, draft = self.draft(draft_id)
            company.drafts.remove(draft)

    def edit_draft(
        self, draft_id: int, line: int = 0, *, entries: list[dict[str, Any]] | None = None, **fields: Any
    ) -> None:
        """Change fields of one line (0 is the first) or replace all lines, as a person does. Raises KeyError."""
        with self._lock:
            _, draft = self.draft(draft_id)
            if entries is not None:
                draft.entries = entries
            unknown = set(fields) - set(draft.entries[line])
            if unknown:
                raise KeyError(f"an entry has no {sorted(unknown)}")
            draft.entries[line].update(fields)


def _guid(rng: random.Random) -> str:
    return str(UUID(int=rng.getrandbits(128), version=4))
