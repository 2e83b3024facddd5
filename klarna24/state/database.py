"""The file: opened, brought up to date, or copied to be looked at. Every trouble is a StateFault."""

import shutil
import sqlite3
import stat
import tempfile
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from klarna24.config.folders import STATE_FILE
from klarna24.errors import Klarna24Error, Locked, StateFault
from klarna24.text import sentence

APPLICATION_ID = 0x4B3234  # "K24": a database that is not ours is refused
FILE = STATE_FILE
BUSY_SECONDS = 10.0
BESIDE = {"locks", "sessions"}  # what stands beside the database in the state folder

MIGRATIONS = (
    """
    CREATE TABLE profile (
        name TEXT PRIMARY KEY,
        scope TEXT,                     -- start date, currencies and merchants of the last complete listing
        completed_at TEXT               -- when a run last came to its end
    );
    CREATE TABLE payout (
        id INTEGER PRIMARY KEY,
        client_id INTEGER NOT NULL,
        environment TEXT NOT NULL,
        merchant_id TEXT NOT NULL,
        payment_reference TEXT NOT NULL,
        currency TEXT NOT NULL,
        profile TEXT NOT NULL,
        payout_date TEXT NOT NULL,      -- local
        status TEXT NOT NULL
            CHECK (status IN ('ready', 'held', 'sending', 'in-doubt', 'rejected', 'posted', 'skipped')),
        code TEXT,                      -- of the problem, where there is one
        reason TEXT,
        hint TEXT,
        totals TEXT NOT NULL,           -- JSON, as Klarna had them when this row was last decided
        until_changed INTEGER NOT NULL DEFAULT 0,  -- rejected: not sent again while the voucher is the same
        resend INTEGER NOT NULL DEFAULT 0,  -- a person ordered it: the journal's doubts were weighed
        by_person INTEGER NOT NULL DEFAULT 0,  -- skipped or posted, because a person said so
        fingerprint TEXT,               -- of the voucher that was sent
        bundle_name TEXT,
        anchor_account INTEGER,
        anchor_date TEXT,
        anchor_amount TEXT,
        sums TEXT,                      -- JSON: per account
        transaction_no INTEGER,
        created_at TEXT NOT NULL,
        changed_at TEXT NOT NULL,
        sent_at TEXT,
        UNIQUE (client_id, environment, merchant_id, payment_reference, currency)
    );
    CREATE INDEX payout_by_profile ON payout (profile, status);
    CREATE TABLE event (
        id INTEGER PRIMARY KEY,
        at TEXT NOT NULL,
        who TEXT NOT NULL,
        profile TEXT NOT NULL,
        payout_id INTEGER REFERENCES payout (id),
        what TEXT NOT NULL,
        answer TEXT,
        note TEXT                       -- why, where a person said so
    );
    """,
    """
    ALTER TABLE payout ADD COLUMN wording TEXT;  -- JSON: message and hint, to be said in another language
    CREATE TABLE trouble (              -- what mail has been sent about, or is still to be
        id INTEGER PRIMARY KEY,
        profile TEXT NOT NULL,          -- empty: of the file as a whole
        subject TEXT NOT NULL,          -- JSON: the payout's key, or which fault of the profile's it is
        code TEXT NOT NULL,
        wording TEXT NOT NULL,          -- JSON: message and hint as they were last told
        facts TEXT,                     -- of a payout: its date and amount
        first_at TEXT NOT NULL,
        mailed_at TEXT,
        over_at TEXT,                   -- kept until that has been mailed, too
        UNIQUE (profile, subject, code)
    );
    """,
    """
    CREATE TABLE new_payout (           -- as before, with other words for the status
        id INTEGER PRIMARY KEY,
        client_id INTEGER NOT NULL,
        environment TEXT NOT NULL,
        merchant_id TEXT NOT NULL,
        payment_reference TEXT NOT NULL,
        currency TEXT NOT NULL,
        profile TEXT NOT NULL,
        payout_date TEXT NOT NULL,      -- local
        status TEXT NOT NULL CHECK (status IN
            ('ready', 'blocked', 'sending', 'in-doubt', 'rejected', 'drafted', 'booked', 'skipped')),
        code TEXT,
        reason TEXT,
        hint TEXT,
        totals TEXT NOT NULL,
        until_changed INTEGER NOT NULL DEFAULT 0,
        resend INTEGER NOT NULL DEFAULT 0,
        by_person INTEGER NOT NULL DEFAULT 0,
        fingerprint TEXT,
        bundle_name TEXT,
        anchor_account INTEGER,
        anchor_date TEXT,
        anchor_amount TEXT,
        sums TEXT,
        transaction_no INTEGER,         -- of the voucher in the ledger, where it is booked
        created_at TEXT NOT NULL,
        changed_at TEXT NOT NULL,
        sent_at TEXT,
        wording TEXT,
        UNIQUE (client_id, environment, merchant_id, payment_reference, currency)
    );
    INSERT INTO new_payout SELECT
        id, client_id, environment, merchant_id, payment_reference, currency, profile, payout_date,
        CASE WHEN status = 'held' THEN 'blocked'
             WHEN status = 'posted' AND transaction_no IS NOT NULL THEN 'booked'
             WHEN status = 'posted' THEN 'drafted'
             ELSE status END,
        replace(code, 'changed-after-posting', 'changed'),
        replace(replace(replace(reason, ' is held: ', ' is blocked: '), ' was refused: ', ' was rejected: '),
            'the journal', 'the ledger'),
        replace(replace(hint, '--posted', '--drafted'), 'the journal', 'the ledger'),
        totals, until_changed, resend, by_person, fingerprint, bundle_name, anchor_account, anchor_date,
        anchor_amount, sums, transaction_no, created_at, changed_at, sent_at,
        replace(replace(replace(replace(wording, ' is held: ', ' is blocked: '),
            ' was refused: ', ' was rejected: '), '--posted', '--drafted'), 'the journal', 'the ledger')
        FROM payout;
    DROP TABLE payout;
    ALTER TABLE new_payout RENAME TO payout;
    CREATE INDEX payout_by_profile ON payout (profile, status);
    UPDATE event SET
        what = CASE WHEN what = 'held' THEN 'blocked'
                    WHEN what = 'posted' AND answer LIKE 'found in the journal %' THEN 'booked'
                    WHEN what = 'posted' THEN 'drafted'
                    ELSE what END,
        answer = replace(replace(answer, 'in the journal', 'in the ledger'), 'found it posted', 'found it drafted');
    ALTER TABLE trouble RENAME TO alert;
    UPDATE alert SET code = replace(code, 'changed-after-posting', 'changed'),
        wording = replace(replace(replace(replace(wording, ' is held: ', ' is blocked: '),
            ' was refused: ', ' was rejected: '), '--posted', '--drafted'), 'the journal', 'the ledger');
    """,
)


def open_for_writing(folder: Path) -> sqlite3.Connection:
    """Folder 0700, file 0600; made where there is none."""
    path = folder / FILE
    try:
        _close_folder(folder)
        path.touch(mode=0o600)
        return _up_to_date(_connect(path, "rw"), path)
    except (OSError, sqlite3.Error) as error:
        raise _unusable(path, error) from None


def _close_folder(folder: Path) -> None:
    """Ours alone. A folder that others use, and that holds other things, is not taken from them."""
    try:
        folder.mkdir(mode=0o700, parents=True)
    except FileExistsError:
        mode = stat.S_IMODE(folder.stat().st_mode)
        alone = all(item.name in BESIDE or item.name.startswith(FILE) for item in folder.iterdir())
        if mode & 0o077 and alone:
            folder.chmod(0o700)
        elif mode & 0o022:
            why = sentence(
                "the state folder {folder} is used by others (mode {mode})", folder=str(folder), mode=f"{mode:o}"
            )
            raise StateFault(why, sentence("use a folder of its own: {option}", option="--state-dir")) from None


def copy_in_memory(folder: Path) -> sqlite3.Connection:
    """What is committed, in memory: whatever is done to it, not a byte on disk changes. Empty where there is
    none."""
    path = folder / FILE
    memory = sqlite3.connect(":memory:", isolation_level=None)
    memory.row_factory = sqlite3.Row
    try:
        if path.exists():
            _copy(path, memory)
        return _up_to_date(memory, path)
    except (OSError, sqlite3.Error) as error:
        raise _unusable(path, error) from None


def _copy(path: Path, memory: sqlite3.Connection) -> None:
    try:
        with closing(_connect(path, "ro")) as source:
            source.backup(memory)
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_READONLY:
            raise
        # A run was killed in the midst of a change, and a mere reader may not roll it back: do so on a copy.
        with tempfile.TemporaryDirectory(prefix="klarna24-") as elsewhere:
            for file in path.parent.glob(f"{FILE}*"):
                shutil.copy(file, elsewhere)
            with closing(_connect(Path(elsewhere, FILE), "rw")) as source:
                source.backup(memory)


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}", uri=True, isolation_level=None, timeout=BUSY_SECONDS
    )
    connection.row_factory = sqlite3.Row
    try:
        # A rollback journal, not a WAL: one file that can be copied, and no helper files for a mere reader.
        connection.execute("PRAGMA synchronous = EXTRA")
        connection.execute("PRAGMA foreign_keys = ON")
    except BaseException:
        connection.close()
        raise
    return connection


def _up_to_date(connection: sqlite3.Connection, path: Path) -> sqlite3.Connection:
    """The connection, with all missing migrations made; closed where the file is refused."""
    try:
        if _version(connection, path) < len(MIGRATIONS):
            _migrate(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    """In one transaction, so that a file is of one version or of the other."""
    connection.execute(
        "PRAGMA foreign_keys = OFF"
    )  # a table is made anew; nothing can be off inside a transaction
    connection.execute("BEGIN IMMEDIATE")
    for migration in MIGRATIONS[_version(connection, path) :]:
        for statement in _statements(migration):
            connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
    connection.execute("COMMIT")
    connection.execute("PRAGMA foreign_keys = ON")


def _version(connection: sqlite3.Connection, path: Path) -> int:
    """How many migrations the file has had. Raises StateFault for a foreign or newer one."""
    # one statement: two runs may be making a new file at this moment
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
    """executescript would commit by itself; these run inside the caller's transaction."""
    statement = ""
    for line in script.splitlines():
        statement += line + "\n"
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _foreign(path: Path) -> StateFault:
    message = sentence("{path} is not klarna24's database", path=str(path))
    return StateFault(message, sentence("move it away, or use another {option}", option="--state-dir"))


def _unusable(path: Path, error: Exception) -> Klarna24Error:
    if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_NOTADB:
        return _foreign(path)
    if isinstance(error, sqlite3.Error):
        return trouble(error, str(path))
    why = error.strerror if isinstance(error, OSError) else str(error)
    message = sentence("{what} cannot be used: {why}", what=str(path), why=str(why))
    return StateFault(message, f"ls -l {path.parent}; df {path.parent}")


def trouble(error: sqlite3.Error, what: str) -> Klarna24Error:
    """Busy is for now (5), anything else is for a person (3)."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return Locked(sentence("{what} is locked by another program", what=what), sentence("wait for it to end"))
    if code == sqlite3.SQLITE_CORRUPT:
        return StateFault(
            sentence("{what} is damaged: {why}", what=what, why=str(error)),
            sentence("restore it from the backup, then look in the ledger"),
        )
    message = sentence("{what} cannot be used: {why}", what=what, why=str(error))
    return StateFault(message, sentence("free space, or mend the folder"))
