"""A real SMTP server and a real webhook receiver for tests, each in a thread of its own; both keep what they get."""

import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any


@dataclass
class Mailbox:
    """What an SMTP server got. ``refuses``: it answers every sender with 451."""

    port: int = 0
    mails: list[str] = field(default_factory=list)
    refuses: bool = False


@dataclass
class Webhook:
    """What a webhook got: bodies and headers. ``status``: what it answers."""

    port: int = 0
    bodies: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    status: int = 200

    @property
    def url(self) -> str:
        """Return its address."""
        return f"http://127.0.0.1:{self.port}/hook"


@contextmanager
def smtp_server() -> Iterator[Mailbox]:
    """Run an SMTP server that takes every mail within the block."""
    box = Mailbox()

    class ReceiverSession(socketserver.StreamRequestHandler):
        """The few words of SMTP that a client needs."""

        def handle(self) -> None:
            """Answer until the client quits."""
            self._say("220 ready")
            while line := self.rfile.readline():
                word = line.split(maxsplit=1)[0].upper() if line.split() else b""
                if word == b"DATA":
                    self._say("354 go on")
                    box.mails.append(self._data())
                    self._say("250 kept")
                elif word == b"QUIT":
                    self._say("221 bye")
                    return
                elif word == b"MAIL" and box.refuses:
                    self._say("451 not now")
                else:
                    self._say("250 fine")

        def _data(self) -> str:
            lines = []
            while (line := self.rfile.readline()) not in (b".\r\n", b""):
                lines.append(line.decode())
            return "".join(lines)

        def _say(self, words: str) -> None:
            self.wfile.write(f"{words}\r\n".encode())

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), ReceiverSession) as server:
        box.port = server.server_address[1]
        with _running(server):
            yield box


@contextmanager
def webhook_receiver() -> Iterator[Webhook]:
    """Run a webhook receiver within the block."""
    hook = Webhook()

    class Handler(BaseHTTPRequestHandler):
        """Keeps what is posted."""

        def do_POST(self) -> None:
            """Keep the body, and answer."""
            hook.bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            hook.headers.append(dict(self.headers))
            self.send_response(hook.status)
            self.send_header("Location", "http://127.0.0.1:1/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        hook.port = server.server_address[1]
        with _running(server):
            yield hook


@contextmanager
def _running(server: socketserver.BaseServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join(5)
