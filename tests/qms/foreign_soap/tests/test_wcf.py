"""The WCF-like service, asked by hand and by zeep."""

import base64
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from xml.etree import ElementTree as ET

import pytest
import zeep

from tests.qms.foreign_soap import Misbehaviour, Operation, Raw, WcfOptions, WcfService
from tests.qms.foreign_soap.misbehaviour import LONG_GUID, MANY_ATTRIBUTES
from tests.qms.foreign_soap.wcf import DISPATCHER, EMPTY_GUID, MIN_VALUE
from tests.qms.foreign_soap.xml import leaf

from .asking import archive, ask_wcf, fetch, wcf, wcf_tags


@pytest.fixture
def service() -> Iterator[WcfService]:
    """Give a service that runs."""
    with WcfService(archive=archive()) as one:
        yield one


def find(service: WcfService, extension: str = "2001") -> str:
    """Ask for the recording at an extension."""
    return ask_wcf(service.address, wcf("GetActiveCall", leaf("line", extension))).text


@pytest.mark.parametrize("query", ["wsdl", "WSDL", "wsdl=wsdl0", "singleWsdl", "xsd=xsd0", "xsd=xsd1", "xsd=xsd2"])
def test_its_documents_are_split_as_iis_does(service: WcfService, query: str) -> None:
    answer = fetch(f"{service.address}/Vault.svc?{query}")

    assert answer.status == 200
    assert ET.fromstring(answer.text).tag.endswith(("definitions", "schema"))


@pytest.mark.parametrize("query", ["wsdl", "singleWsdl"])
@pytest.mark.parametrize("port", ["Basic_IVault", "Soap12_IVault"])
def test_zeep_works_with_either_document_at_either_port(service: WcfService, query: str, port: str) -> None:
    guid = service.archive.record("2001")
    with zeep.Client(f"{service.address}/Vault.svc?{query}") as client:  # type: ignore[no-untyped-call]
        vault = client.bind("Vault", port)

        assert [one.Line for one in vault.GetAccounts()] == ["2001", "2002"]
        assert vault.GetActiveCall("2001").CallId == str(guid)
        assert vault.TagCall(str(guid), {"Tag": [{"Key": "AgentName", "Text": "Alice"}]}) == 1
        assert [(one.Key, one.Text) for one in vault.GetTags(str(guid))] == [("AgentName", "Alice")]
        calls = vault.GetCalls(datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))
        assert [one.Call.CallId for one in calls] == [str(guid)]
        vault.AddTagName({"Key": "CallerName", "MaxLength": 5})
        assert [(one.Key, one.MaxLength) for one in vault.GetTagNames()][-1] == ("CallerName", 5)
        assert vault.About().Version
        with pytest.raises(zeep.exceptions.Fault, match="other value"):
            vault.TagCall(str(guid), {"Tag": [{"Key": "AgentName", "Text": "Bob"}]})


def test_the_truth_counts_every_write(service: WcfService) -> None:
    guid = service.archive.record("2001")
    write = wcf("TagCall", leaf("callId", guid), wcf_tags([("AgentName", "Alice"), ("QueueName", "Sales")]))
    for _ in range(2):
        assert "<TagCallResult>2<" in ask_wcf(service.address, write).text

    assert service.archive.flags(guid) == {"AgentName": "Alice", "QueueName": "Sales"}
    assert service.archive.writes(guid, "AgentName") == 2
    assert service.asked == [Operation.WRITE_FLAGS] * 2


def test_a_write_is_carried_out_whole_or_not_at_all(service: WcfService) -> None:
    guid = service.archive.record("2001")
    answer = ask_wcf(service.address, wcf("TagCall", leaf("callId", guid), wcf_tags([("QueueName", "a"), ("No", "b")])))

    assert answer.status == 500
    assert "<Code>TagUnknown</Code>" in answer.text
    assert "<faultcode" in answer.text
    assert service.archive.flags(guid) == {}


def test_an_unhandled_exception_says_nothing(service: WcfService) -> None:
    service.misbehave(Misbehaviour(crashes=True), once=True)
    old, well = ask_wcf(service.address, wcf("About")), ask_wcf(service.address, wcf("About"))
    service.misbehave(Misbehaviour(crashes=True))
    new = ask_wcf(service.address, wcf("About"), is_soap12=True)

    assert (old.status, well.status, new.status) == (500, 200, 500)
    assert f'<faultcode xmlns:a="{DISPATCHER}">a:InternalServiceFault</faultcode>' in old.text
    assert "detail" not in old.text
    assert "<s:Value>s:Receiver</s:Value><s:Subcode>" in new.text


def test_a_write_may_be_carried_out_before_the_exception(service: WcfService) -> None:
    guid = service.archive.record("2001")
    service.misbehave(Misbehaviour(crashes_late=True), Operation.WRITE_FLAGS)
    answer = ask_wcf(service.address, wcf("TagCall", leaf("callId", guid), wcf_tags([("AgentName", "Alice")])))

    assert answer.status == 500
    assert service.archive.flags(guid) == {"AgentName": "Alice"}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (WcfOptions(), 'i:nil="true"'),
        (WcfOptions(no_call="absent"), "<GetActiveCallResponse xmlns="),
        (WcfOptions(no_call="empty guid"), f"<a:CallId>{EMPTY_GUID}</a:CallId>"),
    ],
)
def test_no_recording_has_three_forms(options: WcfOptions, expected: str) -> None:
    with WcfService(archive=archive(), options=options) as service:
        assert expected in find(service)


def test_a_running_call_has_stopped_in_the_year_one(service: WcfService) -> None:
    service.archive.record("2001")

    assert f"<a:Stopped>{MIN_VALUE}</a:Stopped>" in find(service)


@pytest.mark.parametrize("form", ["upper", "braces", "no dashes"])
def test_a_guid_is_understood_in_the_form_that_it_was_given(form: str) -> None:
    with WcfService(archive=archive(), options=WcfOptions(guid_form=form)) as service:  # type: ignore[arg-type]
        guid = service.archive.record("2001")
        given = ET.fromstring(find(service)).findtext(".//{*}CallId") or ""
        ask_wcf(service.address, wcf("TagCall", leaf("callId", given), wcf_tags([("AgentName", "Alice")])))

        assert given != str(guid)
        assert service.archive.flags(guid) == {"AgentName": "Alice"}


@pytest.mark.parametrize(
    ("login", "challenges"),
    [("basic", ['Basic realm="vault"']), ("ntlm", ["NTLM"]), ("negotiate", ["Negotiate", "NTLM"])],
)
def test_iis_asks_who_it_is(login: str, challenges: list[str]) -> None:
    with WcfService(archive=archive(), options=WcfOptions(login=login)) as service:  # type: ignore[arg-type]
        answer = ask_wcf(service.address, wcf("About"))

        assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, challenges)
        assert fetch(service.wsdl).status == 200


def test_basic_lets_the_right_pair_pass() -> None:
    with WcfService(archive=archive(), options=WcfOptions(login="basic", guards_documents=True)) as service:
        right, wrong = (base64.b64encode(pair).decode() for pair in (b"gateway:secret", b"gateway:wrong"))

        assert ask_wcf(service.address, wcf("About"), Authorization=f"Basic {right}").status == 200
        assert ask_wcf(service.address, wcf("About"), Authorization=f"Basic {wrong}").status == 401
        assert fetch(service.wsdl).status == 401


def test_a_port_refuses_the_other_version(service: WcfService) -> None:
    """WCF detects it by the type of the content, before it reads anything."""
    assert ask_wcf(service.address, wcf("About"), Content_Type="application/soap+xml").status == 415
    assert ask_wcf(service.address, wcf("About"), is_soap12=True, Content_Type="text/xml").status == 415


def test_an_unknown_action_is_the_callers_fault(service: WcfService) -> None:
    answer = ask_wcf(service.address, wcf("Nothing"))

    assert answer.status == 500
    assert "a:ActionNotSupported" in answer.text


def test_values_may_be_what_nobody_can_read(service: WcfService) -> None:
    service.misbehave(Misbehaviour(bad_user=True, nil_item=True, unknown_elements=True), Operation.LIST_USERS)
    answer = ET.fromstring(ask_wcf(service.address, wcf("GetAccounts")).text)

    accounts = answer.findall(".//{*}Account")
    assert [one.findtext("{*}License") for one in accounts] == ["Permanent", "PerCall", "Trial", None]
    assert len(answer.findall(".//{*}AddedByAnUpdate")) == 5, "three accounts, the list, the answer; not the nil one"


def test_a_guid_may_be_far_too_long(service: WcfService) -> None:
    service.archive.record("2001")
    service.misbehave(LONG_GUID, Operation.FIND_LIVE_RECORDING)

    assert len(ET.fromstring(find(service)).findtext(".//{*}CallId") or "") == 300


def test_a_write_may_come_to_nothing(service: WcfService) -> None:
    guid = service.archive.record("2001")
    service.misbehave(Misbehaviour(writes_nothing=True), Operation.WRITE_FLAGS, once=True)
    answer = ask_wcf(service.address, wcf("TagCall", leaf("callId", guid), wcf_tags([("AgentName", "Alice")])))

    assert (answer.status, "<TagCallResult>0<" in answer.text) == (200, True)
    assert service.archive.flags(guid) == {}
    assert service.archive.writes(guid, "AgentName") == 0


def test_an_answer_may_be_huge_or_full_of_attributes(service: WcfService) -> None:
    service.misbehave(Misbehaviour(huge_bytes=15_000_000), once=True)
    assert len(find(service)) > 15_000_000
    service.misbehave(MANY_ATTRIBUTES, once=True)
    assert find(service).count('=""') == 300_000


def test_an_answer_may_drip(service: WcfService) -> None:
    service.misbehave(Misbehaviour(drip_seconds=0.02, drip_bytes=50), once=True)
    began = time.monotonic()
    answer = find(service)

    assert "nil" in answer
    assert time.monotonic() - began > 0.02 * (len(answer) // 50)


def test_an_answer_may_be_anything(service: WcfService) -> None:
    service.misbehave(Misbehaviour(raw=Raw(b"<html>busy</html>", 503, "text/html")), once=True)
    answer = ask_wcf(service.address, wcf("About"))

    assert (answer.status, answer.text) == (503, "<html>busy</html>")
    assert service.asked == []
