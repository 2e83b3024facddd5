"""A network of its own for each host of a test, where this machine allows it: nothing is in it but a loopback, on
which one port of ours is reached."""

import ctypes
import os
import shutil
import socket
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from tests.support.proxy import Proxy

CLONE_NEWNET = 0x40000000
T = TypeVar("T")


def is_allowed() -> bool:
    programs = shutil.which("ip") and shutil.which("unshare")
    return bool(os.geteuid() == 0 and programs and subprocess.call(["unshare", "-n", "true"]) == 0)


def in_own_network(port: int, start: Callable[[], T]) -> tuple[T, Proxy]:
    """Calls it in a new network, with what leads from there to the port. A process that it starts stays there."""

    def inside() -> tuple[T, socket.socket]:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.unshare(CLONE_NEWNET):  # of this thread alone
            raise OSError(ctypes.get_errno(), "unshare")
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        listener = socket.create_server(("127.0.0.1", port))
        return start(), listener

    with ThreadPoolExecutor(1) as thread:
        started, listener = thread.submit(inside).result()
    return started, Proxy(("127.0.0.1", port), listener)
