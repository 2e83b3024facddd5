"""A state for tests: one company's payouts, and the shortest way to put them into it."""

import sqlite3
from contextlib import closing
from datetime import date
from typing import Any

import psycopg

from klarna24.bookkeeping import mapping
from klarna24.bookkeeping.payout import Payout
from klarna24.bookkeeping.voucher import Voucher
from klarna24.config.address import Server
from klarna24.config.folders import STATE_FILE
from klarna24.errors import Problem, ProblemCode
from klarna24.state.connection import Place
from klarna24.state.records import Owner, Row
from klarna24.state.store import State
from tests.support.bookkeeping import books, payout, profile
from tests.support.postgres import USER

OWNER = Owner("shop1", 3000024, "live")
DAY = date(2026, 11, 19)
PROBLEM = Problem(ProblemCode.RESIDUAL, "the totals do not add up", "look at Klarna's report", "XISA93DJ")
FIGURES = {"settlement": 96250, "sale": 100000, "fee": 3000, "tax": 750}


def a_payout(reference: str = "XISA93DJ", **over: Any) -> Payout:
    return payout(FIGURES, payment_reference=reference, **over)


def a_voucher(of: Payout) -> Voucher:
    made = mapping.voucher_for(of, (), profile(), books())
    assert made is not None
    return made


def send(state: State, of: Payout, owner: Owner = OWNER) -> int | None:
    """The row's id where the payout may be sent."""
    return state.sending(owner, of, a_voucher(of))


def sent(state: State, of: Payout) -> int:
    """The row's id of a payout that is being sent."""
    row_id = send(state, of)
    assert row_id is not None
    return row_id


def row(state: State, of: Payout) -> Row:
    found = state.row(OWNER, of.key)
    assert found is not None
    return found


def status(state: State, of: Payout, owner: Owner = OWNER) -> str | None:
    found = state.row(owner, of.key)
    return found.status if found else None


def log(state: State) -> list[tuple[str | None, str]]:
    return [(event.payment_reference, event.what) for event in state.events("shop1")]


def sql(place: Place, *statements: str) -> list[Any]:
    """What the last statement returns; the program itself has no part in it."""
    if isinstance(place, Server):
        with closing(psycopg.connect(place.url.replace(f"{USER}@", "postgres@"), autocommit=True)) as server:
            server.execute("SET search_path = klarna24")
            found = [server.execute(statement.encode()) for statement in statements][-1]
            return found.fetchall() if found.description else []
    with closing(sqlite3.connect(place / STATE_FILE)) as connection, connection:
        return [connection.execute(statement).fetchall() for statement in statements][-1]
