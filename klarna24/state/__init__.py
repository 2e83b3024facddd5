"""What has been done, kept in SQLite or on a PostgreSQL server, and the lock that lets one run of a profile work.

- store.py       State: what a run changes; decisions.py: what a person does; reading.py: what both ask
- records.py     a payout and an event as the state stores them
- base.py        whole transactions, the log; connection.py: what is needed of a database
- opening.py     the one of two kinds: sqlite.py with database.py (the file) and migrations.py, or postgres/
- witness.py     a loss is noticed; renewal.py: a person begins again; damage.py: what SQLite does not see
- copying.py     from a folder to a server, and back
- folder.py      no links, and nothing of other users
- lock.py        one run of a profile at a time
"""
