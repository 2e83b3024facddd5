"""What has been done, kept in SQLite, and the lock that lets one run of a profile work at a time.

- store.py       State: what a run and a person change; reading.py: what they ask
- records.py     a payout and an event as the state stores them
- base.py        one connection, whole transactions, the log; database.py: the file; migrations.py: its tables
- witness.py   a loss is noticed; renewal.py: a person begins again; damage.py: what SQLite does not see by itself
- folder.py    no links, and nothing of other users
- lock.py        one run of a profile at a time
"""
