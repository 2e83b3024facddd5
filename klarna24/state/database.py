"""The database file: opened for writing or for reading, and brought up to date.

Every failure is raised as Locked where another program uses the file, and as StateFault otherwise.
"""

import shutil
import sqlite3
import stat
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from klarna24.config.folders import STATE_FILE
from klarna24.errors import Klarna24Error, Locked, StateFault
from klarna24.state.migrations import MIGRATIONS, in_new_words
from klarna24.text import sentence

APPLICATION_ID = 0x4B3234  # "K24": marks a file as ours
BUSY_SECONDS = 10.0
BESIDE = {"locks", "sessions"}  # what else klarna24 keeps in the state folder
MEMORY = ":memory:"


def open_for_writing(folder: Path) -> sqlite3.Connection:
    """Makes the folder (mode 0700) and the file (mode 0600) where there are none."""
    path = folder / STATE_FILE
    try:
        _make_private(folder)
        path.touch(mode=0o600)
        return _up_to_date(_connect(_address(path, "rw")), path)
    except (OSError, sqlite3.Error) as error:
        raise _unusable(path, error) from None


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
    except (OSError, sqlite3.Error) as error:
        raise _unusable(path, error) from None
    return connection


def _open_for_reading(path: Path) -> sqlite3.Connection:
    if not path.exists():
        return _up_to_date(_connect(MEMORY), path)
    try:
        with _closed_on_failure(_connect(_address(path, "ro"))) as connection:
            if _version(connection, path) == len(MIGRATIONS):
                return connection
        with closing(connection):
            return _up_to_date(_copied_to_memory(connection), path)
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_READONLY_ROLLBACK:
            raise
    return _up_to_date(_rolled_back_copy(path), path)


def _rolled_back_copy(path: Path) -> sqlite3.Connection:
    """The database as it was before the change that a killed run has left unfinished.

    SQLite undoes such a change by its journal file, which it then deletes. Another run may do so while we copy.
    Both copies fit together if the journal was the same before and after.
    """
    journal = path.with_name(f"{path.name}-journal")
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


def _identity(file: Path) -> tuple[int, int, int]:
    found = file.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns


def _copied_to_memory(source: sqlite3.Connection) -> sqlite3.Connection:
    with _closed_on_failure(_connect(MEMORY)) as memory:
        source.backup(memory)
    return memory


def _make_private(folder: Path) -> None:
    """Makes the folder, or closes it to other users. A folder that holds other things as well stays as it is, but
    is refused if other users can write to it."""
    try:
        folder.mkdir(mode=0o700, parents=True)
    except FileExistsError:
        mode = stat.S_IMODE(folder.stat().st_mode)
        alone = all(item.name in BESIDE or item.name.startswith(STATE_FILE) for item in folder.iterdir())
        if mode & 0o077 and alone:
            folder.chmod(0o700)
        elif mode & 0o022:
            why = sentence(
                "other users can write to the state folder {folder} (mode {mode})",
                folder=str(folder),
                mode=f"{mode:o}",
            )
            hint = sentence("choose a folder that only klarna24 uses: {option}", option="--state-dir")
            raise StateFault(why, hint) from None


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
    for migration in MIGRATIONS[_version(connection, path) :]:
        for statement in _statements(migration):
            connection.execute(statement)
    if connection.execute("PRAGMA foreign_key_check").fetchone():
        raise _damaged(str(path), sentence("an event belongs to a payout that is missing"))
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
    message = sentence("{path} is not klarna24's database", path=str(path))
    return StateFault(message, sentence("move it away, or choose another folder: {option}", option="--state-dir"))


def _damaged(what: str, why: str) -> StateFault:
    return StateFault(
        sentence("{what} is damaged: {why}", what=what, why=why),
        sentence("restore it from a backup, then check in the ledger what has been booked since"),
    )


def _unusable(path: Path, error: Exception) -> Klarna24Error:
    if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_NOTADB:
        return _foreign(path)
    if isinstance(error, sqlite3.Error):
        return trouble(error, str(path))
    why = error.strerror if isinstance(error, OSError) else str(error)
    message = sentence("{what} cannot be used: {why}", what=str(path), why=str(why))
    return StateFault(message, f"ls -l {path.parent}; df {path.parent}")


def trouble(error: sqlite3.Error, what: str) -> Klarna24Error:
    """Locked (exit code 5) while another program uses the database, else StateFault (exit code 3)."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return Locked(sentence("{what} is locked by another program", what=what), sentence("wait for it to end"))
    if code == sqlite3.SQLITE_CORRUPT:
        return _damaged(what, str(error))
    message = sentence("{what} cannot be used: {why}", what=what, why=str(error))
    return StateFault(message, sentence("free disk space, or repair the state folder"))
