"""The steps that bring a database from each schema version to the next; a new database takes all of them.

A step that has been released is never changed, because there are files that it has made.
"""

import json
from typing import Any

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
        payout_date TEXT NOT NULL,
        status TEXT NOT NULL
            CHECK (status IN ('ready', 'held', 'sending', 'in-doubt', 'rejected', 'posted', 'skipped')),
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
        what TEXT NOT NULL,             -- the payout's new status, or what else happened
        answer TEXT,
        note TEXT                       -- the reason that a person gave
    );
    """,
    """
    ALTER TABLE payout ADD COLUMN wording TEXT;
    CREATE TABLE trouble (
        id INTEGER PRIMARY KEY,
        profile TEXT NOT NULL,          -- empty: of profiles.toml as a whole
        subject TEXT NOT NULL,          -- JSON: the payout's key, or which of the profile's problems it is
        code TEXT NOT NULL,
        wording TEXT NOT NULL,          -- JSON: message and hint as they were last reported
        facts TEXT,                     -- of a payout: its date and amount
        first_at TEXT NOT NULL,
        mailed_at TEXT,
        over_at TEXT,                   -- the row stays until a mail has reported the end
        UNIQUE (profile, subject, code)
    );
    """,
    # Version 0.1 called a draft "posted", a blocked payout "held" and the ledger "journal". Besides the words, the
    # indexes change: payouts are looked for by their reference, and each run asks for the newest date and for the
    # unfinished payouts of each profile.
    """
    CREATE TABLE new_payout (
        id INTEGER PRIMARY KEY,
        client_id INTEGER NOT NULL,
        environment TEXT NOT NULL,
        merchant_id TEXT NOT NULL,
        payment_reference TEXT NOT NULL,
        currency TEXT NOT NULL,
        profile TEXT NOT NULL,
        payout_date TEXT NOT NULL,      -- where the shop is
        status TEXT NOT NULL CHECK (status IN
            ('ready', 'blocked', 'sending', 'in-doubt', 'rejected', 'drafted', 'booked', 'skipped')),
        code TEXT,                      -- of the problem, if there is one
        reason TEXT,
        hint TEXT,
        totals TEXT NOT NULL,           -- JSON: Klarna's totals when the status was last decided
        until_changed INTEGER NOT NULL DEFAULT 0,  -- rejected, and not sent again while the voucher is the same
        resend INTEGER NOT NULL DEFAULT 0,         -- a person has ordered it to be sent again
        by_person INTEGER NOT NULL DEFAULT 0,      -- drafted or skipped because a person said so
        fingerprint TEXT,               -- of the voucher that was sent
        bundle_name TEXT,
        anchor_account INTEGER,
        anchor_date TEXT,
        anchor_amount TEXT,
        sums TEXT,                      -- JSON: the sum per account
        transaction_no INTEGER,         -- of the voucher in the ledger, if it is booked
        created_at TEXT NOT NULL,
        changed_at TEXT NOT NULL,
        sent_at TEXT,
        wording TEXT,                   -- JSON: reason and hint, from which they can be translated
        UNIQUE (payment_reference, client_id, environment, merchant_id, currency)
    );
    INSERT INTO new_payout SELECT
        id, client_id, environment, merchant_id, payment_reference, currency, profile, payout_date,
        CASE WHEN status = 'held' THEN 'blocked'
             WHEN status = 'posted' AND transaction_no IS NOT NULL THEN 'booked'
             WHEN status = 'posted' THEN 'drafted'
             ELSE status END,
        CASE code WHEN 'changed-after-posting' THEN 'changed' ELSE code END,
        CASE status
            WHEN 'held' THEN replace(reason, ' is held: ', ' is blocked: ')
            WHEN 'rejected' THEN replace(reason, ' was refused: 24SevenOffice ', ' was rejected: 24SevenOffice ')
            ELSE replace(reason, ' stands in the journal, and this ', ' stands in the ledger, and this ') END,
        replace(hint, ' --posted', ' --drafted'),
        totals, until_changed, resend, by_person, fingerprint, bundle_name, anchor_account, anchor_date,
        anchor_amount, sums, transaction_no, created_at, changed_at, sent_at, in_new_words(wording)
        FROM payout;
    DROP TABLE payout;
    ALTER TABLE new_payout RENAME TO payout;
    CREATE INDEX payout_by_profile ON payout (profile, payout_date, status);
    CREATE INDEX payout_unfinished ON payout (profile, payout_date)
        WHERE status NOT IN ('drafted', 'booked', 'skipped');
    UPDATE event SET
        what = CASE WHEN what = 'held' THEN 'blocked'
                    WHEN what = 'posted' AND answer LIKE 'found in the journal as %' THEN 'booked'
                    WHEN what = 'posted' THEN 'drafted'
                    ELSE what END,
        answer = CASE what
            WHEN 'held' THEN replace(answer, ' is held: ', ' is blocked: ')
            WHEN 'posted' THEN replace(replace(answer, 'found in the journal as ', 'found in the ledger as '),
                'a person found it posted', 'a person found it drafted')
            WHEN 'in-doubt' THEN
                replace(answer, ' stands in the journal, and this ', ' stands in the ledger, and this ')
            ELSE answer END;
    ALTER TABLE trouble RENAME TO alert;
    UPDATE alert SET wording = in_new_words(wording),
        code = CASE code WHEN 'changed-after-posting' THEN 'changed' ELSE code END;
    """,
    # ``meta`` has what the witness beside the file is compared with (witness.py).
    """
    ALTER TABLE payout RENAME COLUMN until_changed TO awaits_order;  -- sent again only by a person's order
    ALTER TABLE payout DROP COLUMN fingerprint;
    CREATE TABLE meta (
        key TEXT PRIMARY KEY,
        value TEXT NOT NULL
    );
    INSERT INTO meta VALUES ('state', lower(hex(randomblob(16))));
    """,
    """
    ALTER TABLE payout ADD COLUMN remarks TEXT;           -- JSON: what an accountant should know of it
    ALTER TABLE payout ADD COLUMN voucher_currency TEXT;  -- of the amounts of anchor and sums
    ALTER TABLE profile ADD COLUMN settings TEXT;         -- JSON: those that decide what is booked
    CREATE TABLE rate (               -- those by which payouts were converted
        day TEXT NOT NULL,            -- the payout date
        currency TEXT NOT NULL,
        home TEXT NOT NULL,
        published TEXT NOT NULL,      -- the day for which it was published
        value TEXT NOT NULL,          -- what one unit of currency is worth in home
        PRIMARY KEY (day, currency, home)
    );
    """,
    """
    ALTER TABLE payout ADD COLUMN booked_at TEXT;         -- when the ledger was first seen to have its voucher
    ALTER TABLE payout ADD COLUMN ledger_sums TEXT;       -- JSON: as booked, where that is not what was drafted
    ALTER TABLE profile ADD COLUMN ledger_read_at TEXT;   -- when all drafts that wait were last looked up
    CREATE TABLE evidence (
        id INTEGER PRIMARY KEY,
        payout_id INTEGER NOT NULL REFERENCES payout (id),
        name TEXT NOT NULL,           -- of the file in the archive, or what was done with the report: mail, attach
        sha256 TEXT,                  -- of the file
        size INTEGER,                 -- in bytes
        at TEXT NOT NULL,
        note TEXT,
        UNIQUE (payout_id, name)
    );
    """,
    """
    CREATE INDEX payout_changed ON payout (profile)       -- at Klarna, since it was drafted, booked or skipped
        WHERE code = 'changed' AND status IN ('drafted', 'booked', 'skipped');
    -- After years, none of what each run asks may read all payouts or the whole log.
    CREATE INDEX payout_drafted ON payout (profile, payout_date) WHERE status = 'drafted';
    CREATE INDEX payout_by_merchant
        ON payout (profile, client_id, environment, merchant_id, currency, payout_date);
    CREATE INDEX payout_by_anchor ON payout (client_id, anchor_account) WHERE anchor_account IS NOT NULL;
    CREATE INDEX event_by_payout ON event (payout_id);
    CREATE INDEX evidence_undelivered ON evidence (payout_id) WHERE name = 'mail' AND note IN ('due', 'sending');
    """,
)

# How the sentences of version 0.1 differ from today's.
_WORDS = {
    " is held: ": " is blocked: ",
    " was refused: 24SevenOffice said": " was rejected: 24SevenOffice said",
    " in the journal": " in the ledger",
    "posted": "drafted",
}


def in_new_words(wording: str | None) -> str | None:
    """Step 3: a stored message and hint in today's sentences. The values in them stay as they are, for they can be
    what a server said."""
    return None if wording is None else json.dumps(_renamed(json.loads(wording)), ensure_ascii=False)


def _renamed(stored: Any) -> Any:
    match stored:
        case [str() as template, dict() as values]:
            for old, new in _WORDS.items():
                template = template.replace(old, new)
            renamed = {name: _renamed(value) for name, value in values.items()}
            if "posted" in renamed:  # a command
                renamed["drafted"] = renamed.pop("posted").replace(" --posted", " --drafted")
            return [template, renamed]
        case list():
            return [_renamed(part) for part in stored]
    return stored
