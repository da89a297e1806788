"""What a CSTA message means, in every dialect; what it lacks or hides is reported, never guessed."""

import pytest

from cti.events import AgentEvent, CallData, CallEvent, type_name
from cti.sources.csta_xml.devices import Device, read_device
from cti.sources.csta_xml.options import CstaOptions, CstaOptionsError, read_options
from cti.sources.csta_xml.parsing import CstaMessageError
from tests.cti.csta.messages import agent, connection, data_of, decoder, device, established, private, read
from tests.cti.csta.pbx import config, sample, xml


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0123", Device("0123")),
        ("  2001 ", Device("2001")),
        ("+442079460123", Device("+442079460123")),
        ("tel:+44-20-7946.0123;phone-context=x", Device("+442079460123")),
        ("TEL:2001", Device("2001")),
        ("sip:2001@pbx.example;user=phone", Device("2001")),
        ("sips:%2B4420@pbx.example:5061", Device("+4420")),
        ("sip:2001", Device("2001")),
        ('"Alice Example" <sip:2001@pbx.example>', Device("2001", "Alice Example")),
        ("2001:CM1:10.0.0.1:0", Device("2001")),
        ("2001:CM1::0", Device("2001")),
        ("T17:3", Device("T17:3")),
        ("N<7868772298>Line71001;displayNumber=7868772298;uid=1", Device("7868772298", "Line71001")),
        ("N<2001>;noa=nk", Device("2001")),
        ("N<02079460123!12&34/2001%9101>Alice", Device("02079460123", "Alice", "9101")),
        ("N</2001>", Device("2001")),
        ("N<tel:+4420>Bob", Device("+4420", "Bob")),
        ("2001;displayNumber=2001", Device("2001")),
        ("N<2001", Device("N<2001")),
        ("", Device("")),
    ],
)
def test_a_device_is_reduced_to_its_extension_without_losing_zeros(text: str, expected: Device) -> None:
    assert read_device(text) == expected


@pytest.mark.parametrize("edition", ["ed2", "ed3", "ed4", "ed5", "ed6"])
def test_every_edition_reads_alike(edition: str) -> None:
    old = sample("01-acd-queue-call")[4].xml
    new = old.replace(b"csta/ed4", f"csta/{edition}".encode())

    assert read(new) == read(old)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b' xmlns="http://www.ecma-international.org/standards/ecma-323/csta/ed4"', b""),
        (b"ecma-international.org", b"ecmainternational.org"),
        (b"<EstablishedEvent xmlns=", b"<EstablishedEvent xmlns:x='urn:x' xmlns="),
    ],
)
def test_a_missing_or_misspelt_namespace_makes_no_difference(before: bytes, after: bytes) -> None:
    xml_bytes = sample("01-acd-queue-call")[4].xml

    assert read(xml_bytes.replace(before, after)) == read(xml_bytes)


def test_prefixed_elements_are_read_by_their_local_names() -> None:
    text = """<c:EstablishedEvent xmlns:c="urn:any"><c:establishedConnection><c:deviceID>2001</c:deviceID>
        <c:callID>C1</c:callID></c:establishedConnection></c:EstablishedEvent>"""

    assert (data_of(text).call_id, data_of(text).device_id) == ("C1", "2001")


def test_latin_1_is_read_where_it_is_declared() -> None:
    text = established(more=device("callingDevice", "N&lt;2077&gt;Jürgen Ähm"))

    assert data_of_bytes(text.replace("UTF-8", "ISO-8859-1").encode("latin-1")).caller_name == "Jürgen Ähm"


def data_of_bytes(raw: bytes) -> CallData:
    event = read(raw)[0]
    assert isinstance(event, CallEvent)
    return event.data


def test_a_call_that_leaves_its_queue_unanswered_is_no_longer_in_it() -> None:
    def left(cause: str, more: str = "") -> CallData:
        body = connection("connection", at="5000") + device("divertingDevice", "5000") + f"<cause>{cause}</cause>{more}"
        using = decoder(queues={"5000": "Sales"}, options={"queue_name": "queueName"})
        return data_of(xml("DivertedEvent", body), using)

    assert left("distributed").queue_name == "Sales"
    assert left("queueCleared").queue_name is None
    assert left("queueCleared", private("<queueName>Sales</queueName>")).queue_name is None


def test_an_opaque_device_id_becomes_the_extension_that_answered_and_stays_it() -> None:
    using = decoder()
    answered = data_of(established(at="dyn:77:1", answering="N&lt;2001&gt;Alice"), using)
    cleared = data_of(xml("ConnectionClearedEvent", connection("droppedConnection", at="dyn:77:1")), using)

    assert (answered.device_id, answered.outside) == ("2001", False)
    assert (cleared.device_id, cleared.outside) == ("2001", False)


def test_an_opaque_device_id_that_is_cleared_at_a_monitored_device_is_that_device() -> None:
    using = decoder()
    using.monitors["7001"] = "2001"
    body = connection("droppedConnection", at="dyn:5") + "<localConnectionInfo>null</localConnectionInfo>"
    cleared = data_of(xml("ConnectionClearedEvent", f"<monitorCrossRefID>7001</monitorCrossRefID>{body}"), using)

    assert cleared.device_id == "2001"


def test_ids_of_call_and_device_that_are_used_again_after_the_end_name_the_party_that_is_there_now() -> None:
    """Some switches number the parties of each call from 1: 1 calls, 2 is called."""
    using = decoder()
    cleared = xml("ConnectionClearedEvent", connection("droppedConnection", at="2") + device("releasingDevice", "2001"))
    assert data_of(established(at="2", answering="2001"), using).device_id == "2001"
    assert data_of(cleared, using).device_id == "2001"

    elsewhere = data_of(established(at="2", answering="+4420"), using)
    left = data_of(xml("ConnectionClearedEvent", connection("droppedConnection", at="2")), using)
    again = data_of(established(at="2", answering="2002"), using)

    assert (elsewhere.device_id, elsewhere.outside) == ("2", True)
    assert (left.device_id, left.outside) == ("2", True)
    assert (again.device_id, again.outside) == ("2002", False)


def test_an_event_of_a_monitor_that_is_not_ours_is_read_all_the_same() -> None:
    text = established().replace("7001", "none of ours")

    assert data_of(text).device_id == "2001"


@pytest.mark.parametrize("end", ["associatedCallingDevice", "associatedCalledDevice"])
def test_an_outside_party_whose_connection_bears_its_number_is_outside(end: str) -> None:
    number = "callingDevice" if "Calling" in end else "calledDevice"
    more = device(number, "+4420") + device(end, "T17")

    assert data_of(established(at="+4420", answering="+4420", more=more)).outside


def test_a_colleague_who_is_not_monitored_is_not_outside() -> None:
    data = data_of(established(at="2999", answering="2999"))

    assert (data.device_id, data.outside) == ("2999", False)


def test_the_queue_is_where_the_call_came_from_last() -> None:
    redirected = "<lastRedirectionDevice><numberDialed>6000</numberDialed></lastRedirectionDevice>"
    using = decoder(queues={"5000": "Sales", "6000": "Support", "6500": ""})
    ends = [device("calledDevice", one) for one in ("5000", "5000", "6500", "2001")]
    stated = [redirected, "", "", ""]
    calls = [established(more=end + more, call=f"C{n}") for n, (end, more) in enumerate(zip(ends, stated, strict=True))]

    assert [data_of(text, using).queue_name for text in calls] == ["Support", "Sales", "6500", None]


def test_a_queue_without_a_name_is_called_by_its_number() -> None:
    text = xml("QueuedEvent", connection("queuedConnection", at="5999") + device("queue", "5999"))

    assert data_of(text).queue_name == "5999"


def test_a_callers_name_from_the_network_says_so() -> None:
    more = device("callingDevice", "N&lt;077&gt;J Example") + device("networkCallingDevice", "N&lt;077&gt;J Example")

    assert data_of(established(more=more)).caller_name_source == "isdn"


def test_the_name_at_our_own_number_is_no_callers_name_when_we_call_out() -> None:
    more = device("callingDevice", "N&lt;2001&gt;Alice") + device("calledDevice", "+4420")

    assert data_of(established(at="T1:1", answering="+4420", more=more)).caller_name is None


def test_a_withheld_number_is_none() -> None:
    more = "<callingDevice><restricted/></callingDevice><networkCallingDevice><notKnown/></networkCallingDevice>"

    assert data_of(established(more=more)).calling_number is None


def linkage(thread: str, own: str) -> str:
    own = f"<globalCallLinkageID><globallyUniqueCallLinkageID>{own}</globallyUniqueCallLinkageID></globalCallLinkageID>"
    if thread:
        thread = f"<threadLinkageID><globallyUniqueThreadID>{thread}</globallyUniqueThreadID></threadLinkageID>"
        thread = f"<threadData>{thread}</threadData>"
    return f"<callLinkageData><globalCallData>{own}</globalCallData>{thread}</callLinkageData>"


def test_without_a_thread_the_calls_own_id_names_the_interaction() -> None:
    assert data_of(established(more=linkage("", "G1"))).interaction_id == "G1"
    assert data_of(established(more=linkage("T1", "G1"))).interaction_id == "T1"
    assert data_of(established(more=linkage("", "00000000000000000000"))).interaction_id is None


def test_without_a_thread_a_consultation_leaves_its_interaction_to_the_call_that_it_is_of() -> None:
    using = decoder()
    begun = connection("initiatedConnection", "C2") + "<cause>consultation</cause>" + linkage("", "G2")

    assert data_of(xml("ServiceInitiatedEvent", begun), using).interaction_id is None
    assert data_of(established(call="C2", more=linkage("", "G2")), using).interaction_id is None
    again = connection("connection", "C2") + "<cause>newCall</cause>" + linkage("", "G3")
    assert data_of(xml("DeliveredEvent", again), using).interaction_id == "G3"


@pytest.mark.parametrize("root", ["TransferedEvent", "TransferredEvent"])
def test_both_spellings_of_transferred_are_one(root: str) -> None:
    scenario = sample("03-two-step-transfer")[10].xml
    event = read(scenario.replace(b"TransferedEvent", root.encode()))[0]

    assert type_name(event) == "csta.call.Transferred"


def test_a_listed_connection_that_names_no_new_one_is_passed_over() -> None:
    items = f"<connectionListItem>{connection('oldConnection')}</connectionListItem>"
    items += f"<connectionListItem>{connection('newConnection', 'C3', 'x:1')}{endpoint('2002')}</connectionListItem>"
    body = connection("primaryOldCall") + f"<transferredConnections>{items}</transferredConnections>"
    data = data_of(xml("TransferredEvent", body))

    assert [(item.new.call_id, item.new.device_id, item.old) for item in data.connections] == [("C3", "2002", None)]
    assert (data.resulting_call_id, data.transferring_device_id) == ("C3", "2001")


def endpoint(number: str) -> str:
    return f"<endpoint><deviceID>{number}</deviceID></endpoint>"


def joined(call: str, *devices: str) -> str:
    items = "".join(
        f"<connectionListItem>{connection('newConnection', call, at)}{endpoint(at)}</connectionListItem>"
        for at in devices
    )
    body = connection("primaryOldCall") + device("addedParty", "8801")
    return xml("ConferencedEvent", f"{body}<conferenceConnections>{items}</conferenceConnections>")


def test_a_recorder_that_joins_is_nobody() -> None:
    using = decoder(options={"ignored_devices": ["8801"]})

    assert read(joined("C1", "2001", "8801"), using) == []
    assert read(established(at="8801", answering="8801"), using) == []
    assert read(established(at="rec:1", answering="8801"), using) == []


def test_a_recorder_that_joins_a_call_under_a_new_id_still_reports_the_new_id() -> None:
    data = data_of(joined("C9", "2001", "8801"), decoder(options={"ignored_devices": ["8801"]}))

    assert data.resulting_call_id == "C9"
    assert [item.new.device_id for item in data.connections] == ["2001"]


def test_an_agent_whose_id_is_missing_is_the_one_who_logged_on_there() -> None:
    using = decoder()
    read(agent("AgentLoggedOnEvent", device("agentDevice", "2001") + "<agentID>9101</agentID>"), using)
    ready = read(agent("AgentReadyEvent", device("agentDevice", "sip:2001@pbx")), using)[0]
    read(agent("AgentLoggedOffEvent", device("agentDevice", "2001")), using)

    assert isinstance(ready, AgentEvent)
    assert ready.data.agent_id == "9101"
    with pytest.raises(CstaMessageError, match="agentID is missing"):
        read(agent("AgentReadyEvent", device("agentDevice", "2001")), using)


def test_events_that_mean_nothing_to_a_recording_are_passed_over() -> None:
    assert read(xml("DoNotDisturbEvent")) == []


def test_a_wrong_option_is_named() -> None:
    with pytest.raises(CstaOptionsError, match="heartbeat_seconds"):
        read_options(config(options={"heartbeat_seconds": "often"}))
    with pytest.raises(CstaOptionsError):
        read_options(config(options={"device_format": "{device"}))
    assert read_options(config(options={"unknown_here": 1})).edition == CstaOptions().edition
