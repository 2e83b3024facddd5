"""The state of 24SevenOffice: users, sessions, companies; and what a person does on its web site."""

import random
from datetime import date, datetime
from threading import RLock
from typing import Any
from uuid import UUID

from klarna24.sandbox.office.chart import BAS, CURRENCIES, CUSTOMERS, DEPARTMENTS, TAX_CODES, TYPES
from klarna24.sandbox.office.company import Company, Draft, FiscalYear


class OfficeWorld:
    """One user with an identity in each of two companies. Every method takes the sandbox's one lock."""

    def __init__(self, seed: int, today: date, lock: RLock) -> None:
        dice = random.Random(f"office {seed}")
        self.today, self._lock, self._dice = today, lock, dice
        self.username = "integration@exempelbutiken.example"
        self.password = "sandbox-office-password"  # noqa: S105 - opens nothing but the sandbox
        self.application_id = _guid(dice)
        self.user_id = _guid(dice)
        self.default = self._company(3000011, "Andra Bolaget AB")
        self.home = self._company(3000024, "Exempelbutiken AB")
        self.companies = [self.default, self.home]
        self.sessions: dict[str, Company] = {}
        self.extra_elements = False  # answers carry an element that the contract does not know
        self.warnings: set[str] = set()  # a save is refused until IgnoreWarnings names all of these
        self.max_request_bytes: int | None = None  # ASP.NET's default is 4 MiB; the vendor's is unknown
        self._drafts = 0

    def _company(self, client_id: int, name: str) -> Company:
        return Company(
            client_id,
            _guid(self._dice),
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
        """A calendar year; locked once it ended more than a year ago, so that January can book December."""
        end = date(number + 1, 1, 1)
        return FiscalYear(_guid(self._dice), date(number, 1, 1), end, (self.today - end).days > 366)

    # --- sessions ---

    def login(self, username: str, password: str, application_id: str, identity_id: str) -> str:
        """The session's id, or "" when anything is wrong. The zero guid picks the user's default company."""
        company = self.company_of(identity_id) if identity_id.strip("0-") else self.default
        if not self.knows(username, password, application_id) or company is None:
            return ""
        with self._lock:
            session = "".join(self._dice.choices("abcdefghijklmnopqrstuvwxyz012345", k=24))
            self.sessions[session] = company
            return session

    def knows(self, username: str, password: str, application_id: str) -> bool:
        """Whether the credentials are the user's and the application's."""
        given = (username, password, application_id)
        return given == (self.username, self.password, self.application_id)

    def company_of(self, identity_id: str) -> Company | None:
        """The company in which this identity of the user works."""
        return next((c for c in self.companies if c.identity_id == identity_id), None)

    def expire_sessions(self) -> None:
        """Every session id is forgotten, as after a pause."""
        with self._lock:
            self.sessions.clear()

    # --- the ledger; the person's part ---

    def keep(self, company: Company, draft: Draft) -> Draft:
        """Saves a draft and gives it its id."""
        with self._lock:
            self._drafts += 1
            draft.id = self._drafts
            company.drafts.append(draft)
            return draft

    def draft(self, draft_id: int) -> tuple[Company, Draft]:
        """The draft and its company. Raises KeyError."""
        for company in self.companies:
            for draft in company.drafts:
                if draft.id == draft_id:
                    return company, draft
        raise KeyError(f"no draft {draft_id}")

    def book(self, draft_id: int, number: int | None = None) -> int:
        """Numbers a draft and moves it to the ledger: what a person does. Returns its TransactionNo."""
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
                    "Id": _guid(self._dice),
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
                    "RegistrationDate": now,
                    "DateChanged": now,
                }
                for place, entry in enumerate(draft.entries, 1)
            ]
            company.drafts.remove(draft)
            return chosen

    def delete_draft(self, draft_id: int) -> None:
        """The person throws a draft away."""
        with self._lock:
            company, draft = self.draft(draft_id)
            company.drafts.remove(draft)

    def edit_draft(
        self, draft_id: int, line: int = 0, *, entries: list[dict[str, Any]] | None = None, **fields: Any
    ) -> None:
        """The person changes fields of one line (0 is the first), or replaces all lines."""
        with self._lock:
            _, draft = self.draft(draft_id)
            if entries is not None:
                draft.entries = entries
            unknown = set(fields) - set(draft.entries[line])
            if unknown:
                raise KeyError(f"an entry has no {sorted(unknown)}")
            draft.entries[line].update(fields)


def _guid(dice: random.Random) -> str:
    return str(UUID(int=dice.getrandbits(128), version=4))
