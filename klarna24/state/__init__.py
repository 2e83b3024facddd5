"""What was done: the only door to sqlite.

store.py      State: reading and writing, every change with its event in one transaction
rows.py       a payout and an event as they are kept
database.py   the file: migrations, permissions, a copy for those who only look
"""

from klarna24.state.rows import Event, Owner, Row, Status
from klarna24.state.store import State

__all__ = ["Event", "Owner", "Row", "State", "Status"]
