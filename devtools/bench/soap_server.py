"""A Recording Service that answers always the same, as cheaply as Python can.

It knows two questions by a word in their bytes and looks at nothing else, so that a bench measures who asks. With a
second word, a file, it writes down the recording of each WriteFlags, a line each.
"""

import os
import socket
import sys
import threading

GUID = "0f3b9a52-6f0e-4c61-9d0a-5f7f3f8f1c11"
NAMESPACE = "urn:qms:recording-service:1"
_FOUND = (
    f"<recording><recordingGuid>{GUID}</recordingGuid><extension>2001</extension>"
    "<startedAt>2026-03-02T09:00:00Z</startedAt></recording>"
)
_END = b"\r\n\r\n"
_LENGTH = b"content-length:"


_NAME = b"recordingGuid>"


def main(port: int, ledger: str = "") -> None:
    """Serve until the process ends, each connection by a thread."""
    lines = os.open(ledger, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600) if ledger else None
    listener = socket.create_server(("127.0.0.1", port))
    while True:
        connection, _ = listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=_serve, args=[connection, lines], daemon=True).start()


def _serve(connection: socket.socket, lines: int | None) -> None:
    found, written = reply("FindLiveRecording", _FOUND), reply("WriteFlags", "<written>6</written>")
    while request := request_from(connection):
        is_search = b"FindLiveRecording" in request
        if lines is not None and not is_search:
            os.write(lines, request.partition(_NAME)[2].partition(b"<")[0] + b"\n")
        connection.sendall(found if is_search else written)


def request_from(connection: socket.socket) -> bytes:
    """Read a request; empty where the other side has gone."""
    received = b""
    while not _is_whole(received):
        some = connection.recv(65_536)
        if not some:
            return b""
        received += some
    return received


def _is_whole(received: bytes) -> bool:
    head, end, body = received.partition(_END)
    return bool(end) and len(body) >= int(head.lower().partition(_LENGTH)[2].partition(b"\r\n")[0])


def reply(operation: str, content: str) -> bytes:
    """Return the answer to an operation."""
    return http_answer(
        '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
        f'<{operation}Response xmlns="{NAMESPACE}">{content}</{operation}Response></s:Body></s:Envelope>'
    )


def http_answer(envelope: str, status: str = "200 OK") -> bytes:
    """Return an envelope as an answer of HTTP."""
    body = envelope.encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: text/xml; charset=utf-8\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])
