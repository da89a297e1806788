"""Answers that come in an odd wrapping: charsets, declarations, attachments, compression; and texts that are none."""

import codecs
import gzip
import time
from typing import Any

import pytest

from qms.port import (
    Flag,
    FlagDefinition,
    ListedUser,
    QmsError,
    QmsUnavailable,
    QmsUnclear,
    Recording,
    RecordingNotFound,
    UnreadableUser,
)
from qms.soap.dialect import Dialect
from qms.soap.service import ConnectionSettings, Limits, SoapRecordingService
from tests.qms.scripted import ENVELOPE, NS, answering, http, serving
from tests.qms.test_soap_answers import DETAIL, GUID, asked, body, fault11, found, recording

XSI = 'xmlns:i="http://www.w3.org/2001/XMLSchema-instance"'
TEXT_XML = "Content-Type: text/xml; charset="
USER = (
    "<user><userId>1</userId><userName>ünal</userName><firstName>Ünal</firstName><lastName>Öz</lastName>"
    "<extension>2001</extension><recordingService>Any</recordingService><active>true</active>"
    "<licence>None</licence></user>"
)
ANSWER = body("ListUsers", USER)


def users(content: bytes, *fields: str) -> list[ListedUser | UnreadableUser]:
    with serving(answering(http(content, "200 OK", *fields))) as url:
        service = SoapRecordingService(ConnectionSettings(url=url, login="", limits=Limits(total_seconds=3.0)))
        try:
            return list(service.users())
        finally:
            service.line.close()


def declared(encoding: str) -> str:
    return f'<?xml version="1.0" encoding="{encoding}"?>{ANSWER}'


@pytest.mark.parametrize(
    ("content", "charset"),
    [
        (declared("utf-16").encode(), "utf-8"),  # As .NET's StringWriter declares what is then sent as UTF-8.
        (codecs.BOM_UTF8 + declared("utf-16").encode(), "utf-16"),
        (declared("utf-16").encode("utf-16"), "utf-16"),
        (declared("utf-16").encode("utf-16"), "utf-8"),
        (declared("utf-16").encode("utf-16-le"), "utf-16le"),
        (ANSWER.encode("latin-1"), "iso-8859-1"),
        (declared("utf-8").encode("latin-1"), '"ISO-8859-1"'),
        (declared("iso-8859-1").encode("latin-1"), "utf-8"),  # The header lies, the document does not.
        (declared("iso-8859-1").encode("latin-1"), "no-such-charset"),
        (declared("utf-8").encode(), "utf-16"),
        (declared("utf-8").encode() + b"\n", "utf-16"),
        *((declared("utf-8").encode(), one) for one in ("punycode", "idna", "undefined", "unicode_escape", "UTF7")),
        (codecs.BOM_UTF8 + ANSWER.encode(), "utf-8"),
        (b"\r\n\r\n" + declared("utf-8").encode(), "utf-8"),
    ],
)
def test_an_answer_is_read_in_the_charset_that_fits(content: bytes, charset: str) -> None:
    (one,) = users(content, TEXT_XML + charset)

    assert isinstance(one, ListedUser)
    assert (one.user_name, one.first_name, one.last_name) == ("ünal", "Ünal", "Öz")


def test_the_part_named_as_the_start_is_the_envelope() -> None:
    parts = ("<other>", "image/png", "x"), ("<root@x>", 'application/xop+xml; charset=utf-8; type="text/xml"', ANSWER)
    lines = "".join(f"--b\r\nContent-ID: {cid}\r\nContent-Type: {kind}\r\n\r\n{text}\r\n" for cid, kind, text in parts)
    kind = 'Content-Type: multipart/related; type="application/xop+xml"; start="<root@x>"; boundary="b"'

    (one,) = users(f"{lines}--b--\r\n".encode(), kind)
    assert isinstance(one, ListedUser)


def test_a_part_with_odd_bytes_in_its_fields_is_read() -> None:
    fields = b"--b\r\nContent-ID: \xff\r\nContent-Type: text/xml; x=\xff\r\nContent-Transfer-Encoding: \xff\r\n\r\n"

    (one,) = users(fields + ANSWER.encode() + b"\r\n--b--", 'Content-Type: multipart/related; start="y"; boundary="b"')
    assert isinstance(one, ListedUser)


NESTED = b"".join(
    b"--x%d\r\nContent-Type: multipart/mixed; boundary=x%d\r\n\r\n" % (level, level + 1) for level in range(1000)
)


@pytest.mark.parametrize(
    "content", [NESTED, b"--x0\r\nContent-Type: message/rfc822\r\n\r\n" * 20_000, b"--x0\r\n" * 100_000]
)
def test_parts_in_parts_cost_little(content: bytes) -> None:
    began = time.thread_time()
    with pytest.raises(QmsUnavailable, match="cannot be read"):
        users(content, "Content-Type: multipart/related; boundary=x0")
    assert time.thread_time() - began < 1.5


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br"])
def test_a_compressed_answer_is_named_and_never_unpacked(encoding: str) -> None:
    with pytest.raises(QmsUnavailable, match=f"compressed .'{encoding}'., which was not asked for"):
        users(gzip.compress(ANSWER.encode()), f"Content-Encoding: {encoding}")


@pytest.mark.parametrize(
    "nothing",
    [
        recording().replace(f"<recordingGuid>{GUID}</recordingGuid>", f'<recordingGuid {XSI} i:nil="true"/>'),
        f'<recording {XSI}><recordingGuid i:nil="true"/><extension i:nil="true"/><startedAt i:nil="1"/></recording>',
        f'<recording {XSI} i:nil="false"/>',
        f'<recording {XSI} i:type="Recording"/>',
    ],
)
def test_a_nil_guid_and_an_empty_element_of_a_stated_type_are_no_recording(nothing: str) -> None:
    assert found(nothing) is None


def test_a_fault_that_knows_no_recording_is_no_recording() -> None:
    call: dict[str, Any] = {"find_live_recording": ("2001",)}
    dialect = Dialect(faults={"E_NO_CALL": "RecordingNotFound"})

    assert asked(fault11("s:Client", DETAIL.format("RecordingNotFound")), "500 x", **call) is None
    assert asked(fault11("s:Server", DETAIL.format("E_NO_CALL")), "500 x", dialect=dialect, **call) is None
    with pytest.raises(RecordingNotFound):
        asked(fault11("s:Client", DETAIL.format("RecordingNotFound")), "500 x", flags=(GUID,))


@pytest.mark.parametrize("end", ["9999-12-31T23:59:59.9999999", "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00"])
def test_a_time_that_was_never_set_is_none(end: str) -> None:
    one = found(recording(more=f"<endedAt>{end}</endedAt>"))

    assert isinstance(one, Recording)
    assert one.ended_at is None


def test_a_guid_that_holds_elements_is_an_error_of_the_dialect_and_not_no_recording() -> None:
    with pytest.raises(QmsUnavailable, match=r"recordingGuid: holds elements instead of a text; .* '\.\.\./Value'"):
        found(recording(guid="<Value>1</Value>"))


@pytest.mark.parametrize("field", ["userId", "extension", "agentId", "firstName", "active", "licence"])
def test_a_field_that_holds_elements_makes_a_user_unreadable_and_is_named(field: str) -> None:
    inner = USER.replace("</user>", "<agentId>1</agentId></user>")
    begin, _, rest = inner.partition(f"<{field}>")
    odd = f"{begin}<{field}><a>1</a>{rest[rest.index('</' + field) :]}"

    bad, good = users(body("ListUsers", odd + USER).encode())

    assert isinstance(good, ListedUser)
    assert isinstance(bad, UnreadableUser)
    assert f"{field}: holds elements instead of a text" in bad.problem


def test_a_text_beside_an_unknown_element_is_read() -> None:
    (one,) = users(body("ListUsers", USER.replace("2001", "2001<added/>")).encode())

    assert isinstance(one, ListedUser)
    assert one.extension == "2001"


def test_a_fault_beside_an_answer_is_a_fault() -> None:
    written = f"<WriteFlagsResponse {NS}><written>1</written></WriteFlagsResponse>"
    both = f"{written}<s:Fault><faultcode>s:Server</faultcode></s:Fault>"

    with pytest.raises(QmsUnclear):
        asked(ENVELOPE.format(both), write_flags=(GUID, [Flag("AgentId", "1")]))


@pytest.mark.parametrize("length", ["0", "-1", ""])
def test_no_limit_of_a_flag_is_no_limit(length: str) -> None:
    definition = f"<definition><name>A</name><maxLength>{length}</maxLength></definition>"

    assert asked(body("ListFlagDefinitions", definition), flag_definitions=()) == [FlagDefinition("A")]


@pytest.mark.parametrize(
    ("status", "kind", "says"),
    [
        ("407 x", QmsUnavailable, "A proxy"),
        ("408 x", QmsUnavailable, "gave up waiting"),
        ("413 x", QmsUnavailable, "longer than the service allows"),
        ("404 x", QmsUnavailable, "No Recording Service answers"),
        ("302 x", QmsUnavailable, "sends us elsewhere"),
        ("303 x", QmsUnclear, "cannot be read"),
    ],
)
def test_a_status_says_what_it_means_for_a_write(status: str, kind: type[QmsError], says: str) -> None:
    with pytest.raises(QmsError, match=says) as failure:
        asked("<html/>", status, write_flags=(GUID, [Flag("AgentId", "1")]))

    assert type(failure.value) is kind
