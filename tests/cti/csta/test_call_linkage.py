"""Which interaction a call without threads is of: its own, unless it is a consultation or what was made of one."""

from typing import Any

import pytest

from cti.events import CallEvent
from cti.sources.csta_xml import CstaSession
from cti.sources.csta_xml.call_memory import CallMemory
from cti.sources.csta_xml.decoding import Decoder
from cti.sources.csta_xml.options import read_options
from cti.sources.csta_xml.parsing import children, parse
from cti.sources.csta_xml.snapshot import FoundConnection
from cti.sources.port import Stamp
from tests.cti.csta.messages import NOW, connection, data_of, decoder, device
from tests.cti.csta.pbx import config, xml

SHAPES = {
    "Held": ("heldConnection", "holdingDevice"),
    "Retrieved": ("retrievedConnection", "retrievingDevice"),
    "ServiceInitiated": ("initiatedConnection", "initiatingDevice"),
    "Originated": ("originatedConnection", "callingDevice"),
    "Delivered": ("connection", "alertingDevice"),
    "Established": ("establishedConnection", "answeringDevice"),
    "ConnectionCleared": ("droppedConnection", "releasingDevice"),
}


def message(words: str) -> str:
    """Write a message from its kind, call, device, cause and global id (``-`` for none)."""
    kind, call, at, cause, own = words.split()
    named, subject = SHAPES[kind]
    body = connection(named, call, at) + device(subject, at) + f"<cause>{cause}</cause>"
    return xml(f"{kind}Event", body + ("" if own == "-" else linkage(own)))


def linkage(own: str) -> str:
    own = f"<globallyUniqueCallLinkageID>{own}</globallyUniqueCallLinkageID>"
    own = f"<globalCallLinkageID>{own}</globalCallLinkageID>"
    return f"<callLinkageData><globalCallData>{own}</globalCallData></callLinkageData>"


HELD = ("Held C1 2001 consultation U1", "U1")
DIALLED = [HELD, ("ServiceInitiated C2 2001 consultation U2", None), ("Originated C2 2001 consultation U2", None)]
ONLY_HELD = [HELD, ("ServiceInitiated C2 2001 newCall U2", None), ("Originated C2 2001 makeCall U2", None)]

STORIES: dict[str, Any] = {
    "the consulted phone calls it a new call": [
        *DIALLED,
        ("Delivered C2 2002 newCall U2", None),
        ("Delivered C2 2002 consultation U2", None),
        ("Established C2 2002 normal U2", None),
    ],
    "the consulted phone calls it a new call, and says so without its id": [
        *DIALLED,
        ("Delivered C2 2002 newCall -", None),
        ("Established C2 2002 normal U2", None),
    ],
    "the consulted phone is heard last": [*DIALLED, ("Established C2 2002 newCall U2", None)],
    "the call that is held alone says that it is for a consultation": [
        *ONLY_HELD,
        ("Delivered C2 2002 newCall U2", None),
        ("Established C2 2002 normal U2", None),
    ],
    "a consultation to a queue": [*DIALLED, ("Delivered C2 5000 enteringDistribution U2", None)],
    "the id is another call's, with another global id": [
        *DIALLED,
        ("ConnectionCleared C2 2001 normal U2", None),
        ("Delivered C2 2002 newCall U9", "U9"),
    ],
    "who has the customer back calls somebody else": [
        HELD,
        ("Retrieved C1 2001 normal U1", "U1"),
        ("ServiceInitiated C5 2001 newCall U5", "U5"),
    ],
    "who has ended the consultation calls somebody else": [
        *ONLY_HELD,
        ("ConnectionCleared C2 2001 normal U2", None),
        ("ServiceInitiated C5 2001 newCall U5", "U5"),
    ],
    "another device calls somebody meanwhile": [HELD, ("ServiceInitiated C5 2002 newCall U5", "U5")],
}


@pytest.mark.parametrize("story", STORIES)
def test_a_consultation_does_not_state_an_interaction_of_its_own(story: str) -> None:
    using = decoder()

    assert [(words, data_of(message(words), using).interaction_id) for words, _ in STORIES[story]] == STORIES[story]


@pytest.mark.parametrize(("own", "stated"), [("U2", None), ("U9", "U9")])
def test_a_snapshot_on_the_next_link_does_not_contradict_a_consultation_that_goes_on(
    own: str, stated: str | None
) -> None:
    memory = CallMemory()
    for words, _ in DIALLED:
        data_of(message(words), following(memory))

    assert found(following(memory), own) == stated


def following(memory: CallMemory) -> Decoder:
    site = config()
    return Decoder(site, read_options(site), Stamp("pbx", "2"), memory)


def found(using: Decoder, own: str) -> str | None:
    fields = children(parse(f"<x>{linkage(own)}</x>".encode()))
    event = using.found(FoundConnection(call="C2", raw="2002", state="", fields=fields), "2002", "connected", NOW)
    assert isinstance(event, CallEvent)
    return event.data.interaction_id


def test_a_session_continues_what_the_one_before_knew_of_the_same_server_alone() -> None:
    first, second, elsewhere = (CstaSession(config(port), Stamp("pbx", "1")) for port in (1, 1, 2))
    second.continues(first)
    elsewhere.continues(first)

    assert second.memory is first.memory
    assert elsewhere.memory is not first.memory
