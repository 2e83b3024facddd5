"""How a connection to PostgreSQL is made: with verified TLS unless the server is on this host, durable, and with
limits of time on everything, so that neither a host nor a network that dies keeps the other hosts waiting."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import certifi
import psycopg

from klarna24.config import credentials
from klarna24.config.address import VERIFIED, Server, hosts, is_on_this_host
from klarna24.errors import StateFault
from klarna24.state.postgres.errors import refused, words
from klarna24.state.postgres.rows import NamedRow, named_row
from klarna24.state.postgres.schema import SCHEMA
from klarna24.text.sentences import sentence

CONNECT_SECONDS = 10
# This host notices after about half a minute that the server is gone, and the server after as long that we are:
# then a run's lock is free for another host.
PATIENCE = {
    "connect_timeout": CONNECT_SECONDS,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 4,
    "tcp_user_timeout": 30_000,
}
# A change waits for those of other hosts, one after the other; a host that stops inside one is cut off before.
# What is changed is on the server's disk, and on those of its synchronous standbys, before we go on.
SETTINGS = f"""
SET search_path = {SCHEMA}, pg_temp;
SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') <> 'remote_apply';
SET lock_timeout = '45s';
SET statement_timeout = '120s';
SET idle_in_transaction_session_timeout = '20s';
SET tcp_keepalives_idle = 10;
SET tcp_keepalives_interval = 5;
SET tcp_keepalives_count = 4;
SET client_min_messages = warning;
SELECT clock_timestamp() AS now
"""

Opened = psycopg.Connection[NamedRow]


def connect(server: Server, who: str) -> tuple[Opened, datetime]:
    """The connection, and the present by the server's clock. ``who`` is what other hosts are told of this one.
    Raises CredentialsFault, StateFault or Unavailable."""
    password = credentials.fetch(server.password, "state") if server.password else None
    options: dict[str, Any] = {**PATIENCE, **_encryption(server.url), "application_name": who[:63]}
    if password is not None:
        options["password"] = password
    try:
        opened = psycopg.connect(
            server.url,
            autocommit=True,
            cursor_factory=psycopg.ClientCursor,
            row_factory=named_row,
            **_without_named(server.url, options),
        )
    except psycopg.ProgrammingError as error:  # an address with a parameter that libpq does not know
        message = sentence("{what} cannot be used: {why}", what=str(server), why=words(error))
        raise StateFault(message, sentence("correct the address: {command}", command="klarna24 check")) from None
    except psycopg.Error as error:
        raise refused(error, server) from None
    try:
        prepared = opened.execute(SETTINGS.encode())
        while prepared.nextset():
            pass
        return opened, prepared.fetchall()[0]["now"].astimezone(UTC)
    except psycopg.Error as error:
        opened.close()
        raise refused(error, server) from None


def _encryption(url: str) -> dict[str, str]:
    if is_on_this_host(hosts(url)):
        return {}
    is_named = "sslrootcert" in _query(url) or "PGSSLROOTCERT" in os.environ
    home = os.environ.get("HOME")
    is_named = is_named or bool(home and Path(home, ".postgresql/root.crt").exists())
    # those that also Klarna is verified by; libpq's own default is a file that hardly anybody has
    roots = {} if is_named else {"sslrootcert": certifi.where()}
    return {"sslmode": VERIFIED, "gssencmode": "disable", **roots}


def _without_named(url: str, options: dict[str, Any]) -> dict[str, Any]:
    """The address itself may name limits of time and certificates of its own."""
    named = _query(url)
    return {name: value for name, value in options.items() if name not in named}


def _query(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))
