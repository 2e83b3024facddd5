"""A server that never ends its answer, or sends far too much: each is over within the limits of docs/reference.md,
in under 300 MB. Each is a real server on loopback; the client runs in a process of its own, whose memory counts."""

import socket
import threading
from collections.abc import Callable

MOST_MEMORY = 300  # MB
SECONDS = 1.0  # the limit of an exchange in these tests
CLIENT = """
import json, sys
from tests.support.network import ask, memory
print(json.dumps(ask(sys.argv[1], sys.argv[2], float(sys.argv[3])) | {"memory": memory()}))
"""
Behave = Callable[[socket.socket, threading.Event], object]
