"""A proxy before a server, which cuts the connection at a message of a test's choice."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Proxy:
    """Counts the messages in both directions. Before the one with the number ``cut_at`` it cuts the connection;
    then it lets no other one through unless ``recovers``."""

    def __init__(self, to: tuple[str, int], listener: socket.socket | None = None) -> None:
        self.messages = 0
        self.cut_at: int | None = None
        self.recovers = True
        self._to = to
        self._is_cut = False
        self._lock = threading.Lock()
        self._listener = listener or socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def heal(self) -> None:
        """The network is well again, and messages are counted from 0."""
        self.messages, self.cut_at, self._is_cut = 0, None, False

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                if self._is_cut and not self.recovers:
                    client.close()
                    continue
                server = socket.create_connection(self._to)
                for source, target in ((client, server), (server, client)):
                    threading.Thread(target=self._pass_on, args=(source, target), daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(2**16):
                with self._lock:
                    if self.messages == self.cut_at:
                        self._is_cut, self.cut_at = True, None
                        break
                    self.messages += 1
                target.sendall(data)
        for it in (source, target):
            with suppress(OSError):
                it.shutdown(socket.SHUT_RDWR)
        source.close()


@contextmanager
def proxy_to(port: int) -> Iterator[Proxy]:
    proxy = Proxy(("127.0.0.1", port))
    try:
        yield proxy
    finally:
        proxy.close()
