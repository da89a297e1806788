"""What goes wrong between us and a Recording Service, and the ``QmsError`` that each becomes."""

import socket
import struct
import threading
import time
import traceback
from http.client import HTTPMessage
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devtools.servers import free_port
from qms.port import (
    Flag,
    FlagAlreadyWritten,
    FlagDefinition,
    QmsBusy,
    QmsError,
    QmsLoginFailed,
    QmsRejected,
    QmsUnavailable,
    QmsUnclear,
    RecordingNotFound,
    UnknownFlag,
    ValueTooLong,
)
from qms.soap.contract import OWN_WSDL
from qms.soap.http import HttpReply
from qms.soap.service import ConnectionSettings, Limits, SoapRecordingService
from qms.soap.zeep_service import ZeepRecordingService
from tests.qms.scripted import ENVELOPE, NS, Script, answering, http, request, serving
from vault.fields import Secret

GUID = "00000000-0000-4000-8000-000000000001"
SECRET = "n0body-may-read-this"
CALLER = "Mrs Private Person"
QUICK = Limits(connect_seconds=0.5, read_seconds=0.4, total_seconds=0.6, max_bytes=20_000)


def adapter(url: str, **changes: object) -> SoapRecordingService:
    return SoapRecordingService(
        ConnectionSettings(url=url, username="gateway", password=Secret(SECRET), limits=QUICK, **changes)  # type: ignore[arg-type]
    )


def outcomes(script: Script) -> tuple[QmsError, QmsError, QmsError]:
    """Return what a read, a write of flags and a creation end with."""
    with serving(script) as url:
        service = adapter(url)
        with pytest.raises(QmsError) as read:
            service.find_live_recording("2001")
        service.line.close()
        with pytest.raises(QmsError) as write:
            service.write_flags(GUID, [Flag("CallerName", CALLER)])
        service.line.close()
        with pytest.raises(QmsError) as creation:
            service.create_flag_definition(FlagDefinition("CallerName"))
        service.line.close()
    for error in (read.value, write.value, creation.value):
        shown = "".join(traceback.format_exception(error))
        assert SECRET not in shown
        assert CALLER not in shown
        assert "leaked" not in shown
    return read.value, write.value, creation.value


def fault(code: str, subject: str = "") -> bytes:
    detail = f"<code>{code}</code><message>leaked {CALLER}</message><subject>{subject}</subject>"
    body = f"<s:Fault><faultcode>s:Client</faultcode><faultstring>leaked {CALLER}</faultstring>"
    body += f"<detail><QmsFault {NS}>{detail}</QmsFault></detail></s:Fault>"
    return http(ENVELOPE.format(body), "500 Internal Server Error")


def drip(connection: socket.socket) -> None:
    """Send a header, a byte at a time, each well within the time-out of a read."""
    request(connection)
    for _ in range(200):
        connection.sendall(b"X")
        time.sleep(0.05)  # the server's pace, which is what is tested


def hang(connection: socket.socket) -> None:
    request(connection)
    connection.recv(1)


def reset(connection: socket.socket) -> None:
    request(connection)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


UNCLEAR = {
    "a time-out after sending": hang,
    "a drip that outlives the deadline": drip,
    "a reset after sending": reset,
    "a close without an answer": answering(),
    "500 without a fault": answering(http("leaked", "500 Oops")),
    "502 of a proxy": answering(http("<html>leaked</html>", "502 Bad Gateway")),
    "an answer that is no XML": answering(http("leaked & broken")),
    "an empty answer": answering(http("")),
    "an answer cut off": answering(http("leaked" * 9)[:-5]),
    "an answer that is no HTTP": answering(b"leaked leaked leaked\r\n\r\n"),
    "an answer without end": answering(http("leaked" * 10_000)),
    "an answer with a DTD": answering(http("<!DOCTYPE x [<!ENTITY leaked 'x'>]>" + ENVELOPE.format(""))),
    "an answer to another question": answering(http(ENVELOPE.format(f"<Leaked {NS}/>"))),
    "an answer whose body is empty": answering(http(ENVELOPE.format(""))),
    "a fault of a server that has no code": answering(
        http(ENVELOPE.format("<s:Fault><faultcode>s:Server</faultcode></s:Fault>"), "500 Oops")
    ),
}


@pytest.mark.parametrize("script", UNCLEAR.values(), ids=UNCLEAR)
def test_a_write_whose_end_is_unknown_is_unclear_and_a_read_is_unavailable(script: Script) -> None:
    read, write, creation = outcomes(script)

    assert type(read) is QmsUnavailable
    assert type(write) is QmsUnclear
    assert type(creation) is QmsUnclear


PLAIN = ENVELOPE.format(f"<WriteFlagsResponse {NS}><written>1</written></WriteFlagsResponse>")
FAULTY = {
    "longer than allowed": (http(PLAIN + " " * 20_000), "longer than"),
    "longer than allowed, without a length": (b"HTTP/1.1 200 OK\r\n\r\n" + (PLAIN + " " * 20_000).encode(), "longer"),
    "cut off behind the last tag": (http(PLAIN + "     ")[:-5], "IncompleteRead"),
    "with a bare DTD": (http("<!DOCTYPE x>" + PLAIN), "cannot be read"),
}


@pytest.mark.parametrize(("reply", "why"), FAULTY.values(), ids=FAULTY)
def test_an_answer_that_reads_well_is_refused_for_how_it_came(reply: bytes, why: str) -> None:
    with serving(answering(reply)) as url, pytest.raises(QmsUnclear, match=why):
        adapter(url).write_flags(GUID, [Flag("CallerName", CALLER)])


@pytest.mark.parametrize(
    ("code", "kind", "retryable"),
    [
        ("AuthenticationFailed", QmsLoginFailed, False),
        ("NotAuthorised", QmsLoginFailed, False),
        ("UnknownFlag", UnknownFlag, False),
        ("FlagAlreadyExists", QmsRejected, False),
        ("FlagAlreadyWritten", FlagAlreadyWritten, False),
        ("ValueTooLong", ValueTooLong, False),
        ("InvalidRequest", QmsRejected, False),
        ("ServiceBusy", QmsBusy, True),
        ("InternalError", QmsBusy, True),
        ("SomethingNew", QmsRejected, False),
    ],
)
def test_each_fault_has_its_error(code: str, kind: type[QmsError], retryable: bool) -> None:
    for error in outcomes(answering(fault(code, "CallerName"))):
        assert type(error) is kind
        assert error.code == code
        assert error.retryable is retryable


def test_an_unknown_recording_is_an_error_of_a_write_and_a_read_back() -> None:
    for name, arguments in (("write_flags", (GUID, [Flag("CallerName", CALLER)])), ("flags", (GUID,))):
        with serving(answering(fault("RecordingNotFound"))) as url, pytest.raises(RecordingNotFound):
            getattr(adapter(url), name)(*arguments)


def test_a_fault_names_its_subject_only_when_it_is_a_name_that_was_sent() -> None:
    _, about_flag, _ = outcomes(answering(fault("UnknownFlag", "CallerName")))
    _, about_value, _ = outcomes(answering(fault("ValueTooLong", f"leaked {CALLER}")))

    assert "(CallerName)" in str(about_flag)
    assert "(" not in str(about_value)


@pytest.mark.parametrize(
    ("status", "kind"),
    [("401 No", QmsLoginFailed), ("403 No", QmsLoginFailed), ("404 No", QmsUnavailable), ("429 No", QmsBusy)],
)
def test_a_status_that_refuses_means_that_nothing_was_done(status: str, kind: type[QmsError]) -> None:
    for error in outcomes(answering(http("leaked", status))):
        assert type(error) is kind


def test_a_redirect_is_not_followed() -> None:
    """A POST sent on would carry flags and password to wherever the answer says."""
    followed = threading.Event()

    def elsewhere(connection: socket.socket) -> None:
        followed.set()

    with serving(elsewhere) as other:
        errors = outcomes(answering(http("", "307 Temporary Redirect", f"Location: {other}")))

    assert [type(error) for error in errors] == [QmsUnavailable] * 3
    assert not followed.is_set()


def test_a_port_where_nobody_listens_means_that_nothing_was_sent() -> None:
    service = adapter(f"http://127.0.0.1:{free_port()}/")

    with pytest.raises(QmsUnavailable):
        service.write_flags(GUID, [Flag("CallerName", CALLER)])


def test_an_address_that_cannot_be_used_is_unavailable() -> None:
    for url in ("ftp://127.0.0.1/", "http:///", "http://host.invalid/", "http://127.0.0.1:99999/", "nonsense"):
        with pytest.raises(QmsUnavailable):
            adapter(url).write_flags(GUID, [Flag("CallerName", CALLER)])


def test_a_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1/")
    with serving(answering(http(ENVELOPE.format(f"<FindLiveRecordingResponse {NS}/>")))) as url:
        assert adapter(url).find_live_recording("2001") is None


def test_every_call_ends_in_time_though_each_byte_does() -> None:
    with serving(drip) as url:
        began = time.monotonic()
        with pytest.raises(QmsUnavailable):
            adapter(url).find_live_recording("2001")

    assert time.monotonic() - began < 5


def test_a_read_is_repeated_when_an_idle_connection_was_closed_in_that_moment() -> None:
    """The server closes after its answer without saying so; only the next call finds out."""
    empty = http(ENVELOPE.format(f"<FindLiveRecordingResponse {NS}/>"))
    turns: list[int] = []

    def script(connection: socket.socket) -> None:
        turns.append(1)
        request(connection)
        connection.sendall(empty)
        request(connection)
        if len(turns) > 1:
            connection.sendall(empty)

    with serving(script) as url:
        service = adapter(url)

        assert service.find_live_recording("2001") is None
        assert service.find_live_recording("2001") is None

    assert len(turns) == 2


def test_a_write_is_never_repeated_by_itself() -> None:
    written = http(ENVELOPE.format(f"<WriteFlagsResponse {NS}><written>1</written></WriteFlagsResponse>"))
    turns: list[int] = []

    def script(connection: socket.socket) -> None:
        request(connection)
        turns.append(1)
        connection.sendall(written)
        request(connection)
        turns.append(1)

    with serving(script) as url:
        service = adapter(url)
        service.write_flags(GUID, [Flag("CallerName", CALLER)])
        with pytest.raises(QmsUnclear):
            service.write_flags(GUID, [Flag("CallerName", CALLER)])

    assert len(turns) == 2


@pytest.mark.parametrize("login", ["username_token", "basic"])
def test_the_settings_show_no_password(login: str) -> None:
    assert SECRET not in repr(ConnectionSettings(url="http://127.0.0.1/", password=Secret(SECRET), login=login))


def test_a_wsdl_with_a_dtd_is_refused(tmp_path: Path) -> None:
    head, _, rest = OWN_WSDL.read_text().partition("?>")
    (tmp_path / "a.wsdl").write_text(f"{head}?><!DOCTYPE definitions>{rest}")

    with pytest.raises(QmsUnavailable, match="DTDForbidden"):
        adapter("http://127.0.0.1:1/", wsdl=str(tmp_path / "a.wsdl")).flags(GUID)


def test_a_wsdl_from_afar_leads_nowhere_else(tmp_path: Path) -> None:
    """Neither to another server, which it could use to look into our network, nor to our files."""
    asked = threading.Event()
    harmless = '<definitions xmlns="http://schemas.xmlsoap.org/wsdl/" targetNamespace="urn:x"/>'
    (tmp_path / "a.wsdl").write_text(harmless)

    def note(connection: socket.socket) -> None:
        asked.set()

    with serving(note) as other:
        for place in (other, (tmp_path / "a.wsdl").as_uri()):
            leading = f'<wsdl:import namespace="urn:x" location="{place}"/><wsdl:types>'
            wsdl = OWN_WSDL.read_text().replace("<wsdl:types>", leading)
            with serving(answering(http(wsdl))) as url, pytest.raises(QmsUnavailable, match="WSDL"):
                adapter("http://127.0.0.1:1/", wsdl=url).flags(GUID)

    assert not asked.is_set()


@pytest.mark.parametrize("wsdl", ["no/such.wsdl", "{bad}", "{dtd}", "{outside}"])
def test_a_wsdl_that_cannot_be_used_is_unavailable(wsdl: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("wsdl")
    contents = {
        "{bad}": "<nonsense/>",
        "{dtd}": '<!DOCTYPE d [<!ENTITY e "x">]><d>&e;</d>',
        "{outside}": '<definitions xmlns="http://schemas.xmlsoap.org/wsdl/"><import location="http://127.0.0.1:1/x"/></definitions>',
    }
    if wsdl in contents:
        (folder / "a.wsdl").write_text(contents[wsdl])
        wsdl = str(folder / "a.wsdl")

    with pytest.raises(QmsUnavailable):
        adapter("http://127.0.0.1:1/", wsdl=wsdl).flags(GUID)


class _Fixed(SoapRecordingService):
    """An adapter whose every reply is given."""

    reply: HttpReply

    def __init__(self) -> None:
        super().__init__(ConnectionSettings(url="http://127.0.0.1:1/"))
        self.line.send = lambda *_, **__: self.reply  # type: ignore[method-assign]


_FIXED = _Fixed()
_GOOD = ENVELOPE.format(
    f"<GetFlagsResponse {NS}><flag><name>a</name><value>b</value></flag>"
    "<flag><name>c</name><value/></flag></GetFlagsResponse>"
)


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    status=st.sampled_from([200, 200, 202, 302, 400, 500, 503]),
    body=st.one_of(
        st.binary(max_size=60),
        st.text(max_size=60).map(str.encode),
        st.tuples(st.integers(0, len(_GOOD)), st.integers(0, 40), st.text("<>/&x:= '\"as", max_size=20)).map(
            lambda cut: (_GOOD[: cut[0]] + cut[2] + _GOOD[cut[0] + cut[1] :]).encode()
        ),
    ),
)
def test_no_answer_whatever_raises_anything_but_a_qms_error(status: int, body: bytes) -> None:
    _FIXED.reply = HttpReply(status, body, HTTPMessage())
    for call in (
        lambda: _FIXED.flags(GUID),
        lambda: _FIXED.write_flags(GUID, [Flag("a", "b")]),
        lambda: _FIXED.find_live_recording("1"),
        lambda: list(_FIXED.users()),
        _FIXED.service_info,
        _FIXED.flag_definitions,
        lambda: _FIXED.create_flag_definition(FlagDefinition("a")),
        lambda: ZeepRecordingService.flags(_FIXED, GUID),
    ):
        try:
            call()
        except QmsError:
            continue
