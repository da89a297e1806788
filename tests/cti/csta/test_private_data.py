"""What private and user data say: names, wrap-ups, pairs; never a password."""

import pytest

from cti.events import AgentEvent, CallEvent, Wrapup, type_name
from cti.sources.csta_xml.private_data import decoded, pairs
from tests.cti.csta.messages import agent, connection, data_of, decoder, device, established, private, read
from tests.cti.csta.pbx import xml


def test_private_data_names_caller_and_wrap_up_where_the_site_says() -> None:
    text = established(more=private("<n>Ada</n><n2>global phonebook</n2><r>Sold</r><t>Survey</t><k>v</k>"))
    names = {"caller_name": "n", "caller_name_source": "n2", "wrapup_result": "r", "wrapup_template": "t"}
    event, information = read(text, decoder(options=names))

    assert isinstance(event, CallEvent)
    assert (event.data.caller_name, event.data.caller_name_source) == ("Ada", "global_phonebook")
    assert event.data.query_data == {"k": "v"}
    assert type_name(information) == "csta.call.CallInformation"
    assert isinstance(information, CallEvent)
    assert information.data.wrapup == Wrapup(result="Sold", template="Survey")


@pytest.mark.parametrize(
    ("inside", "expected"),
    [
        ("<Wrapup>Sold</Wrapup>", Wrapup(result="Sold")),
        ("<x:WrapupResult xmlns:x='urn:x'>Sold</x:WrapupResult>", Wrapup(result="Sold")),
        (
            "<Wrapup><WrapupTemplate>Survey</WrapupTemplate><WrapupResult>Sold</WrapupResult></Wrapup>",
            Wrapup(result="Sold", template="Survey"),
        ),
        ("<wrapupTemplate>Survey</wrapupTemplate>", None),
        ("<WrapupResult> </WrapupResult>", None),
    ],
)
def test_a_wrap_up_is_read_in_each_of_its_shapes(inside: str, expected: Wrapup | None) -> None:
    assert data_of(xml("CallInformationEvent", connection("connection") + private(inside))).wrapup == expected


def test_a_password_in_private_data_is_never_kept() -> None:
    text = established(more=private("<agentPassword>s3</agentPassword><AuthCode>1</AuthCode><k>v</k>"))

    assert data_of(text).query_data == {"k": "v"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("43524D2D38383132", "CRM-8812"),
        ("c3a4", "ä"),
        ("FF00", "FF00"),
        ("0102", "0102"),
        ("CRM-1", "CRM-1"),
        ("414", "414"),
        ("4100", "A"),
    ],
)
def test_hex_is_read_where_it_says_printable_text(text: str, expected: str) -> None:
    assert decoded(text) == expected


def test_only_a_text_that_is_all_pairs_is_pairs() -> None:
    assert pairs("Case=99; Region = North\n") == {"Case": "99", "Region": "North"}
    assert pairs("Case=99;and more") == {}


def test_user_data_cannot_take_the_place_of_the_correlator() -> None:
    body = connection("connection") + "<correlatorData><string>4142</string></correlatorData>"
    body += f"<userData><string>{b'correlatorData=x'.hex()}</string></userData>"

    query = data_of(xml("CallInformationEvent", body)).query_data
    assert query == {"correlatorData": "AB", "userData": "correlatorData=x"}


def test_an_agents_name_and_reason_are_read_from_private_data() -> None:
    body = device("agentDevice", "2001") + "<agentID>9101</agentID><cause>normal</cause>"
    event = read(agent("AgentNotReadyEvent", body + private("<agentName>Alice</agentName><reasonCode>7</reasonCode>")))
    assert isinstance(event[0], AgentEvent)

    assert (event[0].data.agent_name, event[0].data.reason) == ("Alice", "7")
