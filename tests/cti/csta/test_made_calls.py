"""The gateway has the PBX make a canary call: only where that is allowed, and only its own events are marked."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from cti.events import CallEvent
from cti.sources.csta_xml import CstaSession
from cti.sources.port import CallMaker, CallNotMade, CallRequest, Stamp
from tests.cti.csta.pbx import WILLING, Answer, Listener, Pbx, config, until, xml

REQUEST = CallRequest("k1", "2001", "4711", 60.0)
MADE = xml("MakeCallResponse", "<callingDevice><callID>C7</callID><deviceID>2001</deviceID></callingDevice>")
CLEARED = xml("ClearConnectionResponse")
Act = Callable[[CstaSession, Pbx, Listener], Awaitable[None]]


def with_session(act: Act, answers: dict[str, Answer] | None = None, *, is_allowed: bool = True) -> Pbx:
    """Run a session until it is up, do something with it, and return what the PBX was asked."""
    pbx = Pbx({**WILLING, "MakeCall": MADE, "ClearConnection": CLEARED, **(answers or {})})

    async def run() -> None:
        listener = pbx.listener = Listener()
        server = await pbx.serve()
        options = {"make_calls": is_allowed, "request_seconds": 0.3}
        session = CstaSession(config(pbx.port, options=options), Stamp("pbx", "1"))
        running = asyncio.create_task(session.run(listener))
        try:
            await pbx.until_first_snapshot()
            await act(session, pbx, listener)
        finally:
            running.cancel()
            await asyncio.wait({running})
            await pbx.until_heard("StopApplicationSession")
            server.close()

    asyncio.run(run())
    return pbx


def refusal(answers: dict[str, Answer], *, is_allowed: bool = True) -> tuple[CallNotMade, list[str]]:
    """Have a call refused; return why, and the requests that the PBX got for it."""
    caught: list[CallNotMade] = []

    async def act(session: CstaSession, pbx: Pbx, _: Listener) -> None:
        pbx.heard.clear()
        with pytest.raises(CallNotMade) as error:
            await session.make_call(REQUEST)
        caught.append(error.value)

    pbx = with_session(act, answers, is_allowed=is_allowed)
    return caught[0], [name for name in pbx.names() if name != "StopApplicationSession"]


def established(call: str, device: str = "2001") -> str:
    return xml(
        "EstablishedEvent",
        f"<monitorCrossRefID>7001</monitorCrossRefID><establishedConnection><callID>{call}</callID>"
        f"<deviceID>{device}</deviceID></establishedConnection><answeringDevice><deviceIdentifier>{device}"
        "</deviceIdentifier></answeringDevice><callingDevice><deviceIdentifier>2001</deviceIdentifier></callingDevice>"
        "<calledDevice><deviceIdentifier>4711</deviceIdentifier></calledDevice><localConnectionInfo>connected"
        "</localConnectionInfo><cause>normal</cause>",
    )


def cleared(call: str) -> str:
    return xml(
        "ConnectionClearedEvent",
        f"<monitorCrossRefID>7001</monitorCrossRefID><droppedConnection><callID>{call}</callID><deviceID>2001</deviceID>"
        "</droppedConnection><releasingDevice><deviceIdentifier>2001</deviceIdentifier></releasingDevice>"
        "<localConnectionInfo>null</localConnectionInfo><cause>normalClearing</cause>",
    )


def test_a_call_is_made_its_events_alone_are_marked_and_it_is_cleared() -> None:
    async def act(session: CstaSession, pbx: Pbx, listener: Listener) -> None:
        assert isinstance(session, CallMaker)
        assert await session.make_call(REQUEST) == "C7"
        for message in (established("C6"), established("C7"), cleared("C7"), established("C7"), established("C8")):
            pbx.say(message)
        await until(lambda: "C8" in [call for call, _ in marks(listener)], "the last event")
        assert marks(listener) == [("C6", False), ("C7", True), ("C7", True), ("C7", False), ("C8", False)]
        await session.end_call(REQUEST.key)
        await session.end_call(REQUEST.key)

    pbx = with_session(act)

    (make,) = [text for name, _, text in pbx.heard if name == "MakeCall"]
    assert (
        "<callingDevice>2001</callingDevice><calledDirectoryNumber>4711</calledDirectoryNumber>"
        "<autoOriginate>doNotPrompt</autoOriginate></MakeCall>" in make
    )
    (clear,) = [text for name, _, text in pbx.heard if name == "ClearConnection"]
    assert "<connectionToBeCleared><callID>C7</callID><deviceID>2001</deviceID></connectionToBeCleared>" in clear


def test_a_call_that_the_pbx_makes_when_nobody_waits_for_it_any_more_is_cleared() -> None:
    async def act(session: CstaSession, pbx: Pbx, _: Listener) -> None:
        making = asyncio.create_task(session.make_call(REQUEST))
        await pbx.until_heard("MakeCall")
        making.cancel()
        await asyncio.wait({making})
        (invoke,) = [invoke for name, invoke, _ in pbx.heard if name == "MakeCall"]
        pbx.say(MADE, invoke)
        await pbx.until_heard("ClearConnection")

    with_session(act, {"MakeCall": None})


def marks(listener: Listener) -> list[tuple[str | None, bool]]:
    return [(one.data.call_id, one.data.is_canary) for one in listener.events if isinstance(one, CallEvent)]


def test_where_it_is_not_allowed_nothing_is_sent() -> None:
    error, asked = refusal({}, is_allowed=False)

    assert str(error) == "The settings of the source do not allow canary calls: nothing was asked."
    assert asked == []


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("<operation>invalidCalledDevice</operation>", "it does not know the number to call"),
        ("<security>privilegeViolationCallingDevice</security>", "the gateway may not make calls for this extension"),
        ("<stateIncompatibility>deviceBusy</stateIncompatibility>", "the test phone was busy"),
        ("<unspecified>whatever</unspecified>", "unspecified: whatever."),
    ],
)
def test_the_reason_of_the_pbx_is_said_in_words(code: str, sentence: str) -> None:
    error, asked = refusal({"MakeCall": xml("CSTAErrorCode", code)})

    assert sentence in str(error)
    assert str(error).startswith("The PBX refused MakeCall: ")
    assert error.todo
    assert asked == ["SnapshotDevice", "MakeCall"]


def test_a_phone_with_another_call_is_left_alone() -> None:
    found = (
        "<crossRefIDorSnapshotData><snapshotData><snapshotDeviceResponseInfo><connectionIdentifier><callID>C5</callID>"
        "<deviceID>2001</deviceID></connectionIdentifier><localCallState><compoundCallState><localConnectionState>"
        "connected</localConnectionState><localConnectionState>connected</localConnectionState></compoundCallState>"
        "</localCallState></snapshotDeviceResponseInfo></snapshotData></crossRefIDorSnapshotData>"
    )

    async def act(session: CstaSession, pbx: Pbx, _: Listener) -> None:
        pbx.answers["SnapshotDevice"] = xml("SnapshotDeviceResponse", found)
        with pytest.raises(CallNotMade, match="The phone was busy: another call is at the test extension"):
            await session.make_call(REQUEST)

    assert "MakeCall" not in with_session(act).names()


def test_a_pbx_that_does_not_answer_is_reported_and_a_late_call_is_cleared() -> None:
    async def act(session: CstaSession, pbx: Pbx, _: Listener) -> None:
        with pytest.raises(CallNotMade, match="The PBX did not answer MakeCall"):
            await session.make_call(REQUEST)
        (invoke,) = [invoke for name, invoke, _ in pbx.heard if name == "MakeCall"]
        pbx.say(MADE, invoke)
        await pbx.until_heard("ClearConnection")

    with_session(act, {"MakeCall": None})


def test_a_call_that_nobody_ends_is_ended_after_its_time() -> None:
    async def act(session: CstaSession, pbx: Pbx, _: Listener) -> None:
        await session.make_call(CallRequest("k1", "2001", "4711", 0.0))
        await pbx.until_heard("ClearConnection")

    with_session(act)


def test_a_link_that_is_closed_clears_the_calls_that_still_last_before_it_ends_its_session() -> None:
    async def act(session: CstaSession, pbx: Pbx, _: Listener) -> None:
        await session.make_call(REQUEST)

    assert with_session(act).names()[-2:] == ["ClearConnection", "StopApplicationSession"]
