"""The prepared calls give the same envelopes as zeep does."""

from datetime import UTC, datetime, timedelta, timezone
from functools import cache

from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from qms.port import Flag
from qms.soap.contract import SoapContract
from qms.soap.prepared import Prepared
from qms.soap.service import ConnectionSettings
from qms.soap.xml_text import xml_text
from qms.soap.zeep_service import xml_time
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
    fields = {"extension": extension} | ({"notStartedBefore": xml_time(since)} if since else {})

    by_zeep = contract(login).envelope("FindLiveRecording", fields)

    assert same(by_zeep, prepared(login).find(extension, xml_time(since) if since else None))


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
