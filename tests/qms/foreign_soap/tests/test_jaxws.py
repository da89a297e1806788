"""The JAX-WS-like service, asked by hand and by zeep."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID
from xml.etree import ElementTree as ET

import pytest
import zeep
from zeep.wsse.username import UsernameToken

from tests.qms.foreign_soap import JaxWsOptions, JaxWsService, Misbehaviour, Operation, Person
from tests.qms.foreign_soap.misbehaviour import LONG_GUID
from tests.qms.foreign_soap.xml import leaf, tag

from .asking import Heard, archive, ask_jaxws, fetch, username_token


@pytest.fixture
def service() -> Iterator[JaxWsService]:
    """Give a service that runs."""
    with JaxWsService(archive=archive()) as one:
        yield one


def find(service: JaxWsService, extension: str = "2001") -> str:
    """Ask for the recording at an extension."""
    return ask_jaxws(service.address, "findCurrentRecording", leaf("extension", extension)).text


def write(service: JaxWsService, guid: UUID, name: str, value: str) -> Heard:
    """Write one label."""
    label = tag("label", leaf("name", name), leaf("value", value))
    return ask_jaxws(service.address, "applyLabels", leaf("recordingId", guid), label)


def agents(service: JaxWsService) -> ET.Element:
    """Ask for the agents."""
    answer = ask_jaxws(service.address, "listAgents", leaf("offset", 0), leaf("limit", 500))
    return ET.fromstring(answer.text)


def test_zeep_works_with_its_wsdl(service: JaxWsService) -> None:
    guid = service.archive.record("2001")
    with zeep.Client(service.wsdl) as client:  # type: ignore[no-untyped-call]
        recorder = client.service

        assert [one.phone for one in recorder.listAgents(0, 500).agents] == ["2001", "2002"]
        assert recorder.findCurrentRecording("2001").id == str(guid)
        assert recorder.findCurrentRecording("2002") is None
        assert recorder.listLabels() == ["AgentName", "QueueName"], "a list of plain texts"
        assert recorder.applyLabels(str(guid), [{"name": "AgentName", "value": "Alice"}]) is True
        assert [one.value for one in recorder.readLabels(str(guid))] == ["Alice"]
        recorder.createLabel("CallerName")
        found = recorder.searchRecordings(datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))
        assert [one.labels[0].name for one in found] == ["AgentName"]
        assert recorder.getServerStatus().release
        with pytest.raises(zeep.exceptions.Fault, match="other value"):
            recorder.applyLabels(str(guid), [{"name": "AgentName", "value": "Bob"}])


def test_its_schema_is_apart(service: JaxWsService) -> None:
    assert "?xsd=1" in fetch(service.wsdl).text
    assert ET.fromstring(fetch(service.wsdl.replace("wsdl", "xsd=1")).text).tag.endswith("schema")


def test_an_answer_looks_as_metro_writes_it(service: JaxWsService) -> None:
    service.archive.record("2001")
    answer = find(service)

    assert answer.startswith("<?xml version='1.0' encoding='UTF-8'?><S:Envelope ")
    assert "<ns2:findCurrentRecordingResponse xmlns:ns2=" in answer
    assert "<return><id>" in answer, "children have no namespace"


def test_agents_come_in_pages(service: JaxWsService) -> None:
    for number in range(3, 503):
        service.archive.hire(Person(number, f"p{number}", "P", "Q", str(3000 + number)))
    first = agents(service)
    rest = ET.fromstring(ask_jaxws(service.address, "listAgents", leaf("offset", 500), leaf("limit", 500)).text)

    assert (len(first.findall(".//agents")), first.findtext(".//nextOffset")) == (500, "500")
    assert (len(rest.findall(".//agents")), rest.findtext(".//nextOffset")) == (2, None)


def test_a_declared_exception_has_a_detail_and_blames_the_server(service: JaxWsService) -> None:
    answer = write(service, service.archive.record("2001"), "AgentName", "far too long a name")

    assert answer.status == 500
    assert "<faultcode>S:Server</faultcode>" in answer.text
    assert "<code>VALUE_TOO_LONG</code>" in answer.text


def test_an_unhandled_exception_has_no_detail(service: JaxWsService) -> None:
    service.misbehave(Misbehaviour(crashes=True), once=True)
    answer = ask_jaxws(service.address, "getServerStatus")

    assert (answer.status, "S:Server" in answer.text, "<detail>" in answer.text) == (500, True, False)


def test_an_unknown_method_is_the_clients_fault(service: JaxWsService) -> None:
    assert "<faultcode>S:Client</faultcode>" in ask_jaxws(service.address, "nothing").text


@pytest.mark.parametrize("words", ["true/false", "1/0", "Y/N", "True/False"])
def test_yes_and_no_have_several_words(words: str) -> None:
    with JaxWsService(archive=archive(), options=JaxWsOptions(truth_words=words)) as service:  # type: ignore[arg-type]
        guid = service.archive.record("2001")

        assert "/".join(one.text or "" for one in agents(service).findall(".//active")) == words
        assert f"<return>{words.split('/', maxsplit=1)[0]}</return>" in write(service, guid, "AgentName", "Alice").text
        service.misbehave(Misbehaviour(writes_nothing=True), Operation.WRITE_FLAGS)
        assert f"<return>{words.split('/')[1]}</return>" in write(service, guid, "QueueName", "Sales").text
        assert service.archive.flags(guid) == {"AgentName": "Alice"}


def test_what_is_not_there_may_be_an_empty_element() -> None:
    options = JaxWsOptions(writes_empty=True, no_recording="empty")
    with JaxWsService(archive=archive(), options=options) as service:
        assert "<return/>" in find(service)
        service.archive.record("2001")

        assert "<end/>" in find(service)
        assert agents(service).findall(".//team")[1].text is None


def test_no_recording_may_be_nil() -> None:
    with JaxWsService(archive=archive(), options=JaxWsOptions(no_recording="nil")) as service:
        assert 'xsi:nil="true"' in find(service)


def test_values_may_be_what_nobody_can_read(service: JaxWsService) -> None:
    service.misbehave(Misbehaviour(bad_user=True, nil_item=True, unknown_elements=True), Operation.LIST_USERS)
    answer = agents(service)

    assert [one.findtext("licence") for one in answer.findall(".//agents")] == ["FULL", "ON_DEMAND", "Trial", None]
    assert len(answer.findall(".//AddedByAnUpdate")) >= 4
    service.archive.record("2001")
    service.misbehave(LONG_GUID, Operation.FIND_LIVE_RECORDING)
    assert len(ET.fromstring(find(service)).findtext(".//id") or "") == 300


@pytest.mark.parametrize(
    ("wanted", "header", "code"),
    [
        ("text", lambda: username_token("secret"), None),
        ("text", lambda: username_token("wrong"), "wsse:FailedAuthentication"),
        ("text", lambda: "", "wsse:InvalidSecurity"),
        ("text", lambda: username_token("secret", age=timedelta(hours=1)), "wsu:MessageExpired"),
        ("text", lambda: username_token("secret", b"n1"), "wsse:InvalidSecurity"),
        ("digest", lambda: username_token("secret", b"n2"), None),
        ("digest", lambda: username_token("wrong", b"n3"), "wsse:FailedAuthentication"),
        ("digest", lambda: username_token("secret", b"n4", age=timedelta(hours=1)), "wsu:MessageExpired"),
        ("digest", lambda: username_token("secret"), "wsse:InvalidSecurity"),
    ],
)
def test_the_security_header_decides(wanted: str, header: Callable[[], str], code: str | None) -> None:
    # The header is made in the test: one that was made at collection may have expired before its test runs.
    with JaxWsService(archive=archive(), options=JaxWsOptions(security=wanted)) as service:  # type: ignore[arg-type]
        answer = ask_jaxws(service.address, "getServerStatus", header=header())

        assert answer.status == (500 if code else 200)
        assert code is None or f">{code}</faultcode>" in answer.text


def test_a_digest_that_was_heard_before_is_refused() -> None:
    with JaxWsService(archive=archive(), options=JaxWsOptions(security="digest")) as service:
        header = username_token("secret", b"again")

        assert ask_jaxws(service.address, "getServerStatus", header=header).status == 200
        assert "wsse:InvalidSecurity" in ask_jaxws(service.address, "getServerStatus", header=header).text


@pytest.mark.parametrize("kind", ["text", "digest"])
def test_zeep_logs_on_with_a_username_token(kind: str) -> None:
    options = JaxWsOptions(security=kind, wants_timestamp=False)  # type: ignore[arg-type]
    with JaxWsService(archive=archive(), options=options) as service:
        token = UsernameToken("gateway", "secret", use_digest=kind == "digest")  # type: ignore[no-untyped-call]
        with zeep.Client(service.wsdl, wsse=token) as client:  # type: ignore[no-untyped-call]
            assert client.service.getServerStatus().serverName
