"""What both vendors' clients need of HTTP: a session, an exchange that has an end, the server's time, a pace."""

from klarna24.http.exchange import SAVE_SECONDS, AnswerTooLong, Exchange, new_session
from klarna24.http.faults import permanent_fault
from klarna24.http.pace import Pace, TooManyRequests, pace_of, reset_paces
from klarna24.http.server_time import ServerTime

__all__ = [
    "SAVE_SECONDS",
    "AnswerTooLong",
    "Exchange",
    "Pace",
    "ServerTime",
    "TooManyRequests",
    "new_session",
    "pace_of",
    "permanent_fault",
    "reset_paces",
]
