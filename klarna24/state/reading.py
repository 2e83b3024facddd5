"""What the state knows about payouts, profiles and events. Each question is one short read."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal

from klarna24.bookkeeping.payout import PayoutKey, may_be_same
from klarna24.bookkeeping.voucher import Rate
from klarna24.errors import ConfigFault
from klarna24.state.base import Database, stored_moment
from klarna24.state.records import CORRECTED, RECKONED, Event, Owner, RateKey, Row, Status, row_of
from klarna24.text.sentences import sentence

# As in the index payout_unfinished, which answers no other condition.
_UNFINISHED = "status NOT IN ('drafted', 'booked', 'skipped')"
_CHANGED = "code = 'changed' AND status IN ('drafted', 'booked', 'skipped')"
EVENTS_AT_A_TIME = 1_000
_EVENTS = {
    "profile": "event.profile = :profile",
    "since": "at >= :since",
    "reference": "lower(payment_reference) = lower(:reference)",
}


class StateReader(Database):
    """The reading half of :class:`~klarna24.state.store.State`."""

    # Payouts

    def row(self, owner: Owner, key: PayoutKey) -> Row | None:
        """The payout of that key, whichever profile it belongs to."""
        found = self._payouts(
            "(client_id, environment, merchant_id, payment_reference, currency) = (?, ?, ?, ?, ?)",
            owner.client_id,
            owner.environment,
            *key,
        )
        return found[0] if found else None

    def rows(self, owner: Owner, keys: Iterable[PayoutKey]) -> dict[PayoutKey, Row]:
        """Those of the payouts that the state knows, as :meth:`row` has each, in one read for hundreds."""
        wanted = {*keys}
        found = self._query_in(
            "SELECT * FROM payout WHERE client_id = ? AND environment = ? AND payment_reference IN ({})",
            (owner.client_id, owner.environment),
            (key.payment_reference for key in wanted),
        )
        return {row.key: row for row in map(row_of, found) if row.key in wanted}

    def by_reference(self, profile: str, payment_reference: str) -> list[Row]:
        """More than one where a reference stands for several currencies or merchants."""
        # The profile is compared here: given both, SQLite may read all of the profile's payouts instead.
        rows = self._payouts("payment_reference = ? ORDER BY id", payment_reference)
        return [row for row in rows if row.profile == profile]

    def references_like(self, profile: str, beginning: str) -> list[Row]:
        """Those whose reference begins so, in any case of ASCII letters."""
        return self._payouts(
            "profile = ? AND lower(substr(payment_reference, 1, ?)) = lower(?) ORDER BY id",
            profile,
            len(beginning),
            beginning,
        )

    def unfinished(self, owner: Owner) -> list[Row]:
        """The profile's payouts that are neither drafted, booked nor skipped, oldest first; only those of the
        company and environment that the profile names today."""
        return self._payouts(
            f"profile = ? AND client_id = ? AND environment = ? AND {_UNFINISHED} ORDER BY payout_date, id", *owner
        )

    def waiting(self, profile: str) -> list[Row]:
        """The unfinished payouts of the profile and those that Klarna changed afterwards, oldest first; of
        any company and environment."""
        unfinished = self._payouts(f"profile = ? AND {_UNFINISHED}", profile)
        changed = self._payouts(f"profile = ? AND {_CHANGED}", profile)
        return sorted((*unfinished, *changed), key=lambda row: (row.payout_date, row.id))

    def period(self, profile: str, first: date | None = None, last: date | None = None) -> list[Row]:
        """The profile's payouts of these payout dates, both included, oldest first; of any company and status."""
        values = (profile, str(first or date.min), str(last or date.max))
        return self._payouts("profile = ? AND payout_date BETWEEN ? AND ? ORDER BY payout_date, id", *values)

    def corrected(self, rows: Iterable[Row]) -> frozenset[int]:
        """The ids of those that Klarna changed, and whose voucher a person says to have corrected, to sums that
        could not be reckoned: the trace has those from before."""
        found = self._query_in(
            "SELECT payout_id, answer FROM event WHERE answer IN (?, ?) AND payout_id IN ({}) ORDER BY id",
            (CORRECTED, RECKONED),
            (row.id for row in rows),
        )
        last = {row["payout_id"]: row["answer"] for row in found}
        return frozenset(payout_id for payout_id, answer in last.items() if answer == CORRECTED)

    def drafts(self, profile: str) -> list[Row]:
        """The profile's drafts that wait to be booked, oldest first, of any company and environment; those that a
        person made without us, of which no voucher is known, are left out."""
        return self._payouts(
            "profile = ? AND status = 'drafted' AND sums IS NOT NULL ORDER BY payout_date, id", profile
        )

    def orphans(self, owner: Owner, profiles: Iterable[str]) -> list[Row]:
        """The unfinished payouts of the same company and environment whose profile is not among ``profiles``."""
        rows = self._payouts(
            f"client_id = ? AND environment = ? AND {_UNFINISHED} ORDER BY payout_date, id",
            owner.client_id,
            owner.environment,
        )
        known = set(profiles)
        return [row for row in rows if row.profile not in known]

    def namesakes(self, owner: Owner, key: PayoutKey) -> list[Row]:
        """Other payouts of the same reference: of another company, merchant, currency or environment."""
        return self._payouts(
            "payment_reference = ? AND (client_id, environment, merchant_id, currency) <> (?, ?, ?, ?)",
            key.payment_reference,
            owner.client_id,
            owner.environment,
            key.merchant_id,
            key.currency,
        )

    def shares_reference(self, owner: Owner, key: PayoutKey) -> bool:
        """Whether another merchant or currency has a payout of the reference: what Klarna finds by the
        reference alone may be of either."""
        others = [row.key for row in self.namesakes(owner, key) if row.environment == owner.environment]
        return any(not may_be_same(other, key) for other in others)

    def before(self, owner: Owner, key: PayoutKey, payout_date: date) -> list[Row]:
        """The profile's payouts of the same merchant and currency on the last date before this one."""
        same = "profile = ? AND client_id = ? AND environment = ? AND merchant_id = ? AND currency = ?"
        values = (*owner, key.merchant_id, key.currency)
        found = self._query(
            f"SELECT max(payout_date) AS day FROM payout WHERE {same} AND payout_date < ?",  # noqa: S608 - as above
            (*values, payout_date.isoformat()),
        )
        day = found[0]["day"]
        return self._payouts(f"{same} AND payout_date = ?", *values, day) if day else []

    def _payouts(self, condition: str, *values: object) -> list[Row]:
        found = self._query(f"SELECT * FROM payout WHERE {condition}", values)  # noqa: S608 - conditions stand above
        return [row_of(row) for row in found]

    # Companies

    def anchor_accounts(self, owner: Owner) -> set[int]:
        """The accounts of all anchors of the company's vouchers so far."""
        its = "client_id = ? AND anchor_account IS NOT NULL"  # as in the index payout_by_anchor
        return {*self._distinct("anchor_account", "payout", its, (owner.client_id,))}

    def merchants(self, owner: Owner) -> set[str]:
        """The merchants of the profile's payouts so far, as far as Klarna's records named them."""
        whose = "profile = ? AND client_id = ? AND environment = ?"
        return {*self._distinct("merchant_id", "payout", whose, owner)} - {""}

    def check_owner(self, owner: Owner) -> None:
        """Raises ConfigFault if the profile has payouts of another company."""
        for client_id in self._distinct("client_id", "payout", "profile = ?", (owner.profile,)):
            if client_id != owner.client_id:
                raise ConfigFault(
                    sentence(
                        "this profile's payouts were drafted in company {company}, but its client_id is now "
                        "{client_id}",
                        company=client_id,
                        client_id=owner.client_id,
                    ),
                    sentence("correct client_id, or give the new company a profile of its own"),
                )

    # Profiles

    def profiles(self) -> list[str]:
        """Every profile that has a row, also if it is no longer in profiles.toml."""
        return sorted({*self._distinct("name", "profile"), *self._distinct("profile", "payout")})

    def checkpoint(self, profile: str) -> date | None:
        """The payout date of the profile's newest payout of any status, from which the next listing goes back.

        Rows are made only after a complete listing, so that it cannot move past a payout that was never seen.
        """
        (found,) = self._query("SELECT max(payout_date) AS newest FROM payout WHERE profile = ?", (profile,))
        return date.fromisoformat(found["newest"]) if found["newest"] else None

    def scope(self, profile: str) -> str | None:
        """What the last complete listing asked for."""
        found = self._query("SELECT scope FROM profile WHERE name = ?", (profile,))
        return found[0]["scope"] if found else None

    def completed_at(self, profile: str) -> datetime | None:
        """When a run last came to its end, in UTC."""
        found = self._query("SELECT completed_at FROM profile WHERE name = ?", (profile,))
        return datetime.fromisoformat(found[0]["completed_at"]) if found and found[0]["completed_at"] else None

    def ledger_read_at(self, profile: str) -> datetime | None:
        """When all of the profile's drafts were last looked up in the ledger, in UTC."""
        found = self._query("SELECT ledger_read_at FROM profile WHERE name = ?", (profile,))
        read_at = found[0]["ledger_read_at"] if found else None
        return datetime.fromisoformat(read_at) if read_at else None

    def last_run(self, owner: Owner) -> tuple[datetime | None, bool]:
        """When the last run ended, and whether payouts are unfinished: what decides when the next is due."""
        return self.completed_at(owner.profile), bool(self.unfinished(owner))

    def counts(self, profile: str) -> dict[Status, int]:
        """The number of the profile's payouts by status."""
        found = self._query(
            "SELECT status, count(*) AS payouts FROM payout WHERE profile = ? GROUP BY status ORDER BY status",
            (profile,),
        )
        return {row["status"]: row["payouts"] for row in found}

    # Rates

    def rate(self, key: RateKey) -> Rate | None:
        """The rate by which payouts of that day were converted; None where none was."""
        found = self._query(
            "SELECT published, value AS rate FROM rate WHERE (day, currency, home) = (?, ?, ?)",
            (key.day.isoformat(), key.currency, key.home),
        )
        return Rate(Decimal(found[0]["rate"]), date.fromisoformat(found[0]["published"])) if found else None

    # Events

    def events(
        self,
        profile: str | None,
        since: datetime | None = None,
        reference: str | None = None,
        newest: int | None = None,
    ) -> Iterator[Event]:
        """The log, oldest first: all of it, or of one profile, of one reference in any case, the newest so many.
        Each thousand is one short read: a long log needs no memory, and a slow reader of it (``| less``) keeps no
        run from writing."""
        values: dict[str, object] = {
            "profile": profile,
            "since": since and stored_moment(since),
            "reference": reference,
            "newest": newest,
            "after": 0,
            "most": EVENTS_AT_A_TIME,
        }
        condition = "event.id > :after" + "".join(
            f" AND {words}" for name, words in _EVENTS.items() if values[name] is not None
        )
        if newest is not None:
            values["after"] = self._before_newest(condition, values)
        while found := self._query(
            "SELECT event.*, payment_reference, currency FROM event"  # noqa: S608 - the conditions stand above
            f" LEFT JOIN payout ON payout.id = payout_id WHERE {condition} ORDER BY event.id LIMIT :most",
            values,
        ):
            for row in found:
                yield Event(
                    datetime.fromisoformat(row["at"]),
                    row["who"],
                    row["profile"],
                    row["payment_reference"],
                    row["currency"],
                    row["what"],
                    row["answer"],
                    row["note"],
                )
            values["after"] = found[-1]["id"]

    def _before_newest(self, condition: str, values: Mapping[str, object]) -> int:
        """The id before the first of the newest events that fit."""
        found = self._query(
            "SELECT event.id FROM event LEFT JOIN payout ON payout.id = payout_id"  # noqa: S608 - as above
            f" WHERE {condition} ORDER BY event.id DESC LIMIT :newest",
            values,
        )
        return found[-1]["id"] - 1 if found else 0

    def decided(self, record: Row) -> Event | None:
        """The last event by which a finished payout got its status; of a booked one, by which it was drafted."""
        what = {Status.SKIPPED} if record.status is Status.SKIPPED else {Status.DRAFTED, Status.BOOKED}
        events = self.events(None, reference=record.key.payment_reference)
        found = [it for it in events if it.what in what and it.currency == record.key.currency]
        return next((it for it in reversed(found) if it.what == Status.DRAFTED), found[-1] if found else None)
