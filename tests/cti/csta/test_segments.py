"""Snapshots that the server sends in segments: reported when they are whole, and never believed when they are not."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from cti.events import CallEvent, LinkEvent, type_name
from cti.sources.csta_xml.parsing import CstaMessageError, children, local, parse, text_of
from cti.sources.csta_xml.segments import MAXIMUM_BYTES, Collection, Segments, SnapshotIncomplete
from tests.cti.csta.pbx import WILLING, Listener, Pbx, event_frames, followed, until, xml

PATIENT = {"request_seconds": 2, "retry_seconds": 60}
HASTY = {"request_seconds": 0.3, "retry_seconds": 60}


def connection(call: str, state: str = "connected", device: str = "2001") -> str:
    identity = f"<connectionIdentifier><callID>{call}</callID><deviceID>{device}</deviceID></connectionIdentifier>"
    states = f"<compoundCallState><localConnectionState>{state}</localConnectionState></compoundCallState>"
    return (
        f"<snapshotDeviceResponseInfo>{identity}<localCallState>{states}</localCallState></snapshotDeviceResponseInfo>"
    )


def segment(data: str, number: int | None = None, *, last: bool = False, under: str = "77", of: str = "Device") -> str:
    count = "" if number is None else f"<segmentID>{number}</segmentID>"
    body = f"<serviceCrossRefID>{under}</serviceCrossRefID>{count}<lastSegment>{str(last).lower()}</lastSegment>"
    return xml(f"Snapshot{of}Data", f"{body}<snapshotData>{data}</snapshotData>")


def promise(of: str = "Device", under: str = "77") -> str:
    inside = f"<serviceCrossRefID>{under}</serviceCrossRefID>"
    return xml(f"Snapshot{of}Response", f"<crossRefIDorSnapshotData>{inside}</crossRefIDorSnapshotData>")


def asked_of_2001(root: Any) -> bool:
    return text_of(children(root)["snapshotObject"]) == "2001"


def segmented(*messages: str, answer: str = "") -> Pbx:
    """Return a server that only promises the snapshot of 2001, and then says the messages."""

    async def then(pbx: Pbx) -> None:
        await pbx.until_heard("SnapshotDevice")
        await until(promised.is_set, "the promise")
        for message in messages:
            pbx.say(message)

    def at_2001(root: Any) -> str | None:
        if not asked_of_2001(root):
            return WILLING["SnapshotDevice"]  # type: ignore[return-value]
        asyncio.get_running_loop().call_soon(promised.set)
        return answer or promise()

    promised = asyncio.Event()
    return Pbx({**WILLING, "SnapshotDevice": at_2001, "SnapshotCall": xml("CSTAErrorCode")}, script=then)


def reported(listener: Listener) -> list[str]:
    return [
        type_name(event).rpartition(".")[2] + (f" {event.data.call_id}" if isinstance(event, CallEvent) else "")
        for event in listener.events
    ]


def covered(listener: Listener) -> list[tuple[str, ...] | None]:
    """Return the devices of each snapshot that was reported."""
    return [
        event.data.devices
        for event in listener.events
        if isinstance(event, LinkEvent) and type_name(event).endswith("Began")
    ]


async def snapshot_told(listener: Listener) -> None:
    await until(lambda: "Ended" in listener.types(), "the snapshot")


def followed_through(pbx: Pbx, options: dict[str, Any] = PATIENT) -> Listener:
    return asyncio.run(followed(pbx, snapshot_told, options=options))


C1, C2, C3 = connection("C1"), connection("C2", "hold"), connection("C3", "alerting")
WHOLE = ["Began", "Established C1", "Held C2", "Delivered C3", "Ended"]


@pytest.mark.parametrize(
    "messages",
    [
        pytest.param([segment(C1), segment(C2), segment(C3, last=True)], id="not numbered"),
        pytest.param([segment(C1, 1), segment(C2, 2), segment(C3, 3, last=True)], id="from one"),
        pytest.param([segment(C1 + C2, 0), segment(C3, 1, last=True)], id="from nought"),
        pytest.param([segment(C1 + C2 + C3, 1, last=True)], id="a single one"),
        pytest.param([segment(C3, 3, last=True), segment(C2, 2), segment(C1, 1)], id="the last first"),
        pytest.param([segment(C1, 1), segment(C1, 1), segment(C2 + C3, 2, last=True)], id="one twice"),
        pytest.param([segment(C1 + C2 + C3), segment("", last=True)], id="the last empty"),
        pytest.param(
            [segment("", last=True, under="9"), segment(C1), segment(C2 + C3, last=True)], id="beside another's"
        ),
    ],
)
def test_a_snapshot_in_segments_is_reported_when_the_last_is_there(messages: list[str]) -> None:
    listener = followed_through(segmented(*messages))

    assert reported(listener) == WHOLE
    assert covered(listener) == [("2001", "2002", "5000")]
    assert listener.broken == []


def test_a_cross_reference_directly_in_the_answer_is_a_promise_too() -> None:
    bare = xml("SnapshotDeviceResponse", "<serviceCrossRefID>77</serviceCrossRefID>")

    assert reported(followed_through(segmented(segment(C1 + C2 + C3, last=True), answer=bare))) == WHOLE


def test_segments_that_come_with_the_answer_in_one_piece_are_not_missed() -> None:
    def at_once(root: Any) -> str | None:
        if not asked_of_2001(root):
            return WILLING["SnapshotDevice"]  # type: ignore[return-value]
        for one in messages:
            asyncio.get_running_loop().call_soon(pbx.say, one)
        return promise()

    messages = [segment(C1 + C2, 1), segment(C3, 2, last=True)]
    pbx = Pbx({**WILLING, "SnapshotDevice": at_once, "SnapshotCall": xml("CSTAErrorCode")})

    assert reported(followed_through(pbx)) == WHOLE


def test_no_answer_is_sent_to_a_segment() -> None:
    pbx = segmented(segment(C1, last=True))
    followed_through(pbx)

    assert not [name for name in pbx.names() if name in ("SnapshotDeviceDataResponse", "CSTAErrorCode")]


def test_who_is_in_a_call_may_come_in_segments_too() -> None:
    here, outside = (
        f"<snapshotCallResponseInfo><callIdentifier><callID>C1</callID><deviceID>{device}</deviceID></callIdentifier>"
        f"<localConnectionState>{state}</localConnectionState></snapshotCallResponseInfo>"
        for device, state in (("2001", "hold"), ("T17:8", "connected"))
    )

    def of_c1(_: Any) -> str:
        loop = asyncio.get_running_loop()
        loop.call_soon(pbx.say, segment(here, 1, under="88", of="Call"))
        loop.call_soon(pbx.say, segment(outside, 2, last=True, under="88", of="Call"))
        caller = "<callingDevice><deviceIdentifier>+44207</deviceIdentifier></callingDevice>"
        return promise("Call", "88").replace("</SnapshotCallResponse>", f"{caller}</SnapshotCallResponse>")

    unsaid = connection("C1").replace(
        "<compoundCallState><localConnectionState>connected</localConnectionState></compoundCallState>", "<unknown/>"
    )
    pbx = segmented(segment(unsaid, last=True))
    pbx.answers["SnapshotCall"] = of_c1
    listener = followed_through(pbx)
    held = next(event for event in listener.events if isinstance(event, CallEvent))

    assert reported(listener) == ["Began", "Held C1", "Ended"]
    assert held.data.calling_number == "+44207"


@pytest.mark.parametrize(
    ("messages", "fault"),
    [
        pytest.param([], "the last of its segments did not come within 0.3 s; 0 segments came", id="none"),
        pytest.param([segment(C1, 1)], "the last of its segments did not come within 0.3 s; 1 segments", id="no last"),
        pytest.param([segment(C1, 1), segment(C2, 3, last=True)], "one before the last", id="one within"),
        pytest.param([segment(C1, 2), segment(C2, 3, last=True)], "one before the last", id="the first"),
        pytest.param([segment(C1, 5), segment(C2, 3, last=True)], "a segment comes after the last", id="one beyond"),
        pytest.param([segment(C1), segment(C2, 2, last=True)], "some of its segments have a number", id="mixed"),
        pytest.param([segment(C1), "<SnapshotDeviceData><a>", segment(C2, last=True)], "could not be read", id="torn"),
        pytest.param(
            [segment(C1), segment(C2).replace("lastSegment", "last"), segment(C3, last=True)],
            "a segment could not be read",
            id="one that says not whether it is the last",
        ),
        pytest.param(
            [segment(C1), xml("SystemStatus", "<systemStatus>messagesLost</systemStatus>"), segment(C2, last=True)],
            "the server lost messages",
            id="lost by the server",
        ),
        pytest.param([segment(connection("C" * 300), last=True)], "callID is longer than", id="an impossible call"),
    ],
)
def test_a_snapshot_that_lacks_a_segment_claims_nothing_of_its_device_and_is_shown(
    messages: list[str], fault: str
) -> None:
    listener = followed_through(segmented(*messages), HASTY)
    shown = [one for one in listener.broken if one.place == "SnapshotDevice 2001"]

    assert covered(listener)[0] == ("2002", "5000")
    assert [one for one in reported(listener) if one != "Lost"][:2] == ["Began", "Ended"]
    assert [fault in one.error for one in shown[:1]] == [True]


def test_events_go_on_while_a_segment_is_awaited() -> None:
    async def both(listener: Listener) -> None:
        await until(lambda: "ConnectionCleared" in listener.types(), "the events")
        assert "Began" not in listener.types()
        await snapshot_told(listener)

    pbx = segmented(segment(C1, 1))
    script = pbx.script
    assert script is not None

    async def then(one: Pbx) -> None:
        await script(one)
        one.send(event_frames("06-forward-no-answer"))

    pbx.script = then
    listener = asyncio.run(followed(pbx, both, options=PATIENT))

    assert covered(listener) == [("2002", "5000")]


def test_a_snapshot_that_was_incomplete_is_asked_for_again_and_reported_when_it_is_whole() -> None:
    tries: list[int] = []

    def at_2001(root: Any) -> str | None:
        if not asked_of_2001(root):
            return WILLING["SnapshotDevice"]  # type: ignore[return-value]
        tries.append(len(tries))
        asyncio.get_running_loop().call_soon(pbx.say, segment(C1, 1, last=len(tries) == 2, under=str(len(tries))))
        return promise(under=str(len(tries)))

    async def whole(listener: Listener) -> None:
        await until(lambda: len(covered(listener)) == 2, "the second snapshot")

    pbx = Pbx({**WILLING, "SnapshotDevice": at_2001, "SnapshotCall": xml("CSTAErrorCode")})
    listener = asyncio.run(followed(pbx, whole))

    assert covered(listener) == [("2002", "5000"), ("2001",)]
    assert "Established C1" in reported(listener)
    assert len(listener.broken) == 1


def test_of_a_server_that_never_sends_its_segments_the_other_devices_are_not_asked_for_now() -> None:
    """Else the survey of a large site would take hours; it is said, and asked again later."""

    async def given_up(listener: Listener) -> None:
        await until(lambda: bool(covered(listener)), "the snapshot")
        await until(lambda: bool(listener.lacking), "what is shown")

    pbx = Pbx({**WILLING, "SnapshotDevice": promise()})
    options = {"request_seconds": 0.1, "retry_seconds": 60, "parallel": 1}
    devices = tuple(str(number) for number in range(2001, 2021))
    listener = asyncio.run(followed(pbx, given_up, devices=devices, queues={}, options=options))

    assert len(listener.broken) == 3
    assert pbx.names().count("SnapshotDevice") == 3
    assert covered(listener) == [()]
    assert listener.lacking[0].reason.startswith("The server does not say what is in progress")


def test_a_call_whose_state_nobody_says_leaves_its_device_out() -> None:
    unsaid = connection("C1").replace("compoundCallState>", "unknown>")
    data = f"<crossRefIDorSnapshotData><snapshotData>{unsaid}</snapshotData></crossRefIDorSnapshotData>"
    listener = followed_through(segmented(answer=xml("SnapshotDeviceResponse", data)))

    assert covered(listener) == [("2002", "5000")]
    assert "it does not give the state of a call" in listener.broken[0].error


async def collected(*parts: Callable[[Segments], object]) -> list[str]:
    segments = Segments(0.2, 0.5)
    waiting = segments.expect(parse(promise().encode()), "77")
    task = asyncio.create_task(waiting.whole())
    for part in parts:
        part(segments)
        await asyncio.sleep(0)
    return [local(entry.tag) for entry in await task]


def test_what_the_segments_of_a_snapshot_may_be_long_is_bounded() -> None:
    long = parse(segment(C1).encode())

    with pytest.raises(SnapshotIncomplete, match="longer than"):
        asyncio.run(collected(*[lambda segments: segments.take(long, MAXIMUM_BYTES // 4)] * 5))


def test_a_snapshot_whose_segments_never_end_is_given_up_in_time() -> None:
    async def endless() -> None:
        segments = Segments(0.2, 0.5)
        waiting = segments.expect(parse(promise().encode()), "77")

        async def trickle() -> None:
            for number in range(1, 1000):
                segments.take(parse(segment("", number).encode()), 100)
                await asyncio.sleep(0.02)

        task = asyncio.create_task(trickle())
        try:
            await waiting.whole()
        finally:
            task.cancel()

    with pytest.raises(SnapshotIncomplete, match=r"did not come within 0\.5 s") as caught:
        asyncio.run(endless())
    assert caught.value.is_late


def test_a_cross_reference_that_is_used_again_ends_the_snapshot_before_it() -> None:
    again = parse(promise().encode())

    with pytest.raises(SnapshotIncomplete, match="used its cross reference for another"):
        asyncio.run(collected(lambda segments: segments.expect(again, "77")))


@pytest.mark.parametrize(
    "broken",
    [
        segment(C1, under=""),
        segment(C1).replace("false", "perhaps"),
        segment(C1).replace("snapshotData", "data"),
        segment(C1, 1).replace(">1<", ">one<"),
        segment(C1, 1).replace(">1<", f">{'9' * 5000}<"),
    ],
)
def test_a_segment_without_what_every_segment_has_is_a_typed_error(broken: str) -> None:
    with pytest.raises(CstaMessageError):
        Segments(1, 1).take(parse(broken.encode()), len(broken))


def test_nothing_is_kept_of_a_snapshot_that_is_over() -> None:
    async def run() -> int:
        segments = Segments(0.01, 0.01)
        collection: Collection = segments.expect(parse(promise().encode()), "77")
        with pytest.raises(SnapshotIncomplete):
            await collection.whole()
        segments.forget(collection)
        assert not segments.take(parse(segment(C1, last=True).encode()), 100)
        return len(segments)

    assert asyncio.run(run()) == 0
