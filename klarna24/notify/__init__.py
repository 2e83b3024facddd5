"""Tells those who are not there: mail and heartbeats. A server that does not answer costs 20 s, and no more.

letter.py     the mail of a run, in words
smtp.py       the mail server: connect, make sure who it is, log in, hand it over; the only door to smtplib
heartbeat.py  a monitor's check: started, ended
limit.py      what ends within its seconds, whatever the other side does
"""

from klarna24.notify.heartbeat import ended, started
from klarna24.notify.letter import Part, compose, counts, trial_letter
from klarna24.notify.smtp import log_in, send

__all__ = ["Part", "compose", "counts", "ended", "log_in", "send", "started", "trial_letter"]
