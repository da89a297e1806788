"""A server double made of zeep: it reads requests and writes answers by the WSDL as zeep understands it.

zeep is a client's library, but its messages can be read and written in both directions: the operation's input is parsed
here, its output rendered. Elements that the WSDL does not have, or has elsewhere, are errors, whatever the simulated
QMS would take.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec
import zeep
from lxml import etree
from zeep.exceptions import Error as ZeepError
from zeep.helpers import serialize_object
from zeep.transports import Transport

from qms.port import Flag, FlagDefinition, FlaggedRecording, QmsRejected, RecordingServicePort
from qms.soap.contract import OWN_WSDL

ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
NAMESPACE = "urn:qms:recording-service:1"
PAGE = 500

Fields = dict[str, Any]


class ZeepServer:
    """Answer a port's calls over SOAP. ``behind`` is what is asked; one request at a time."""

    def __init__(self, behind: RecordingServicePort, username: str, password: str) -> None:
        self.behind, self._login = behind, (username, password)
        self._client: Any = _client()
        (service,) = self._client.wsdl.services.values()
        (port,) = service.ports.values()
        self._binding: Any = port.binding
        self._lock = threading.Lock()
        #: What zeep could not read, in its words: none of it may ever be sent.
        self.unreadable: list[str] = []

    def answer(self, body: bytes) -> tuple[int, bytes]:
        """Return the status and the envelope of an answer."""
        envelope = etree.fromstring(body)
        try:
            if self._shown_login(envelope) != self._login:
                raise QmsRejected("the login is wrong", code="AuthenticationFailed")
            request = envelope.find(f"{{{ENVELOPE}}}Body")[0]  # type: ignore[index]
            operation = self._binding.get(etree.QName(request).localname)
            asked = _plain(operation.input.body.parse(request, self._client.wsdl.types))
            with self._lock:
                reported = _ACTS[operation.name](self.behind, asked)
            return 200, _written(operation.output.serialize(**reported).content)
        except QmsRejected as refusal:
            return 500, self._fault(refusal.code)
        except (ZeepError, ValueError, TypeError) as error:
            self.unreadable.append(f"{type(error).__name__}: {error}")
            return 500, self._fault("InvalidRequest")

    def _shown_login(self, envelope: Any) -> tuple[str, str]:
        place = f"{{{ENVELOPE}}}Header/{{{WSSE}}}Security/{{{WSSE}}}UsernameToken/{{{WSSE}}}"
        return envelope.findtext(f"{place}Username") or "", envelope.findtext(f"{place}Password") or ""

    def _fault(self, code: str) -> bytes:
        envelope = etree.Element(f"{{{ENVELOPE}}}Envelope", nsmap={"soap-env": ENVELOPE})
        fault = etree.SubElement(etree.SubElement(envelope, f"{{{ENVELOPE}}}Body"), f"{{{ENVELOPE}}}Fault")
        etree.SubElement(fault, "faultcode").text = "soap-env:Client"
        etree.SubElement(fault, "faultstring").text = code
        element = self._client.get_element(f"{{{NAMESPACE}}}QmsFault")
        element.render(etree.SubElement(fault, "detail"), element(code=code, message=code))
        return _written(envelope)


@contextmanager
def serving(server: ZeepServer) -> Iterator[str]:
    """Listen while the block runs; gives the address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            status, content = server.answer(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(status)
            self.send_header("Content-Type", "text/xml; charset=utf-8")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listener.daemon_threads, listener.block_on_close = True, False
    threading.Thread(target=listener.serve_forever, args=[0.02], daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.server_port}/recording-service"
    finally:
        listener.shutdown()
        listener.server_close()


def _client() -> Any:
    transport = Transport()  # type: ignore[no-untyped-call]
    return zeep.Client(str(OWN_WSDL), transport=transport, settings=zeep.Settings(strict=True))  # type: ignore[no-untyped-call]


def _plain(parsed: Any) -> Fields:
    return serialize_object(parsed, dict) or {}  # type: ignore[no-untyped-call]


def _written(envelope: Any) -> bytes:
    return etree.tostring(envelope, xml_declaration=True, encoding="utf-8")


def _camel(value: Any) -> Any:
    """Return a value of the port in the WSDL's names; what is not set is left out."""
    fields = msgspec.structs.asdict(value)
    words = {name: name.split("_") for name in fields}
    names = {name: first + "".join(word.capitalize() for word in more) for name, (first, *more) in words.items()}
    return {names[name]: found for name, found in fields.items() if found not in ("", None)}


def _recording(one: Any) -> Fields:
    found: Fields = _camel(one)
    return {"recordingGuid": found.pop("guid"), **found}


def _user(one: Any) -> Fields:
    required = dict.fromkeys(("userName", "firstName", "lastName", "extension", "recordingService"), "")
    return {**required, **_camel(one)}


def _page(items: list[Any], asked: Fields, name: str) -> Fields:
    begin = int(asked["pageToken"] or 0)
    end = begin + min(asked["pageSize"] or PAGE, PAGE)
    return {name: items[begin:end], **({"nextPageToken": str(end)} if end < len(items) else {})}


def _info(behind: RecordingServicePort, _: Fields) -> Fields:
    info = behind.service_info()
    return {
        "recordingService": info.recording_service,
        "dataServer": info.data_server,
        "version": info.version,
        "identifier": list(info.identifiers),
    }


def _users(behind: RecordingServicePort, asked: Fields) -> Fields:
    return _page([_user(one) for one in behind.users()], asked, "user")


def _find(behind: RecordingServicePort, asked: Fields) -> Fields:
    since: datetime | None = asked["notStartedBefore"]
    found = behind.find_live_recording(asked["extension"], since)
    return {"recording": _recording(found)} if found else {}


def _definitions(behind: RecordingServicePort, _: Fields) -> Fields:
    return {"definition": [_camel(one) for one in behind.flag_definitions()]}


def _create(behind: RecordingServicePort, asked: Fields) -> Fields:
    one = asked["definition"]
    wanted = FlagDefinition(one["name"], one["maxLength"], one["description"] or "")
    return {"definition": _camel(behind.create_flag_definition(wanted))}


def _write(behind: RecordingServicePort, asked: Fields) -> Fields:
    flags = [Flag(one["name"], one["value"] or "") for one in asked["flag"]]
    return {"written": behind.write_flags(asked["recordingGuid"], flags)}


def _flags(behind: RecordingServicePort, asked: Fields) -> Fields:
    return {"flag": [msgspec.structs.asdict(one) for one in behind.flags(asked["recordingGuid"])]}


def _recordings(behind: RecordingServicePort, asked: Fields) -> Fields:
    found = behind.recordings(asked["from"], asked["to"])
    listed = [
        {"recording": _recording(one.recording), "flag": [msgspec.structs.asdict(flag) for flag in one.flags]}
        for one in found
        if isinstance(one, FlaggedRecording)
    ]
    return _page(listed, asked, "recording")


_ACTS: dict[str, Callable[[RecordingServicePort, Fields], Fields]] = {
    "GetServiceInfo": _info,
    "ListUsers": _users,
    "FindLiveRecording": _find,
    "ListFlagDefinitions": _definitions,
    "CreateFlagDefinition": _create,
    "WriteFlags": _write,
    "GetFlags": _flags,
    "ListRecordings": _recordings,
}
