"""SQLite's file: opened for writing or for reading, and brought up to date.

Every failure is raised as Locked where another program uses the file, and as StateFault otherwise.
"""

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from klarna24.config.folders import STATE_FILE
from klarna24.errors import Klarna24Error, Locked, StateFault
from klarna24.state import damage, witness
from klarna24.state.damage import Damaged
from klarna24.state.folder import close_to_others, make_private, refuse_foreign
from klarna24.state.migrations import MIGRATIONS, in_new_words
from klarna24.state.witness import LostState, OtherState
from klarna24.text.sentences import sentence

APPLICATION_ID = 0x4B3234  # "K24": marks a file as ours
BUSY_SECONDS = 10.0
MEMORY = ":memory:"
# Python cannot decode a message in which SQLite quotes a name that is damaged.
SQLITE_ERRORS = (sqlite3.Error, UnicodeDecodeError)


def open_for_writing(folder: Path, *, is_new: bool = False) -> sqlite3.Connection:
    """Makes the folder (mode 0700) and the file (mode 0600) where there are none; checks a file that is there.

    With ``is_new`` a person has said that a used folder may begin with a new database.
    """
    path = folder / STATE_FILE
    try:
        make_private(folder)
        is_used = witness.is_used(folder) and not is_new
        for file in (path, _journal(path)):
            refuse_foreign(file)
        if is_used and not path.exists():
            raise LostState(path)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600))
        close_to_others(path)
        with _closed_on_failure(_connect(_address(path, "rw"))) as connection:
            _refuse_lost(connection, path, is_used)
            if _version(connection, path) < len(MIGRATIONS):
                damage.check_once(damage.check_integrity, connection, path)
            else:
                damage.check_once(_check_structure, connection, path)
            _compare_with_witness(_up_to_date(connection, path), folder, is_new)
        return connection
    except (OSError, *SQLITE_ERRORS) as error:
        raise _unusable(path, error) from None


def _check_structure(connection: sqlite3.Connection, path: Path) -> None:
    with closing(_up_to_date(_connect(MEMORY), path)) as new:
        damage.check_structure(connection, new, path)


def _refuse_lost(connection: sqlite3.Connection, path: Path, is_used: bool) -> None:
    """A file that was cut to nothing is an empty database to SQLite."""
    if is_used and not _version(connection, path):
        raise LostState(path)


def _compare_with_witness(connection: sqlite3.Connection, folder: Path, is_new: bool) -> None:
    """Writes the witness where there is none yet."""
    expected = None if is_new else witness.identity(folder)
    state_id = _state_id(connection, folder / STATE_FILE, expected)
    if expected is None:
        witness.write(folder, state_id)


def _state_id(connection: sqlite3.Connection, path: Path, expected: str | None) -> str:
    """The id in the database. Raises OtherState if it is not the expected one, where there is one."""
    state_id = witness.identity_of(connection)
    if state_id is None:
        raise Damaged(str(path), sentence("its id is missing"))
    if expected not in {None, state_id}:
        raise OtherState(path)
    return state_id


def open_for_reading(folder: Path) -> sqlite3.Connection:
    """Changes nothing on disk, and works while a run writes. Where there is no file it opens an empty database in
    memory.

    Two kinds of file cannot be read as they are, and are copied: those of an older version, and those in which a
    killed run has left a change unfinished.
    """
    path = folder / STATE_FILE
    try:
        connection = _open_for_reading(path)
        connection.execute("PRAGMA query_only = ON")
    except (OSError, *SQLITE_ERRORS) as error:
        raise _unusable(path, error) from None
    return connection


def empty() -> sqlite3.Connection:
    """A database in memory that knows nothing."""
    return _up_to_date(_connect(MEMORY), Path(MEMORY))


def _open_for_reading(path: Path) -> sqlite3.Connection:
    is_used = witness.is_used(path.parent)
    for file in (path, _journal(path)):
        refuse_foreign(file)
    if not path.exists():
        if is_used:
            raise LostState(path)
        return empty()
    try:
        with _closed_on_failure(_connect(_address(path, "ro"))) as connection:
            _refuse_lost(connection, path, is_used)
            if _version(connection, path) == len(MIGRATIONS):
                damage.check_once(_check_structure, connection, path)
                _state_id(connection, path, witness.identity(path.parent))
                return connection
        with closing(connection):
            return _up_to_date(_copied_to_memory(connection), path)
    except sqlite3.OperationalError as error:
        if getattr(error, "sqlite_errorcode", None) != sqlite3.SQLITE_READONLY_ROLLBACK:  # Python gives some none
            raise
    return _up_to_date(_rolled_back_copy(path), path)


def _rolled_back_copy(path: Path) -> sqlite3.Connection:
    """The database as it was before the change that a killed run has left unfinished.

    SQLite undoes such a change by its journal file, which it then deletes. Another run may do so while we copy.
    Both copies fit together if the journal was the same before and after.
    """
    journal = _journal(path)
    with tempfile.TemporaryDirectory(prefix="klarna24-") as folder:
        try:
            before = _identity(journal)
            for file in (journal, path):
                shutil.copy(file, folder)
            fits = _identity(journal) == before
        except FileNotFoundError:
            fits = False
        if not fits:
            return _open_for_reading(path)
        with closing(_connect(_address(Path(folder, path.name), "rw"))) as copy:
            return _copied_to_memory(copy)


def _journal(path: Path) -> Path:
    """The file from which SQLite undoes a change that was not finished."""
    return path.with_name(f"{path.name}-journal")


def _identity(file: Path) -> tuple[int, int, int]:
    found = file.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns


def _copied_to_memory(source: sqlite3.Connection) -> sqlite3.Connection:
    with _closed_on_failure(_connect(MEMORY)) as memory:
        source.backup(memory)
    return memory


def set_aside(path: Path) -> list[Path]:
    """Renames a damaged database, then its journal: alone, it would be read without the journal's corrections.
    Returns the new names."""
    time = f"{datetime.now(UTC):%Y%m%dT%H%M%S}"
    return [file.rename(file.with_name(f"{file.name}-{time}")) for file in (path, _journal(path)) if file.exists()]


def _address(path: Path, mode: str) -> str:
    return f"{path.absolute().as_uri()}?mode={mode}"


def _connect(address: str) -> sqlite3.Connection:
    connection = sqlite3.connect(address, uri=True, isolation_level=None, timeout=BUSY_SECONDS)
    connection.row_factory = sqlite3.Row
    with _closed_on_failure(connection):
        # The default journal mode rather than WAL, so that the state is one file, which can be copied and which a
        # reader can read without making others.
        connection.execute("PRAGMA synchronous = EXTRA")
        connection.execute("PRAGMA foreign_keys = ON")
    return connection


@contextmanager
def _closed_on_failure(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    try:
        yield connection
    except BaseException:
        connection.close()
        raise


def _up_to_date(connection: sqlite3.Connection, path: Path) -> sqlite3.Connection:
    """The same connection, after all missing migrations."""
    with _closed_on_failure(connection):
        if _version(connection, path) < len(MIGRATIONS):
            _migrate(connection, path)
    return connection


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Takes all missing steps in one transaction, so that a failure leaves the file as it was."""
    connection.create_function("in_new_words", 1, in_new_words, deterministic=True)
    # While a table is replaced, rows refer to nothing. This cannot be switched inside a transaction.
    connection.execute("PRAGMA foreign_keys = OFF")
    connection.execute("BEGIN IMMEDIATE")
    before = _version(connection, path)
    for migration in MIGRATIONS[before:]:
        for statement in _statements(migration):
            connection.execute(statement)
    if connection.execute("PRAGMA foreign_key_check").fetchone():
        raise Damaged(str(path), sentence("an event belongs to a payout that is missing"))
    if before and (expected := witness.identity(path.parent)):  # an old backup, from before there were ids
        connection.execute("UPDATE meta SET value = ? WHERE key = 'state'", (expected,))
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
    connection.execute("COMMIT")
    connection.execute("PRAGMA foreign_keys = ON")


def _version(connection: sqlite3.Connection, path: Path) -> int:
    """How many migrations the file has had. Raises StateFault for a foreign or newer one."""
    # In one statement, because another run may be making the file at this moment.
    application_id, version, tables = connection.execute(
        "SELECT application_id, user_version, (SELECT count(*) FROM sqlite_master)"
        " FROM pragma_application_id, pragma_user_version"
    ).fetchone()
    if (tables or version) and application_id != APPLICATION_ID:
        raise _foreign(path)
    if tables and not version:
        raise Damaged(str(path), sentence("its version is missing"))
    if version > len(MIGRATIONS):
        raise StateFault(
            sentence(
                "{path} was written by a newer klarna24 (state version {version}, this one knows {known})",
                path=str(path),
                version=version,
                known=len(MIGRATIONS),
            ),
            sentence("upgrade klarna24"),
        )
    return int(version)


def _statements(script: str) -> Iterable[str]:
    """The statements one by one, because executescript would end the caller's transaction."""
    statement = ""
    for line in script.splitlines():
        statement += line + "\n"
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _foreign(path: Path) -> StateFault:
    if witness.is_used(path.parent):
        return Damaged(str(path), sentence("it is not klarna24's database"))
    message = sentence("{path} is not klarna24's database", path=str(path))
    return StateFault(message, sentence("move it away, or choose another folder: {option}", option="--state-dir"))


def _unusable(path: Path, error: Exception) -> Klarna24Error:
    if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_NOTADB:
        return _foreign(path)
    if isinstance(error, SQLITE_ERRORS):
        return trouble(error, str(path))
    why = error.strerror if isinstance(error, OSError) else str(error)
    message = sentence("{what} cannot be used: {why}", what=str(path), why=str(why))
    return StateFault(message, f"ls -l {path.parent}; df {path.parent}")


def trouble(error: sqlite3.Error | UnicodeDecodeError, what: str) -> Klarna24Error:
    """Locked (exit code 5) while another program uses the database, else StateFault (exit code 3)."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return Locked(sentence("{what} is locked by another program", what=what), sentence("wait for it to end"))
    # Python gives no code for text that is not UTF-8, and SQLite the general one for a table that is missing.
    is_damage = str(error).startswith(("Could not decode", "no such "))
    if (
        is_damage
        or isinstance(error, UnicodeDecodeError)
        or code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
    ):
        return Damaged(what, str(error))
    message = sentence("{what} cannot be used: {why}", what=what, why=str(error))
    return StateFault(message, sentence("free disk space, or repair the state folder"))
