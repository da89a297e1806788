"""A TCP proxy whose faults a test switches: answers that never come back, and a cut line."""

import contextlib
import socket
import threading
from collections.abc import Iterator


class Proxy:
    """Pass bytes between clients and a server; ``lose_answers`` lets requests through and cuts before the answer."""

    def __init__(self, port: int) -> None:
        self._target = port
        self.lose_answers = 0
        self.lost = 0
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Take no more clients."""
        self._server.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._server.accept()
                server = socket.create_connection(("127.0.0.1", self._target))
                for pump, one, other in ((self._requests, client, server), (self._answers, server, client)):
                    threading.Thread(target=pump, args=(one, other), daemon=True).start()

    def _requests(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while chunk := client.recv(65536):
                server.sendall(chunk)
            server.close()

    def _answers(self, server: socket.socket, client: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while chunk := server.recv(65536):
                if self.lose_answers > 0:
                    self.lose_answers -= 1
                    self.lost += 1
                    client.shutdown(socket.SHUT_RDWR)
                    break
                client.sendall(chunk)
            client.close()


@contextlib.contextmanager
def proxy_before(port: int) -> Iterator[Proxy]:
    """Give a proxy before a server."""
    proxy = Proxy(port)
    try:
        yield proxy
    finally:
        proxy.close()
