"""Servers that misbehave as scripted, on a real socket."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

Script = Callable[[socket.socket], None]

ENVELOPE = '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>{}</s:Body></s:Envelope>'
NS = 'xmlns="urn:qms:recording-service:1"'


def request(connection: socket.socket) -> bytes:
    """Read one request whole."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += _some(connection)
    head, _, body = received.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
    while len(body) < length:
        body += _some(connection)
    return head + b"\r\n\r\n" + body


def http(body: bytes | str, status: str = "200 OK", *fields: str) -> bytes:
    """Make an HTTP answer."""
    content = body.encode() if isinstance(body, str) else body
    head = "\r\n".join([f"HTTP/1.1 {status}", f"Content-Length: {len(content)}", *fields])
    return head.encode() + b"\r\n\r\n" + content


def answering(*replies: bytes) -> Script:
    """Answer each request of a connection in turn, then close."""

    def script(connection: socket.socket) -> None:
        for reply in replies:
            request(connection)
            connection.sendall(reply)

    return script


@contextlib.contextmanager
def serving(script: Script) -> Iterator[str]:
    """Run the script for every connection while the block runs; gives the server's URL."""
    listener = socket.create_server(("127.0.0.1", 0))
    open_ones: list[socket.socket] = []

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            open_ones.append(connection)
            threading.Thread(target=converse, args=[connection], daemon=True).start()

    def converse(connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            script(connection)

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/recording-service"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for connection in open_ones:
            connection.close()
        thread.join(5)


def _some(connection: socket.socket) -> bytes:
    received = connection.recv(65536)
    if not received:
        raise ConnectionError
    return received
