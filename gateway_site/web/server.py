"""waitress's server with deadlines, and with room for a new client whatever the slow ones do."""

import time
from typing import Any

from waitress.server import TcpWSGIServer

from gateway_site.web.channel import RequestChannel
from gateway_site.web.limits import MAXIMUM_CONNECTIONS


class WebServer(TcpWSGIServer):
    """Serves one listening socket. Slow clients cost a connection, never a thread."""

    channel_class = RequestChannel

    def maintenance(self, now: float) -> None:  # noqa: ARG002  (waitress passes the time of day; deadlines are monotonic)
        """Disconnect clients that missed a deadline; waitress calls this every second."""
        monotonic = time.monotonic()
        for channel in list(self.active_channels.values()):
            if channel.is_late(monotonic):
                channel.disconnect()

    def handle_accept(self) -> None:
        """Accept a client; when all connections are in use, first close one that waits for its client."""
        if len(self.active_channels) >= MAXIMUM_CONNECTIONS:
            self._make_room()
        super().handle_accept()

    def _make_room(self) -> None:
        """Close the connection whose request has been unfinished longest; if none, whose response is unread longest."""
        channels: list[Any] = list(self.active_channels.values())
        reading = [one for one in channels if one.is_reading]
        owing = [one for one in channels if one.is_owing]
        if reading:
            min(reading, key=lambda one: one.began_at or time.monotonic()).handle_close()
        elif owing:
            min(owing, key=lambda one: one.owing_since).handle_close()
