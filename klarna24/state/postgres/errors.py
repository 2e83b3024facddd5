"""What an error of PostgreSQL means to a run. The server's words have no password in them, and are cleaned."""

import psycopg
from psycopg import errors

from klarna24.config.address import Server
from klarna24.errors import CredentialsFault, Klarna24Error, Locked, StateFault, Unavailable
from klarna24.logs.redaction import server_text
from klarna24.state.damage import Damaged
from klarna24.text.sentences import sentence

RIGHTS = "docs/scaling.md"
IN_USE = (
    errors.LockNotAvailable,
    errors.DeadlockDetected,
    errors.SerializationFailure,
    errors.QueryCanceled,
)
DAMAGE = (errors.DataCorrupted, errors.IndexCorrupted, errors.UndefinedTable, errors.UndefinedColumn)


def is_broken(error: psycopg.Error) -> bool:
    """Whether the connection is gone, or the server is going."""
    state = error.sqlstate
    return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError) and (
        state is None or (state[:2] in {"08", "57"} and not isinstance(error, errors.QueryCanceled))
    )


def words(error: Exception) -> str:
    """The first line of what the server, or libpq, says."""
    return server_text(next(iter(str(error).strip().splitlines()), type(error).__name__), 200)


def trouble(error: psycopg.Error, server: Server) -> Klarna24Error:
    """Unavailable or Locked (exit code 5) for what passes, Damaged and StateFault (3) for what does not."""
    where, why = str(server), words(error)
    if is_broken(error):
        return Unavailable(
            sentence("the state on {server} cannot be reached: {why}", server=where, why=why),
            sentence("the next run carries on"),
        )
    if isinstance(error, IN_USE):
        return Locked(
            sentence("{what} is locked by another program", what=where), sentence("the next run carries on")
        )
    if isinstance(error, DAMAGE):
        return Damaged(where, why)
    hint = sentence("look at the server's log")
    if isinstance(error, errors.InsufficientPrivilege):
        hint = sentence("give the user the rights that {document} names", document=RIGHTS)
    elif isinstance(error, errors.ReadOnlySqlTransaction):
        hint = sentence("name the server that can be written: a standby cannot")
    elif isinstance(error, errors.DiskFull):
        hint = sentence("free disk space on the server")
    return StateFault(sentence("{what} cannot be used: {why}", what=where, why=why), hint)


def refused(error: psycopg.Error, server: Server) -> Klarna24Error:
    """Of a connection that was not made. libpq gives no code of the server's answer, only its words."""
    where, why = str(server), words(error)
    message = sentence("the state on {server} cannot be reached: {why}", server=where, why=why)
    if any(word in why for word in ("password", "authentication", "pg_hba", "role ")):
        return CredentialsFault(message, sentence("correct the address or state_password"))
    if any(word in why for word in ("does not exist", "certificate", "SSL", "invalid")):
        return StateFault(message, sentence("correct the address: {command}", command="klarna24 check"))
    return Unavailable(message, sentence("the next run carries on"))
