"""A message with a few damaged characters is read; a damaged identifier is never guessed."""

import asyncio
import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti.events import AgentEvent, CallEvent, Event
from cti.sources.csta_xml.decoding import Decoder
from cti.sources.csta_xml.framing import framed
from cti.sources.csta_xml.options import CstaOptionsError, read_options
from cti.sources.csta_xml.parsing import CstaMessageError
from cti.sources.csta_xml.reading import read_message
from cti.sources.port import REPAIRED, LinkError, Stamp
from tests.cti.csta.messages import LINEAR, NOW, connection, device, established, growth, hostile_bodies, private
from tests.cti.csta.pbx import WILLING, Listener, Pbx, config, followed, sample, until, xml

CASES = Path(__file__).parent / "cases"
CASE = (CASES / "07-csta-latin1-bytes-says-utf8.xml").read_bytes()


def read(message: bytes | str, encoding: str = "") -> tuple[list[Event], str]:
    """Return what a message says, and what was wrong with it."""
    site = config(options={"encoding": encoding} if encoding else {})
    raw = message.encode() if isinstance(message, str) else message
    found = read_message(raw, encoding)
    events = Decoder(site, read_options(site), Stamp("pbx", "1")).decode(found.root, NOW)
    return events, str(found.repaired or "")


def call(message: bytes | str, encoding: str = "") -> CallEvent:
    (event,) = read(message, encoding)[0]
    assert isinstance(event, CallEvent)
    return event


def caller(name: bytes | str, number: bytes = b"0301234") -> bytes:
    """Return an Established with a caller of this name, written raw."""
    raw = name.encode() if isinstance(name, str) else name
    text = established(more=device("callingDevice", "N&lt;NUMBER&gt;NAME"))
    return text.encode().replace(b"NUMBER", number).replace(b"NAME", raw)


def test_a_name_in_latin_1_that_says_it_is_utf_8_loses_no_call() -> None:
    data = call(CASE).data

    assert (data.call_id, data.device_id, data.calling_number) == ("C1", "2001", "0301234")
    assert data.caller_name == "Müller"


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        ("Müller".encode("latin-1"), "Müller"),
        ("Fifty € \N{EN DASH} Café".encode("cp1252"), "Fifty € \N{EN DASH} Café"),
        ("Müller".encode(), "Müller"),
        ("Müllerë".encode()[:-1], "Müller"),
        (b"a\x81b", "a\x81b"),
        (b"Smith & Co", "Smith & Co"),
        (b"M\xfcller;displayNumber=0301234", "Müller"),
        (b"AT&T; Inc", "AT&T"),
        (b"&& M&uuml;ller & S&ouml;hne", "&& Müller & Söhne"),
        (b"Tom &amp; Jerry & Co", "Tom & Jerry & Co"),
        (b"Smith\x01\x0b & \x00Co", "Smith & Co"),
        (b"Smith&#1;&#0;&#xFFFF; Co", "Smith Co"),
        (b"a < b <3 <mail@example.org>", "a < b <3 <mail@example.org>"),
        (b"a ]]> b", "a ]]> b"),
        (b"<![CDATA[Smith & \x01 M\xfcller]]>", "Smith &  Müller"),
    ],
)
def test_a_damaged_name_is_read_and_its_call_is_followed(raw: bytes, name: str) -> None:
    data = call(caller(raw)).data

    assert (data.call_id, data.device_id, data.calling_number) == ("C1", "2001", "0301234")
    assert data.caller_name == name


@pytest.mark.parametrize("bad", [b"\xfc", b"\x01", b"&", b"&uuml;", b"<", b"&#1;", b"\x00", "é".encode("cp1252")])
@pytest.mark.parametrize("where", ["callID", "deviceID", "answeringDevice", "monitorCrossRefID", "cause", "agentID"])
def test_a_damaged_identifier_refuses_the_message(where: str, bad: bytes) -> None:
    texts = {
        "callID": established(call="C@1"),
        "deviceID": established(at="20@01"),
        "answeringDevice": established(answering="20@01"),
        "monitorCrossRefID": established().replace("7001", "70@01"),
        "cause": established(more="<cause>new@Call</cause>"),
        "agentID": xml("AgentBusyEvent", f"{device('agentDevice', '2001')}<agentID>91@01</agentID>"),
    }
    with pytest.raises(CstaMessageError, match="damaged"):
        read(texts[where].encode().replace(b"@", bad))


@pytest.mark.parametrize("bad", [b"\xfc", b"\x01", b"&", b"<"])
def test_a_damaged_number_of_the_caller_is_left_out_and_not_taken_from_elsewhere(bad: bytes) -> None:
    both = device("networkCallingDevice", "N&lt;030@34&gt;Ann") + device("callingDevice", "2002")
    events, wrong = read(established(more=both + device("calledDevice", "2001")).encode().replace(b"@", bad))
    (event,) = events

    assert isinstance(event, CallEvent)
    assert (event.data.calling_number, event.data.caller_name) == (None, None)
    assert (event.data.call_id, event.data.device_id, event.data.called_number) == ("C1", "2001", "2001")
    assert "callingDevice is damaged and was left out" in wrong


def test_the_damaged_number_of_who_calls_out_refuses_the_message() -> None:
    text = xml("OriginatedEvent", connection("originatedConnection") + device("callingDevice", "20@01"))

    with pytest.raises(CstaMessageError, match="damaged"):
        read(text.encode().replace(b"@", b"\xfc"))


def test_private_data_and_user_data_are_names_too() -> None:
    more = private("<Wrapup>Termin gek@ndigt</Wrapup>") + "<accountInfo>S@d</accountInfo>"
    established_event, information = read(established(more=more).encode().replace(b"@", b"\xfc"))[0]

    assert isinstance(established_event, CallEvent)
    assert isinstance(information, CallEvent)
    assert information.data.wrapup is not None
    assert information.data.wrapup.result == "Termin gekündigt"
    assert established_event.data.query_data == {"accountInfo": "Süd"}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("<callID>", "<call\x01ID>"),
        ("<callID>", "<\xfccallID>"),
        ("</callID>", "<callID>"),
        ("<callID>C1</callID>", "<\x01callID>C1</\x01callID>"),
        ("</answeringDevice>", ""),
        ("<answeringDevice>", "<answeringDevice>x\x01"),
    ],
)
def test_a_damaged_tag_is_not_repaired(before: str, after: str) -> None:
    with pytest.raises(CstaMessageError):
        read(established().replace(before, after, 1).encode("latin-1"))


def test_a_message_with_a_dtd_is_not_repaired() -> None:
    with pytest.raises(CstaMessageError, match="DTD"):
        read(b'<!DOCTYPE a [<!ENTITY b "c">]>' + caller(b"&b; & \xfc"))


EVENTS = [frame.xml for frame in sample("01-acd-queue-call") if frame.invoke == 9999]
WHOLE = [read(one)[0] for one in EVENTS]


@given(st.data(), st.sampled_from([b"&", b"<", b">", b"\x01", b"\x00", b"\xfc", b"\xe2\x82", b"\x80", b"]]>", b"&#0;"]))
def test_one_bad_byte_anywhere_never_changes_an_identity(data: st.DataObject, bad: bytes) -> None:
    number = data.draw(st.integers(0, len(EVENTS) - 1))
    at, is_inserted = data.draw(st.integers(0, len(EVENTS[number]))), data.draw(st.booleans())
    damaged = EVENTS[number][:at] + bad + EVENTS[number][at + (0 if is_inserted else len(bad)) :]
    with contextlib.suppress(CstaMessageError):
        found = read_message(damaged)
        site = config()
        events = Decoder(site, read_options(site), Stamp("pbx", "1")).decode(found.root, NOW)
        if found.repaired is not None:
            assert [_identity(one) for one in events] == [_identity(one) for one in WHOLE[number]]
            assert all(_number(one) in (None, _number(other)) for one, other in zip(events, WHOLE[number], strict=True))


def _identity(event: Event) -> tuple[object, ...]:
    assert isinstance(event, CallEvent | AgentEvent)
    names = ("call_id", "device_id", "agent_id", "queue_name", "interaction_id")
    return type(event), *(getattr(event.data, name, None) for name in names)


def _number(event: Event) -> str | None:
    return event.data.calling_number if isinstance(event, CallEvent) else None


@pytest.mark.parametrize(
    ("encoding", "raw", "name"),
    [
        ("cp1250", "Łukasz".encode("cp1250"), "Łukasz"),
        ("koi8-r", "Жанна".encode("koi8-r"), "Жанна"),
        ("gb18030", "联通".encode("gb18030"), "联通"),
        ("shift_jis", "ソニー".encode("shift_jis"), "ソニー"),
        ("utf-8", "Müller".encode(), "Müller"),
        ("utf-8", "Müller".encode("latin-1"), "Müller"),
        ("iso-8859-15", b"Smith & M\xfcller", "Smith & Müller"),
    ],
)
def test_the_option_names_the_encoding_whatever_the_message_declares(encoding: str, raw: bytes, name: str) -> None:
    assert call(caller(raw), encoding).data.caller_name == name
    declared = caller(raw).replace(b'"UTF-8"', b'"ISO-8859-1"')
    assert call(declared, encoding).data.caller_name == name


@pytest.mark.parametrize("encoding", ["klingon", "utf-16", "rot13"])
def test_an_encoding_that_cannot_be_used_is_refused(encoding: str) -> None:
    with pytest.raises(CstaOptionsError, match="encoding"):
        read_options(config(options={"encoding": encoding}))


@pytest.mark.parametrize("place", ["callingDevice", "private", "accountInfo"])
def test_a_name_that_the_server_itself_could_not_read_is_left_out(place: str) -> None:
    mores = {
        "callingDevice": device("callingDevice", "N&lt;0301234&gt;M\ufffdller"),
        "private": private("<callerName>M\ufffdller</callerName>"),
        "accountInfo": "<accountInfo>M\ufffdller</accountInfo>",
    }
    data = call(established(more=mores[place])).data

    assert data.call_id == "C1"
    assert "\ufffd" not in str(data)


@pytest.mark.parametrize("what", hostile_bodies())
def test_the_time_of_a_damaged_frame_grows_with_its_length_alone(what: str) -> None:
    def frame(size: int) -> bytes:
        return established(more=hostile_bodies(size)[what]).encode()[:size] + b"\xfc & <"

    assert growth(frame, read) < LINEAR


@pytest.mark.parametrize("opener", [b"<![CDATA[", b"<!--", b"<?", b"<a b='", b"<a ", b"&", b"&#1;", b"\xfc", b"<"])
def test_the_time_of_a_frame_of_openers_grows_with_its_length_alone(opener: bytes) -> None:
    assert growth(lambda size: b"<a>" + opener * (size // len(opener)), read) < LINEAR


def test_a_link_follows_the_call_keeps_a_note_and_needs_no_new_snapshot() -> None:
    async def heard(listener: Listener) -> None:
        await until(lambda: "Ended" in listener.types(), "the snapshot")
        pbx.send(framed(9999, CASE))
        await until(lambda: bool(listener.broken), "the note")

    pbx = Pbx({**WILLING})
    listener = asyncio.run(followed(pbx, heard))
    (note,) = listener.broken

    assert listener.types().count("Established") == 1
    assert (note.kind, note.raw) == (REPAIRED, CASE)
    assert "text was read as cp1252: if names are wrong, set the option encoding" in note.error
    assert "Lost" not in listener.types()


def test_a_message_that_is_not_followed_names_the_call_that_it_costs() -> None:
    async def heard(listener: Listener) -> None:
        await until(lambda: "Ended" in listener.types(), "the snapshot")
        pbx.send(framed(9999, CASE.replace(b"2001", b"20\xfc1")) + framed(9999, CASE.replace(b"C1", b"C\xfc")))
        await until(lambda: len(listener.broken) == 2, "the refusals")

    pbx = Pbx({**WILLING})
    listener = asyncio.run(followed(pbx, heard))

    assert [(one.kind, one.call) for one in listener.broken] == [("message", "C1"), ("message", "")]


def test_a_wrong_encoding_in_the_options_is_for_a_person_to_correct() -> None:
    with pytest.raises(LinkError, match="encoding: klingon is not known") as caught:
        asyncio.run(followed(Pbx({**WILLING}), options={"encoding": "klingon"}))

    assert not caught.value.retryable


@pytest.mark.parametrize(
    "more",
    [
        '<vnd:note kind="a b:c">1</vnd:note>',
        '<note xsi:nil="true">1</note>',
        "<v:a xmlns:v='urn:v'/><w:note>1</w:note>",
    ],
)
def test_a_prefix_that_is_declared_nowhere_loses_no_call(more: str) -> None:
    event, said = read(established(more=private(more)))

    assert isinstance(event[0], CallEvent)
    assert event[0].data.query_data == {"note": "1"}
    assert "Namespace prefix" in said
