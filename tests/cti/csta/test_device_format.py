"""The option device_format: extensions are read back from the text that the server writes."""

from typing import Any

import pytest

from cti.events import AgentEvent
from cti.sources.csta_xml.decoding import Decoder
from cti.sources.csta_xml.options import CstaOptionsError, read_options
from tests.cti.csta.messages import connection, data_of, decoder, device, established, read
from tests.cti.csta.pbx import config, xml

E164 = {"device_format": "+4930123{device}"}


def e164(**more: Any) -> Decoder:
    return decoder(options={**E164, **more})


def test_a_prefix_in_device_format_is_read_back_in_every_place_of_a_call() -> None:
    ours, other, queue = "+49301232001", "+49301232002", "+49301235000"
    originated = xml("OriginatedEvent", connection("originatedConnection", at=ours) + device("callingDevice", ours))
    redirected = device("lastRedirectionDevice", queue) + device("calledDevice", queue)
    picked_up = established(at="opaque", answering=other, more=redirected + device("callingDevice", ours))

    assert (data_of(originated, e164()).device_id, data_of(originated, e164()).calling_number) == ("2001", "2001")
    data = data_of(picked_up, e164())
    assert (data.device_id, data.calling_number, data.called_number) == ("2002", "2001", "5000")
    assert (data.queue_name, data.direction) == ("Sales", "internal")


def test_a_prefix_in_device_format_is_read_back_in_transfers_and_agent_events() -> None:
    item = (
        "<connectionListItem><newConnection><callID>C2</callID><deviceID>+49301232002</deviceID></newConnection>"
        "<oldConnection><callID>C1</callID><deviceID>+49301232001</deviceID></oldConnection>"
        f"{device('endpoint', '+49301232002')}</connectionListItem>"
    )
    transferred = xml(
        "TransferredEvent",
        connection("primaryOldCall", at="+49301232001")
        + device("transferringDevice", "+49301232001")
        + device("transferredToDevice", "+49301232002")
        + f"<transferredConnections>{item}</transferredConnections>",
    )
    agent = xml("AgentLoggedOnEvent", device("agentDevice", "+49301232001") + "<agentID>9101</agentID>")

    data = data_of(transferred, e164())
    assert (data.transferring_device_id, data.transferred_to_device_id) == ("2001", "2002")
    (joined,) = data.connections
    assert joined.old is not None
    assert (joined.old.device_id, joined.new.device_id, joined.endpoint) == ("2001", "2002", "2002")
    (event,) = read(agent, e164())
    assert isinstance(event, AgentEvent)
    assert event.data.device_id == "2001"


def test_a_number_with_the_prefix_that_is_no_device_of_the_site_stays_as_it_is() -> None:
    data = data_of(established(at="+49301232001", more=device("callingDevice", "+49301239999")), e164())

    assert (data.device_id, data.calling_number) == ("2001", "+49301239999")


def test_a_recorder_is_ignored_by_the_number_that_the_server_writes() -> None:
    assert read(established(at="+49301232009"), e164(ignored_devices=["2009"])) == []


@pytest.mark.parametrize(
    ("devices", "device_format", "error"),
    [
        (("2001", "92001"), "9{device}", "device_format: 92001 could be 2001 or another device"),
        (("2001",), "{device}{device}", "device_format: {device} stands in it more than once"),
        (("2001",), "+4930", "device_format: {device} is missing"),
        (("2001",), "{device.digits}", "device_format: "),
        ((), "{extension}", "device_format: 'extension'"),
        ((), "+4930123{device}", "device_format: it can be read back only for devices that the source lists"),
    ],
)
def test_a_device_format_that_cannot_be_read_back_is_refused(
    devices: tuple[str, ...], device_format: str, error: str
) -> None:
    with pytest.raises(CstaOptionsError) as caught:
        read_options(config(devices=devices, queues={}, options={"device_format": device_format}))

    assert str(caught.value).startswith(error)
