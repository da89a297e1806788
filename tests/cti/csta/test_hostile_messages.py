"""Messages that nobody should send: a typed error or events that the journal can read, within bounds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti.events import decode, encode
from cti.sources.csta_xml.bounded_cache import BoundedCache
from cti.sources.csta_xml.parsing import CstaMessageError
from tests.cti.csta.messages import LINEAR, decoder, device, established, growth, hostile_bodies, private, read
from tests.cti.csta.pbx import sample, xml


@pytest.mark.parametrize(
    ("text", "kind", "error"),
    [
        (xml("UnheardOfEvent"), "message", "the message UnheardOfEvent is unknown"),
        (xml("EstablishedEvent"), "event", "establishedConnection/callID is missing"),
        (established(call="x" * 256), "event", "callID is longer than 255"),
        (xml("TransferredEvent"), "event", "primaryOldCall/callID is missing"),
        ("<EstablishedEvent><a></EstablishedEvent>", "message", "not well-formed XML"),
        ("", "message", "not well-formed XML"),
        ("<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "message", "has a DTD"),
        ("<?xml version='1.0'?><!-- x --><!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>", "message", "has a DTD"),
        ("<!DOCTYPE a [<!ENTITY b", "message", "has a DTD"),
        ("<a>&undefined;</a>", "message", "not well-formed XML"),
    ],
)
def test_what_cannot_be_read_is_a_typed_error(text: str, kind: str, error: str) -> None:
    with pytest.raises(CstaMessageError, match=error) as caught:
        read(text)

    assert caught.value.kind == kind


def test_a_dtd_hidden_in_another_encoding_is_found() -> None:
    text = "<?xml version='1.0' encoding='UTF-16'?><!DOCTYPE a [<!ENTITY b 'c'>]><a/>"

    with pytest.raises(CstaMessageError, match="has a DTD"):
        read(text.encode("utf-16"))


def test_values_too_long_for_an_event_are_cut_and_the_journal_can_read_them() -> None:
    more = device("callingDevice", "7" * 300) + private("<k>" + "v" * 5000 + "</k>")
    event = read(established(more=f"{more}<cause>{'c' * 300}</cause>"))[0]

    assert decode(encode(event)) == event


_NAMES = [
    "callID",
    "deviceID",
    "connection",
    "establishedConnection",
    "connectionListItem",
    "newConnection",
    "cause",
    "primaryOldCall",
    "transferredConnections",
    "agentDevice",
    "agentID",
    "extensions",
    "privateData",
    "private",
    "userData",
    "string",
    "callLinkageData",
    "notKnown",
    "deviceIdentifier",
    "endpoint",
]


_ROOTS = [
    "EstablishedEvent",
    "TransferredEvent",
    "ConferencedEvent",
    "AgentReadyEvent",
    "CallInformationEvent",
    "QueuedEvent",
    "ConnectionClearedEvent",
]


_TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="<&"), max_size=300)


_TREES = st.recursive(
    _TEXTS,
    lambda inside: st.lists(st.tuples(st.sampled_from(_NAMES), inside), max_size=4).map(
        lambda parts: "".join(f"<{name}>{text}</{name}>" for name, text in parts)
    ),
    max_leaves=30,
)


@given(root=st.sampled_from(_ROOTS), tree=_TREES)
def test_any_tree_gives_events_that_the_journal_can_read_or_the_typed_error(root: str, tree: str) -> None:
    try:
        events = read(xml(root, tree))
    except CstaMessageError:
        return
    assert [decode(encode(event)) for event in events] == events


@given(raw=st.binary(max_size=400), place=st.integers(0, 2000))
def test_any_bytes_in_a_message_give_events_or_the_typed_error(raw: bytes, place: int) -> None:
    good = sample("04-conference-dropoff")[9].xml
    try:
        events = read(good[:place] + raw + good[place + len(raw) :])
    except CstaMessageError:
        return
    assert [decode(encode(event)) for event in events] == events


def test_what_is_remembered_has_a_limit() -> None:
    memory: BoundedCache[int, int] = BoundedCache(limit=3)
    for number in (1, 2, 3, 1, 4):
        memory.put(number, number)

    assert [memory.get(number) for number in (1, 2, 3, 4)] == [1, None, 3, 4]


@pytest.mark.parametrize("what", hostile_bodies())
@pytest.mark.parametrize("event", ["EstablishedEvent", "ConferencedEvent"])
def test_the_time_of_a_frame_grows_with_its_length_alone(event: str, what: str) -> None:
    def frame(size: int) -> str:
        body = hostile_bodies(size)[what]
        return established(more=body) if event == "EstablishedEvent" else xml(event, body)

    # Each time with a decoder that has read nothing yet.
    assert growth(frame, lambda text: read(text, decoder())) < LINEAR
