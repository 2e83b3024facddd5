"""Damage that SQLite does not see by itself when it opens a file.

A bit that has changed in the index of the unique key hides a payout that was sent, so that it would be sent again.
``PRAGMA quick_check`` does not compare indexes with their tables; ``integrity_check`` does. Neither sees a value
that its column cannot hold: such a value is found when it is read.
"""

import json
import sqlite3
from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from threading import Lock
from typing import Any

from klarna24.bookkeeping.payout import NAMES
from klarna24.bookkeeping.voucher import Rate
from klarna24.errors import ProblemCode, StateFault
from klarna24.state.connection import Record
from klarna24.state.records import Status, remarks_of_column
from klarna24.state.witness import COMMAND
from klarna24.text.sentences import from_stored, sentence

Check = Callable[[sqlite3.Connection, Path], None]
# What this process has found sound: the profiles of one sync share a check, which reads the whole file.
_sound: set[tuple[Path, Check]] = set()
_one_check = Lock()
_STRUCTURE = (
    'SELECT m.name, c.name, c.type, c."notnull", c.dflt_value, c.pk'
    " FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table' ORDER BY m.name, c.cid",
    'SELECT m.name, l.name, l."unique", l.partial, c.seqno, c.name'
    " FROM sqlite_master m, pragma_index_list(m.name) l, pragma_index_info(l.name) c"
    " WHERE m.type = 'table' ORDER BY l.name, c.seqno",
)


class Damaged(StateFault):
    """The database is damaged: what it says cannot be relied on."""

    def __init__(self, what: str, why: str) -> None:
        super().__init__(
            sentence("{what} is damaged: {why}", what=what, why=why),
            sentence(
                "restore it from a backup, then check in the ledger what has been booked since; without one: "
                "{command}",
                command=COMMAND,
            ),
        )


def forget_checks() -> None:
    """For tests, in which one process does what several would do."""
    _sound.clear()


def check_once(check: Check, connection: sqlite3.Connection, path: Path) -> None:
    """Runs the check unless this process has found the file sound. Profiles side by side wait for the first."""
    with _one_check:
        if (path, check) not in _sound:
            check(connection, path)
            _sound.add((path, check))


def check_integrity(connection: sqlite3.Connection, path: Path) -> None:
    """Raises Damaged if a table and its index disagree, or if a part of the file is not where it should be."""
    (found,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    if found != "ok":
        raise Damaged(str(path), " ".join(found.split()))


def check_structure(connection: sqlite3.Connection, new: sqlite3.Connection, path: Path) -> None:
    """Raises Damaged if the tables and indexes are not those of a new database."""
    for statement in _STRUCTURE:
        if [*map(tuple, connection.execute(statement))] != [*map(tuple, new.execute(statement))]:
            raise Damaged(str(path), sentence("its tables are not as klarna24 makes them"))


def check_values(rows: Sequence[Record]) -> None:
    """Raises Damaged if a column of these rows of one answer cannot hold its value."""
    checks = [(name, _CHECKS[name]) for name in rows[0].keys() if name in _CHECKS] if rows else []  # noqa: SIM118 - a Row iterates over its values
    name = ""
    try:
        for row in rows:
            for name, check in checks:
                value = row[name]
                if value is not None or name in _NEVER_NULL:
                    check(value)
    except Exception:  # noqa: BLE001 - whatever a stored value leads to, the value is what is wrong
        why = sentence("column {column} has a value that cannot be read", column=name)
        raise Damaged(sentence("the state"), why) from None


def _text(value: Any) -> None:
    if not isinstance(value, str):
        raise TypeError


def _number(value: Any) -> None:
    if not isinstance(value, int):
        raise TypeError


def _day(value: Any) -> None:
    if not 2000 <= date.fromisoformat(value).year < 3000:
        raise ValueError


def _moment(value: Any) -> None:
    if datetime.fromisoformat(value).tzinfo is None:
        raise ValueError


def _amount(value: Any) -> None:
    if not Decimal(value).is_finite():
        raise ValueError


def _rate(value: Any) -> None:
    Rate(Decimal(value), date.min)  # raises ValueError


def _totals(value: Any) -> None:
    for name, amount in json.loads(value).items():
        NAMES[name]  # raises KeyError
        _text(amount)
        _amount(amount)


def _sums(value: Any) -> None:
    for number, amount in json.loads(value).items():
        int(number)
        _text(amount)
        _amount(amount)


def _settings(value: Any) -> None:
    for text in json.loads(value).values():
        _text(text)


_CHECKS: dict[str, Callable[[Any], object]] = {
    **dict.fromkeys(("payout_date", "anchor_date", "newest", "published"), _day),
    **dict.fromkeys(("at", "changed_at", "completed_at", "first_at", "mailed_at", "over_at"), _moment),
    **dict.fromkeys(("booked_at", "ledger_read_at"), _moment),
    **dict.fromkeys(("id", "client_id", "anchor_account", "transaction_no", "resend", "by_person"), _number),
    **dict.fromkeys(("merchant_id", "payment_reference", "currency", "environment", "profile", "name"), _text),
    **dict.fromkeys(
        ("who", "what", "answer", "note", "reason", "hint", "bundle_name", "subject", "voucher_currency"), _text
    ),
    "anchor_amount": _amount,
    "remarks": remarks_of_column,
    "settings": _settings,
    "rate": _rate,
    "code": ProblemCode,
    "status": Status,
    **dict.fromkeys(("sums", "ledger_sums"), _sums),
    "totals": _totals,
    "wording": from_stored,
}
# payment_reference and currency are NULL in an event that is about no payout.
_NEVER_NULL = {"at", "changed_at", "client_id", "payout_date", "profile", "status", "totals", "what", "who"}
_NEVER_NULL |= {"published", "rate"}
