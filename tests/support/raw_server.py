"""A server on loopback that does with each connection what a test wants."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

Behave = Callable[[socket.socket], object]


@contextmanager
def serving(behave: Behave, port: int = 0) -> Iterator[tuple[int, list[int]]]:
    """Call ``behave`` with each connection; gives the port, and a list with the count of connections."""
    connections = [0]
    with socket.create_server(("127.0.0.1", port)) as server:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    connections[0] += 1
                    with connection, suppress(OSError):
                        behave(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1], connections
        server.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def read_until(connection: socket.socket, end: bytes) -> bytes:
    """Read what the client sends, up to ``end``."""
    received = b""
    while end not in received:
        received += connection.recv(2**16) or end
    return received
