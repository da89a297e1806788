"""The line between listener and PBX: a TCP proxy that cuts, resets, delays, holds back, garbles and leads nowhere."""

import contextlib
import select
import socket
import struct
import threading
import time


class TcpProxy:
    """Pass bytes on. ``delay``: seconds that each piece is late; ``is_held``: nothing passes, nothing is lost;
    ``is_garbling``: of what the PBX says next, a few bytes arrive as others; ``is_away``: nobody gets through.
    """

    def __init__(self, target: int, host: str = "127.0.0.1") -> None:
        self.delay = 0.0
        self.is_held = False
        self.is_garbling = False
        self.is_away = False
        self._target = (host, target)
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._server = socket.create_server((host, 0))
        self.port: int = self._server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Break every connection in the middle of whatever it carries."""
        while self._pairs:
            _part(*self._pairs.pop())

    def reset(self) -> None:
        """Break every connection with a reset: what was on its way is gone."""
        for near, far in self._pairs:
            for end in (near, far):
                with contextlib.suppress(OSError):
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    end.close()
        self._pairs.clear()

    def close(self) -> None:
        """Accept no more connections, and close those that are open."""
        self._server.close()
        self.cut()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._server.accept()
                self._join(near)

    def _join(self, near: socket.socket) -> None:
        if self.is_away:
            near.close()
            return
        try:
            far = socket.create_connection(self._target, 2)
        except OSError:
            near.close()
            return
        # Between blocking and not: a pump looks twice a second whether the line was cut.
        self._pairs.append((near, far))
        for one, other in ((near, far), (far, near)):
            threading.Thread(target=self._pump, args=(one, other), kwargs={"is_pbx": one is far}, daemon=True).start()

    def _pump(self, one: socket.socket, other: socket.socket, *, is_pbx: bool) -> None:
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
                other.sendall(self._garbled(chunk) if is_pbx and self.is_garbling else chunk)
        _part(one, other)

    def _garbled(self, chunk: bytes) -> bytes:
        self.is_garbling = False
        middle = len(chunk) // 2
        return chunk[:middle] + b"\xff" * min(12, len(chunk) - middle) + chunk[middle + 12 :]


def _part(one: socket.socket, other: socket.socket) -> None:
    for end in (one, other):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()
