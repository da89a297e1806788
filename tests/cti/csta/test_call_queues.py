"""Which queue a message names, by the rules of docs/csta.md: messages in, the queues of their events out."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from agents.core.matching import Directory, Instance, Listed
from calls.core.source_state import SiteSettings
from calls.transcript.replay import Recorded, Recorder, Replay, ReplayContext
from cti.events import CallEvent
from cti.sources.csta_xml.decoding import Decoder
from cti.sources.csta_xml.parsing import children, parse
from cti.sources.csta_xml.snapshot import FoundConnection
from tests.cti.csta.messages import NOW, connection, data_of, decoder, device, read
from tests.cti.csta.pbx import xml

QUEUES = {"7000": "Sales", "7002": "Support"}


def pbx() -> Decoder:
    """Return a decoder of a site with two phones and two queues."""
    return decoder(devices=("2001", "2002"), queues=QUEUES)


def message(words: str) -> str:
    """Write a message from words, e.g. ``Diverted 7000 to=2001 cause=distributed``; called=7000 where none is given."""
    kind, at, *rest = words.split()
    said = {"call": "C1", "called": "7000", "cause": "normal"} | dict(one.split("=") for one in rest)
    cause, last = f"<cause>{said['cause']}</cause>", said.get("last", "")
    thread = f"<threadData><threadLinkageID>{said['thread']}</threadLinkageID></threadData>" if "thread" in said else ""
    cause += f"<callLinkageData>{thread}</callLinkageData>" if thread else ""
    redirected = f"<lastRedirectionDevice><numberDialed>{last}</numberDialed></lastRedirectionDevice>" if last else ""
    ends = device("callingDevice", "+4911") + device("calledDevice", said["called"]) + redirected
    call = said["call"]
    if kind == "Queued":
        return xml("QueuedEvent", connection("queuedConnection", call, at) + device("queue", at) + ends + cause)
    if kind == "Diverted":
        to = device("newDestination", said["to"]) if "to" in said else ""
        return xml("DivertedEvent", connection("connection", call, at) + device("divertingDevice", at) + to + cause)
    if kind == "Delivered":
        return xml("DeliveredEvent", connection("connection", call, at) + device("alertingDevice", at) + ends + cause)
    if kind == "Established":
        subject = device("answeringDevice", at)
        return xml("EstablishedEvent", connection("establishedConnection", call, at) + subject + ends + cause)
    if kind == "Cleared":
        return xml("ConnectionClearedEvent", connection("droppedConnection", call, at) + cause)
    if kind == "Informed":
        return xml("CallInformationEvent", connection("connection", call, at) + device("device", at) + cause)
    return transferred(at, said)


def transferred(by: str, said: dict[str, str]) -> str:
    """Write a TransferredEvent: of ``call``, and of ``second`` where it is given, to ``to`` under ``result``."""
    call, result, to = said["call"], said.get("result", said["call"]), said["to"]
    second = connection("secondaryOldCall", said["second"], by) if "second" in said else ""
    item = connection("newConnection", result, to) + f"<endpoint><deviceID>{to}</deviceID></endpoint>"
    listed = f"<transferredConnections><connectionListItem>{item}</connectionListItem></transferredConnections>"
    ends = device("transferringDevice", by) + device("transferredToDevice", to)
    if "thread" in said:
        thread = f"<threadData><threadLinkageID>{said['thread']}</threadLinkageID></threadData>"
        linkage = f"<newCallLinkageData>{thread}</newCallLinkageData>"
        listed += f"<callLinkageDataList>{linkage}</callLinkageDataList>"
    return xml("TransferredEvent", connection("primaryOldCall", call, by) + second + ends + listed)


IN_SALES = [("Delivered 7000 cause=enteringDistribution", "Sales"), ("Queued 7000", "Sales")]
OVERFLOW = [*IN_SALES, ("Diverted 7000 to=7002 cause=overflow", None), ("Queued 7002 last=7000", "Support")]
AT_SUPPORT = [("Diverted 7002 to=2001 cause=distributed", "Support"), ("Delivered 2001 last=7002", "Support")]
IN_BOTH = [*IN_SALES, ("Queued 7002", "Support")]
HANDED_ON = [("Transferred 2001 to=2002", None), ("Delivered 2002 last=2001", None), ("Established 2002", None)]
TALKS = ("Established 2001 last=7002", "Support")

STORIES: dict[str, Any] = {
    "a call that overflowed is not of the queue that was called": [
        *OVERFLOW,
        ("Diverted 7002 to=2001 cause=distributed", "Support"),
        ("Delivered 2001", None),
        ("Established 2001", None),
    ],
    "the overflow heard after the next queue is the same": [
        *IN_SALES,
        ("Queued 7002", "Support"),
        ("Diverted 7000 to=7002 cause=overflow", None),
        ("Delivered 2001 last=7000", None),
        ("Established 2001", None),
    ],
    "a call that overflowed and is handed on keeps the queue that it was answered from": [
        *OVERFLOW,
        *AT_SUPPORT,
        TALKS,
        *HANDED_ON,
    ],
    "a call handed on to another queue is not of the one before": [
        *IN_SALES,
        ("Diverted 7000 to=2001 cause=distributed", "Sales"),
        ("Established 2001 last=7000", "Sales"),
        ("Transferred 2001 to=7002", None),
        ("Queued 7002 last=2001", "Support"),
        ("Delivered 2002 last=7000", None),
        ("Delivered 2002 last=7002", "Support"),
    ],
    "a caller who left the queue by a key has none": [
        *IN_SALES,
        ("Diverted 7000 to=2002 cause=queueCleared", None),
        ("Delivered 2002 last=7000", None),
        ("Established 2002 last=7000", None),
    ],
    "a caller who is in the queue again has it again": [
        *IN_SALES,
        ("Diverted 7000 to=2002 cause=queueCleared", None),
        ("Queued 7000", "Sales"),
        ("Delivered 2002 last=7000", "Sales"),
    ],
    "of two queues at once the one taken out after the answer names nothing": [
        *IN_BOTH,
        *AT_SUPPORT,
        TALKS,
        ("Diverted 7000 to=2001 cause=distributed", None),
    ],
    "of two queues at once the one taken out before the answer names nothing": [
        *IN_BOTH,
        *AT_SUPPORT,
        ("Diverted 7000 to=2001 cause=distributed", None),
        TALKS,
    ],
    "of two queues at once the phone says from which it has the call": [
        *IN_BOTH,
        ("Diverted 7000 to=2001 cause=distributed", "Sales"),
        ("Diverted 7002 to=2001 cause=distributed", None),
        ("Delivered 2001 last=7002", "Support"),
    ],
    "of two queues at once the one that is cleared leaves the call in the other": [
        *IN_BOTH,
        *AT_SUPPORT,
        TALKS,
        ("Diverted 7000 cause=queueCleared", "Support"),
    ],
    "of two queues at once the older one may offer the call": [
        *IN_BOTH,
        ("Delivered 2001 last=7000", "Sales"),
        ("Diverted 7000 to=2001 cause=distributed", "Sales"),
        ("Established 2001", "Sales"),
    ],
    "a second queue may offer it elsewhere when nobody answered": [
        *IN_BOTH,
        *AT_SUPPORT,
        ("Diverted 2001 to=7002 cause=redirected", None),
        ("Diverted 7000 to=2002 cause=distributed", "Sales"),
        ("Established 2002", "Sales"),
    ],
    "a queue whose own events do not come is named by the phone": [
        ("Delivered 2001", "Sales"),
        ("Established 2001", "Sales"),
    ],
    "the id's next call is a call of its own": [
        *OVERFLOW,
        *AT_SUPPORT,
        TALKS,
        ("Cleared 2001", None),
        ("Delivered 2001 last=7000", "Sales"),
        ("Established 2001", "Sales"),
    ],
    "two calls joined are of no queue that was called": [
        *OVERFLOW,
        *AT_SUPPORT,
        TALKS,
        ("Transferred 2001 second=C2 result=C3 to=2002", None),
        ("Transferred 2001 call=C2 result=C3 to=2002", None),
        ("Established 2002 call=C3 last=2001", None),
    ],
    "the other monitor's view of a transfer first is the same": [
        *OVERFLOW,
        *AT_SUPPORT,
        TALKS,
        ("Transferred 2001 call=C2 result=C3 to=2002", None),
        ("Transferred 2001 second=C2 result=C3 to=2002", None),
        ("Established 2002 call=C3 last=2001", None),
    ],
}


OVERFLOWED = [*OVERFLOW, *AT_SUPPORT[:1], ("Delivered 2001 last=7002 thread=I1", "Support"), TALKS]

STORIES |= {
    "an id that was used again, as its interaction shows, names another call": [
        *OVERFLOWED,
        ("Established 2002 last=7000 thread=I2", "Sales"),
    ],
    "of the same interaction it is the same call": [*OVERFLOWED, ("Established 2002 last=7000 thread=I1", None)],
    "of no interaction it is the same call": [*OVERFLOWED, ("Established 2002 last=7000", None)],
    "the end of another interaction ends no other call's memory": [
        *OVERFLOWED,
        ("Cleared 2002 thread=I2", None),
        ("Established 2002 last=7000 thread=I1", None),
    ],
    "a transfer to the id of another interaction makes another call": [
        *OVERFLOWED,
        ("Queued 7000 call=C2", "Sales"),
        ("Diverted 7000 call=C2 to=2001", "Sales"),
        ("Established 2001 call=C2 last=7000 thread=I2", "Sales"),
        ("Transferred 2001 call=C2 result=C1 to=2002 thread=I2", None),
        ("Established 2002 last=2001 thread=I2", "Sales"),
    ],
    "a transfer may give the call another interaction": [
        *OVERFLOWED,
        ("Transferred 2001 result=C3 to=2002", None),
        ("Established 2002 call=C3 last=2001 thread=I2", None),
    ],
    "data that comes when its phone has left puts it in no later call": [
        ("Queued 7002", "Support"),
        ("Informed 2001", None),
        ("Diverted 7002 to=2002", "Support"),
        ("Established 2002 last=7002", "Support"),
        ("Cleared 2002", None),
        ("Established 2001", "Sales"),
    ],
}


@pytest.mark.parametrize("story", STORIES)
def test_a_message_names_the_queue_that_the_call_is_of(story: str) -> None:
    using = pbx()

    assert [(words, data_of(message(words), using).queue_name) for words, _ in STORIES[story]] == STORIES[story]


@pytest.mark.parametrize(
    ("known", "called", "named"),
    [("Queued 7002", "7000", "Sales"), ("Queued 7000", "7000", "Sales"), ("", "7000", "Sales")],
)
def test_a_snapshot_names_the_called_queue_where_the_call_was_not_seen_in_it(
    known: str, called: str, named: str
) -> None:
    assert named_by_snapshot([known] if known else [], called) == named


def test_a_snapshot_does_not_name_a_queue_that_the_call_has_left() -> None:
    assert named_by_snapshot([words for words, _ in [*OVERFLOW, *AT_SUPPORT, TALKS]], "7000") is None


def named_by_snapshot(before: list[str], called: str) -> str | None:
    using = pbx()
    for words in before:
        read(message(words), using)
    fields = children(parse(f"<x>{device('calledDevice', called)}</x>".encode()))
    event = using.found(FoundConnection(call="C1", raw="2001", state="", fields=fields), "2001", "connected", NOW)
    assert isinstance(event, CallEvent)
    return event.data.queue_name


#: What came to wrong flags: seconds and message; then phone, from and to of each recording, and its queue.
PLAYED: dict[str, tuple[str, list[tuple[str, float, float, str | None]]]] = {
    "of two queues at once": (
        (
            "5 Queued 7000; 5.2 Queued 7002; 7 Diverted 7002 to=2001; 7.1 Delivered 2001 last=7002; "
            "9 Established 2001 last=7002; 9.02 Diverted 7000 to=2001; 20 Cleared 2001"
        ),
        [("2001", 9, 20, "Support")],
    ),
    "handed on after an overflow": (
        (
            "5 Queued 7000; 6 Diverted 7000 to=7002; 6.1 Queued 7002 last=7000; 7 Diverted 7002 to=2001; "
            "9 Established 2001 last=7002; 14 Transferred 2001 to=2002; 14.1 Delivered 2002 last=2001; "
            "16 Established 2002 last=2001; 20 Cleared 2002"
        ),
        [("2001", 9, 14, "Support"), ("2002", 16, 20, "Support")],
    ),
    "left by a key": (
        (
            "5 Queued 7000; 15 Diverted 7000 to=2002 cause=queueCleared; 15.1 Delivered 2002 last=7000; "
            "17 Established 2002 last=7000; 30 Cleared 2002"
        ),
        [("2002", 17, 30, None)],
    ),
}


@pytest.mark.parametrize("story", PLAYED)
def test_a_recording_carries_the_queue_whose_agent_took_the_call(story: str) -> None:
    text, recorded = PLAYED[story]
    said = text.split("; ")
    calls = tuple(
        Recorded(guid=f"G{n}", extension=phone, began=at(begin + 0.05), ended=at(end))
        for n, (phone, begin, end, _) in enumerate(recorded)
    )
    users = [Listed(service_id=1, user_id=one, extension=one) for one in ("2001", "2002")]
    site = SiteSettings(devices=frozenset({"2001", "2002"}), queues=frozenset(QUEUES), has_source_times=False)
    replay = Replay(ReplayContext(site, Directory(users, [Instance(1)])), Recorder(recordings=calls))
    using = pbx()
    for one in said:
        seconds, _, words = one.partition(" ")
        events: list[Any] = [replace(event, time=at(float(seconds)), gatewaytime=at(float(seconds)))
                  for event in read(message(words), using)]  # fmt: skip
        replay.play(events, rest=timedelta(seconds=40) if one == said[-1] else timedelta())

    found = {leg.device_id: replay.flags.get(leg.number, {}).get("QueueName") for leg in replay.legs}
    assert found == {phone: queue for phone, _, _, queue in recorded}
    assert all(leg.outcome.value == "flagged" for leg in replay.legs)


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)
