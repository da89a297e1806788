"""The prepared calls give the same envelopes, and read the same from answers, as zeep does."""

from datetime import UTC, datetime, timedelta, timezone
from functools import cache
from http.client import HTTPMessage

from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from qms.port import Flag, QmsError
from qms.soap import answers
from qms.soap.contract import SoapContract
from qms.soap.http import HttpReply
from qms.soap.prepared import Prepared, Unusual
from qms.soap.service import ConnectionSettings
from qms.soap.xml_text import xml_text
from qms.soap.zeep_service import moment
from tests.qms.scripted import ENVELOPE, NS
from vault.fields import Secret

texts = st.text(st.characters(codec="utf-8"), max_size=30).map(xml_text)
times = st.datetimes(
    datetime(1990, 1, 1),  # noqa: DTZ001  (hypothesis wants naive bounds)
    datetime(2100, 1, 1),  # noqa: DTZ001
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=30)), timezone(-timedelta(hours=8))]),
)


@cache
def contract(login: str = "username_token") -> SoapContract:
    return SoapContract(
        ConnectionSettings(
            url="http://127.0.0.1:1/", username="<gate & way>", password=Secret("p\ue000<&>"), login=login
        )
    )


@cache
def prepared(login: str = "username_token") -> Prepared:
    return Prepared(contract(login))


def same(one: bytes, other: bytes) -> bool:
    return etree.tostring(etree.fromstring(one), method="c14n") == etree.tostring(
        etree.fromstring(other), method="c14n"
    )


def as_xml(text: str) -> str:
    element = etree.Element("x")
    element.text = text
    return etree.tostring(element, encoding="unicode")[3:-4] if text else ""


@settings(max_examples=200, deadline=None)
@given(extension=texts, since=st.none() | times, login=st.sampled_from(["username_token", "basic"]))
def test_the_envelope_of_a_search_is_zeeps(extension: str, since: datetime | None, login: str) -> None:
    fields = {"extension": extension} | ({"notStartedBefore": moment(since)} if since else {})

    by_zeep = contract(login).envelope("FindLiveRecording", fields)

    assert same(by_zeep, prepared(login).find(extension, moment(since) if since else None))


@settings(max_examples=200, deadline=None)
@given(guid=texts, flags=st.lists(st.builds(Flag, texts, texts), min_size=1, max_size=9))
def test_the_envelope_of_a_write_is_zeeps(guid: str, flags: list[Flag]) -> None:
    texts_of_flags = [{"name": flag.name, "value": flag.value} for flag in flags]

    by_zeep = contract().envelope("WriteFlags", {"recordingGuid": guid, "flag": texts_of_flags})

    assert same(by_zeep, prepared().write(guid, flags))


@given(guid=texts)
def test_the_envelope_of_a_read_back_is_zeeps(guid: str) -> None:
    assert same(contract().envelope("GetFlags", {"recordingGuid": guid}), prepared().get(guid))


@given(value=st.text(st.characters(exclude_categories=[]), max_size=30))
def test_what_xml_cannot_carry_is_left_out_and_the_rest_arrives(value: str) -> None:
    sent = etree.fromstring(prepared().find(value, None))
    (extension,) = (one for one in sent.iter() if str(one.tag).endswith("}extension"))

    assert (extension.text or "") == xml_text(value)


def recording(guid: str, extension: str, started: str, ended: str | None) -> str:
    end = f"<endedAt>{ended}</endedAt>" if ended else ""
    parts = f"<recordingGuid>{as_xml(guid)}</recordingGuid><extension>{as_xml(extension)}</extension>"
    return f"<recording>{parts}<startedAt>{started}</startedAt>{end}</recording>"


moments = (
    times.map(lambda time: time.isoformat())
    | times.map(moment)
    | st.sampled_from(
        ["2026-03-02T12:00:00", "2026-03-02T12:00:00.1234567Z", "2026-03-02", "24:00", "", "2026-02-30T00:00:00Z"]
    )
)
recordings = st.builds(recording, texts, texts, moments, st.none() | moments)
oddities = st.sampled_from(["", "", "", "<!-- x -->", "<other/>", " ", "text", '<recording x="1"/>', "<?pi?>"])


@settings(max_examples=300, deadline=None)
@given(found=st.lists(recordings, max_size=2), odd=oddities)
def test_the_answer_to_a_search_is_read_as_zeep_does(found: list[str], odd: str) -> None:
    content = answer("FindLiveRecording", "".join(found) + odd)

    assert_read_alike(
        lambda: prepared().found(content),
        lambda: answers.found(contract().answer("FindLiveRecording", reply(content)), contract().dialect),
    )


@settings(max_examples=200, deadline=None)
@given(flags=st.lists(st.tuples(texts, texts), max_size=5), odd=oddities)
def test_the_answer_to_a_read_back_is_read_as_zeep_does(flags: list[tuple[str, str]], odd: str) -> None:
    each = (f"<flag><name>{as_xml(name)}</name><value>{as_xml(value)}</value></flag>" for name, value in flags)
    content = answer("GetFlags", "".join(each) + odd)

    assert_read_alike(
        lambda: prepared().carried(content),
        lambda: answers.flags(contract().answer("GetFlags", reply(content))),
    )


@settings(max_examples=100, deadline=None)
@given(count=st.integers(-5, 10**10).map(str) | st.sampled_from(["", "x", " 1 ", "\uff11", "+1"]), odd=oddities)
def test_the_answer_to_a_write_is_read_as_zeep_does(count: str, odd: str) -> None:
    content = answer("WriteFlags", f"<written>{count}</written>{odd}")

    assert_read_alike(
        lambda: prepared().written(content),
        lambda: answers.written(contract().answer("WriteFlags", reply(content))),
    )


def test_a_plain_answer_is_not_left_to_zeep() -> None:
    """Or the prepared calls would be right and slow."""
    content = answer("FindLiveRecording", recording("G", "2001", "2026-03-02T12:00:00.5Z", None))

    found = prepared().found(content)

    assert found is not None
    assert found.started_at == datetime(2026, 3, 2, 12, 0, 0, 500_000, UTC)


def answer(operation: str, inner: str) -> bytes:
    return ENVELOPE.format(f"<{operation}Response {NS}>{inner}</{operation}Response>").encode()


def reply(content: bytes) -> HttpReply:
    return HttpReply(200, content, HTTPMessage())


def assert_read_alike(fast, by_zeep) -> None:  # type: ignore[no-untyped-def]
    """What the fast way reads, zeep reads so too; what it leaves to zeep is zeep's."""
    try:
        mine = fast()
    except Unusual:
        return
    try:
        theirs = by_zeep()
    except (QmsError, ValueError, TypeError) as error:
        raise AssertionError(f"zeep refuses what was read as {mine!r}") from error

    assert mine == theirs
