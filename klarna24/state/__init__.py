"""What was done: the only door to sqlite.

store.py      State: reading and writing, every change with its event in one transaction
troubles.py   TroubleBook: what mail has been sent about
base.py       one connection, whole transactions, the event
rows.py       a payout and an event as they are kept
database.py   the file: migrations, permissions, a copy for those who only look
"""

from klarna24.state.rows import Event, Owner, Row, Status
from klarna24.state.store import State
from klarna24.state.troubles import TroubleBook

__all__ = ["Event", "Owner", "Row", "State", "Status", "TroubleBook"]
