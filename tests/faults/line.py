"""The line between listener and PBX: a TCP proxy that cuts, delays and holds back, in both directions."""

import contextlib
import select
import socket
import threading
import time


class Line:
    """Pass bytes on. ``delay``: seconds that each piece is late; ``is_held``: nothing passes, nothing is lost."""

    def __init__(self, target: int) -> None:
        self.delay = 0.0
        self.is_held = False
        self._target = target
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Break every connection in the middle of whatever it carries."""
        while self._pairs:
            _part(*self._pairs.pop())

    def close(self) -> None:
        """Take no more connections, and end those that stand."""
        self._server.close()
        self.cut()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._server.accept()
                self._join(near)

    def _join(self, near: socket.socket) -> None:
        try:
            far = socket.create_connection(("127.0.0.1", self._target), 2)
        except OSError:
            near.close()
            return
        # Between blocking and not: a pump looks twice a second whether the line was cut.
        self._pairs.append((near, far))
        for one, other in ((near, far), (far, near)):
            threading.Thread(target=self._pump, args=(one, other), daemon=True).start()

    def _pump(self, one: socket.socket, other: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError):
            other.settimeout(None)
            while True:
                if not select.select([one], [], [], 0.5)[0]:
                    continue
                while self.is_held:
                    time.sleep(0.05)
                chunk = one.recv(65536)
                if not chunk:
                    break
                time.sleep(self.delay)
                other.sendall(chunk)
        _part(one, other)


def _part(one: socket.socket, other: socket.socket) -> None:
    for end in (one, other):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()
