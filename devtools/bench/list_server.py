"""A Recording Service that lists the recordings of planted calls page by page, made as they are asked for.

It reads requests by the words in their bytes: a bench measures who asks.
"""

import re
import socket
import sys
import threading
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import lru_cache
from html import escape

from devtools.bench.planted_calls import PlantedCalls
from devtools.bench.soap_server import http_answer, reply, request_from
from qms.port import Flag, FlaggedRecording

_ASKED = re.compile(rb"<(?:\w+:)?(from|to|pageSize|pageToken|recordingGuid)>([^<]*)<")
_NOT_FOUND = (
    '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault><faultcode>s:Client</faultcode>'
    "<faultstring>RecordingNotFound</faultstring><detail>"
    '<QmsFault xmlns="urn:qms:recording-service:1"><code>RecordingNotFound</code><message>It is not there.</message>'
    "</QmsFault></detail></s:Fault></s:Body></s:Envelope>"
)


def main(port: int, calls: PlantedCalls) -> None:
    """Serve until the process ends, each connection by a thread."""
    listener = socket.create_server(("127.0.0.1", port))
    while True:
        connection, _ = listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=_serve, args=[connection, calls], daemon=True).start()


def _serve(connection: socket.socket, calls: PlantedCalls) -> None:
    while request := request_from(connection):
        asked = {name.decode(): value.decode() for name, value in _ASKED.findall(request)}
        connection.sendall(_flags(asked, calls) if b"GetFlags" in request else _page(asked, calls))


def _page(asked: dict[str, str], calls: PlantedCalls) -> bytes:
    first, size = int(asked.get("pageToken", 0)), int(asked["pageSize"])
    found = _between(calls, asked["from"], asked["to"])
    token = f"<nextPageToken>{first + size}</nextPageToken>" if first + size < len(found) else ""
    return reply("ListRecordings", "".join(map(_listed, found[first : first + size])) + token)


@lru_cache(maxsize=2)
def _between(calls: PlantedCalls, begin: str, end: str) -> list[FlaggedRecording]:
    """Return the recordings of a span: its pages are asked for one after the other."""
    return calls.recordings(datetime.fromisoformat(begin), datetime.fromisoformat(end))


def _flags(asked: dict[str, str], calls: PlantedCalls) -> bytes:
    found = calls.recording(asked["recordingGuid"])
    if found is None:
        return http_answer(_NOT_FOUND, "500 Internal Server Error")
    return reply("GetFlags", "".join(_texts(found.flags)))


def _listed(one: FlaggedRecording) -> str:
    it = one.recording
    ended = f"<endedAt>{it.ended_at.isoformat()}</endedAt>" if it.ended_at else ""
    return (
        f"<recording><recording><recordingGuid>{it.guid}</recordingGuid><extension>{it.extension}</extension>"
        f"<startedAt>{it.started_at.isoformat()}</startedAt>{ended}</recording>{''.join(_texts(one.flags))}</recording>"
    )


def _texts(flags: Sequence[Flag]) -> Iterator[str]:
    return (f"<flag><name>{escape(one.name)}</name><value>{escape(one.value)}</value></flag>" for one in flags)


if __name__ == "__main__":
    port, calls, extensions, every, *names = sys.argv[1:]
    main(int(port), PlantedCalls(int(calls), int(extensions), int(every), tuple(names)))
