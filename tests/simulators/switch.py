"""The other side of ``tests.cti.line_source``: a PBX that says what a test asks it to."""

import contextlib
import socket
import threading
from collections.abc import Iterator

from devtools.servers import wait_until


class Switch:
    """Accept one link after the other and speak to the newest."""

    def __init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self.links: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                link, _ = self._server.accept()
                self.links.append(link)

    def wait_for_link(self, number: int = 1) -> None:
        """Wait until this many links were made in all."""
        wait_until(lambda: len(self.links) >= number, f"link {number}")

    def say(self, *lines: str) -> None:
        """Say lines on the newest link."""
        self.links[-1].sendall("".join(f"{line}\n" for line in lines).encode())

    def cut(self) -> None:
        """Cut the newest link."""
        self.links[-1].shutdown(socket.SHUT_RDWR)
        self.links[-1].close()

    def close(self) -> None:
        """Take no more links."""
        self._server.close()
        for link in self.links:
            link.close()


@contextlib.contextmanager
def switch() -> Iterator[Switch]:
    """Give a switch."""
    one = Switch()
    try:
        yield one
    finally:
        one.close()
