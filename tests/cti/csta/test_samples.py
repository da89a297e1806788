"""Every sample becomes the events that its index demands; the expected ones are spelt out, one a line."""

from datetime import UTC, datetime

import pytest

from cti.events import AgentEvent, CallData, CallEvent, Event, decode, encode, type_name
from cti.sources.csta_xml.decoding import Decoder
from cti.sources.csta_xml.options import read_options
from cti.sources.csta_xml.parsing import local, parse
from cti.sources.port import Stamp
from tests.cti.csta.pbx import config, sample

NOW = datetime(2026, 3, 2, 9, 0, 0, tzinfo=UTC)

EXPECTED = {
    "01-acd-queue-call": """
        Delivered 4A01/5000 queue=Sales
        Queued 4A01/5000 queue=Sales
        Diverted 4A01/5000 queue=Sales
        Delivered 4A01/2001 queue=Sales
        Established 4A01/2001 queue=Sales
        Busy 9101@2001
        ConnectionCleared 4A01/T17:3 outside
        ConnectionCleared 4A01/2001
        WorkingAfterCall 9101@2001
        Ready 9101@2001
    """,
    "02-single-step-transfer": """
        Delivered 4B01/2001
        Established 4B01/2001
        Transferred 4B01->4B02 by 2001 to 2002 [4B01/T17:3->4B02/T17:3 ->4B02/2002]
        Delivered 4B02/2002
        Established 4B02/2002
        ConnectionCleared 4B02/2002
    """,
    "03-two-step-transfer": """
        Delivered 4C01/2001
        Established 4C01/2001
        Held 4C01/2001
        ServiceInitiated 4C02/2001
        Delivered 4C02/2002
        Originated 4C02/2001
        Delivered 4C02/2002
        Established 4C02/2002
        Established 4C02/2002
        Transferred 4C02->4C03 by 2001 to 2002 [4C01/T17:3->4C03/T17:3 4C02/2002->4C03/2002]
        Transferred 4C01+4C02->4C03 by 2001 to 2002 [4C01/T17:3->4C03/T17:3 4C02/2002->4C03/2002]
        ConnectionCleared 4C03/T17:3 outside
        ConnectionCleared 4C03/2002
    """,
    "04-conference-dropoff": """
        Delivered 4D01/2001
        Established 4D01/2001
        Held 4D01/2001
        ServiceInitiated 4D02/2001
        Originated 4D02/2001
        Delivered 4D02/2002
        Delivered 4D02/2002
        Established 4D02/2002
        Established 4D02/2002
        Conferenced 4D01+4D02->4D03 by 2001 to 2002 [4D01/2001->4D03/2001 4D01/T17:3->4D03/T17:3 4D02/2002->4D03/2002]
        Conferenced 4D02->4D03 by 2001 to 2002 [4D01/2001->4D03/2001 4D01/T17:3->4D03/T17:3 4D02/2002->4D03/2002]
        ConnectionCleared 4D03/2001
        ConnectionCleared 4D03/2001
        ConnectionCleared 4D03/T17:3 outside
        ConnectionCleared 4D03/2002
    """,
    "06-forward-no-answer": """
        Delivered 4F01/2001
        Diverted 4F01/2001
        Delivered 4F01/2003
        Established 4F01/2003
        ConnectionCleared 4F01/2003
    """,
    "08a-outbound-answered": """
        ServiceInitiated 5101/2001
        Originated 5101/2001
        NetworkReached 5101/T18:1 outside
        Delivered 5101/T18:1 outside
        Established 5101/T18:1 outside
        ConnectionCleared 5101/2001
    """,
    "08c-outbound-no-answer-supervision": """
        ServiceInitiated 5103/2001
        Originated 5103/2001
        NetworkReached 5103/T19:1 outside
        ConnectionCleared 5103/2001
    """,
    "09-snapshot": """
        ConnectionCleared 5201/2001
        Retrieved 5202/2001
        ConnectionCleared 5202/2001
    """,
    "10-agent-session": """
        LoggedOn 9101@2001
        NotReady 9101@2001
        Ready 9101@2001
        Busy 9101@2001
        WorkingAfterCall 9101@2001
        NotReady 9101@2001
        Ready 9101@2001
        NotReady 9101@2001
        LoggedOff 9101@2001
        LoggedOn 9101@2002
        LoggedOff 9101@2002
    """,
    "11-call-information": """
        Delivered 5301/2001
        Established 5301/2001
        CallInformation 5301/2001
        ConnectionCleared 5301/2001
    """,
}


def reported(scenario: str, devices: tuple[str, ...] = ("2001", "2002", "2003", "2004")) -> list[Event]:
    site = config(devices=devices)
    decoder = Decoder(site, read_options(site), Stamp("pbx", "1"))
    roots = [parse(frame.xml) for frame in sample(scenario)]
    return [event for root in roots if local(root.tag).endswith("Event") for event in decoder.decode(root, NOW)]


def line(event: Event) -> str:
    name = type_name(event).rpartition(".")[2]
    if isinstance(event, AgentEvent):
        return f"{name} {event.data.agent_id}@{event.data.device_id}"
    assert isinstance(event, CallEvent)
    return f"{name} {merge_text(event.data) if event.data.primary_old_call_id else call_text(event.data)}"


def call_text(data: CallData) -> str:
    queue = f" queue={data.queue_name}" if data.queue_name else ""
    return f"{data.call_id}/{data.device_id}{queue}{' outside' if data.outside else ''}"


def merge_text(data: CallData) -> str:
    old = "+".join(filter(None, (data.primary_old_call_id, data.secondary_old_call_id)))
    actor = data.transferring_device_id or data.conferencing_device_id
    items = [
        f"{f'{item.old.call_id}/{item.old.device_id}' if item.old else ''}->{item.new.call_id}/{item.new.device_id}"
        for item in data.connections
    ]
    to = data.transferred_to_device_id or data.added_party_id
    return f"{old}->{data.resulting_call_id} by {actor} to {to} [{' '.join(items)}]"


@pytest.mark.parametrize("scenario", EXPECTED)
def test_a_sample_becomes_the_events_that_it_means(scenario: str) -> None:
    assert [line(event) for event in reported(scenario)] == [
        text.strip() for text in EXPECTED[scenario].split("\n")[1:-1]
    ]


@pytest.mark.parametrize("scenario", EXPECTED)
def test_a_sample_means_the_same_where_every_device_shows_itself(scenario: str) -> None:
    assert [line(event) for event in reported(scenario, devices=())] == [line(event) for event in reported(scenario)]


@pytest.mark.parametrize("scenario", EXPECTED)
def test_a_samples_events_survive_the_journal(scenario: str) -> None:
    assert [decode(encode(event)) for event in reported(scenario)] == reported(scenario)


@pytest.mark.parametrize("scenario", [name for name in EXPECTED if name[:2] not in ("10", "08", "11")])
def test_all_calls_of_a_sample_are_one_interaction(scenario: str) -> None:
    threads = {event.data.interaction_id for event in reported(scenario) if isinstance(event, CallEvent)}

    assert len(threads) == (2 if scenario == "09-snapshot" else 1)
    assert None not in threads


def test_the_network_says_who_called_and_what_was_dialled() -> None:
    established = reported("01-acd-queue-call")[4]

    assert isinstance(established, CallEvent)
    data = established.data
    assert (data.calling_number, data.called_number) == ("+442079460123", "+442079460500")
    assert (data.direction, data.cause, data.local_state) == ("inbound", "distributed", "connected")
    assert (established.time, established.gatewaytime, data.source_time) == (NOW, NOW, "2026-03-02T09:00:27Z")


def test_a_call_that_we_make_is_outbound_and_a_consultation_internal() -> None:
    outbound = {
        event.data.direction for event in reported("08a-outbound-answered")[1:5] if isinstance(event, CallEvent)
    }
    consultation = reported("03-two-step-transfer")[7]

    assert outbound == {"outbound"}
    assert isinstance(consultation, CallEvent)
    assert consultation.data.direction == "internal"


def test_late_data_of_a_call_is_read_from_hex_and_private_data_is_kept() -> None:
    delivered, established, information, _ = reported("11-call-information")

    assert isinstance(delivered, CallEvent)
    assert isinstance(established, CallEvent)
    assert isinstance(information, CallEvent)
    assert (delivered.data.caller_name, delivered.data.caller_name_source) == ("J Example", None)
    assert (delivered.data.calling_number, delivered.data.called_number) == ("442079460123", "2001")
    assert established.data.query_data == {"queueName": "Sales", "WrapupTemplate": "none"}
    assert information.data.query_data == {
        "correlatorData": "CRM-8812",
        "userData": "Case=99",
        "Case": "99",
        "accountInfo": "4711",
        "outcome": "sale",
    }
