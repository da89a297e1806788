"""A session with a real server over TCP: begun, monitored, prolonged, and ended with a reason."""

import asyncio
import itertools
from typing import Any

import pytest

from cti.events import Event, LinkEvent, LinkLost, LinkRestored, type_name
from cti.sources.csta_xml.parsing import text_of
from cti.sources.port import LinkError, LoginRefused
from tests.cti.csta.pbx import WILLING, Listener, Pbx, event_frames, followed, monitored, only, until, xml


async def play(pbx: Pbx, scenario: str, after: int = 3) -> None:
    """Say a scenario's events once the monitors are up, and hang up."""
    await pbx.until_heard("MonitorStart", after)
    pbx.send(event_frames(scenario))
    pbx.hang_up()


def playing(scenario: str, **answers: Any) -> Pbx:
    return Pbx({**WILLING, **answers}, script=lambda pbx: play(pbx, scenario))


def live(listener: Listener) -> list[Event]:
    return [event for event in listener.events if not isinstance(event, LinkEvent)]


def test_a_session_is_begun_each_device_monitored_and_its_calls_reported_in_order() -> None:
    pbx = playing("01-acd-queue-call")
    listener = asyncio.run(followed(pbx))

    assert listener.links == 1
    assert [type_name(event).rpartition(".")[2] for event in live(listener)] == [
        "Delivered",
        "Queued",
        "Diverted",
        "Delivered",
        "Established",
        "Busy",
        "ConnectionCleared",
        "ConnectionCleared",
        "WorkingAfterCall",
        "Ready",
    ]
    assert [event.id for event in listener.events] == [f"1-{n}" for n in range(1, len(listener.events) + 1)]
    assert [(name, invoke) for name, invoke, _ in pbx.heard[:5]] == [
        ("StartApplicationSession", 1),
        ("RequestSystemStatus", 2),
        ("MonitorStart", 3),
        ("MonitorStart", 4),
        ("MonitorStart", 5),
    ]
    assert listener.refusals == []
    assert listener.broken == []


def test_the_user_and_secret_are_in_the_session_request() -> None:
    pbx = playing("10-agent-session")
    asyncio.run(followed(pbx, username="gate<way", secret="s&cret", options={"login_namespace": "urn:vendor"}))
    request = pbx.heard[0][2]

    assert (
        '<SessionLoginInfo xmlns="urn:vendor"><userName>gate&lt;way</userName><password>s&amp;cret</password>'
        in request
    )


@pytest.mark.parametrize(
    "refusal",
    [
        None,
        xml("CSTAErrorCode", "<operation>generic</operation>"),
        xml("StartApplicationSessionNegResponse", "<errorCode><definedError>x</definedError></errorCode>"),
    ],
)
def test_a_server_without_sessions_is_followed_without_one(refusal: str | None) -> None:
    pbx = playing("06-forward-no-answer", StartApplicationSession=refusal)
    listener = asyncio.run(followed(pbx))

    assert len(live(listener)) == 5
    assert "ResetApplicationSessionTimer" not in pbx.names()
    assert "StopApplicationSession" not in pbx.names()


def test_an_implicit_session_asks_for_the_status_only() -> None:
    pbx = playing("06-forward-no-answer")
    listener = asyncio.run(followed(pbx, options={"session": "implicit"}))

    assert len(live(listener)) == 5
    assert pbx.names()[0] == "RequestSystemStatus"


@pytest.mark.parametrize(
    "answer",
    [
        xml("SystemRegisterResponse", "<sysStatRegisterID>27</sysStatRegisterID>"),
        xml("CSTAErrorCode", "<operation>generic</operation>"),
        None,
    ],
)
def test_the_server_is_asked_for_its_status_where_the_site_wants_it_and_need_not_grant_it(
    answer: str | None,
) -> None:
    async def reported(listener: Listener) -> None:
        await pbx.until_heard("SystemRegister")
        await until(lambda: "Ended" in listener.types(), "the snapshot")
        pbx.say(xml("SystemStatus", "<systemStatus>messagesLost</systemStatus>"), 7)
        await until(lambda: listener.types().count("Ended") == 2, "the second snapshot")

    pbx = Pbx({**WILLING, "SystemRegister": answer})
    listener = asyncio.run(followed(pbx, reported, options={"system_register": True}))
    (asked,) = [text for name, _, text in pbx.heard if name == "SystemRegister"]

    assert "<requestTypes><systemStatus>true</systemStatus></requestTypes>" in asked
    assert listener.lacking == []


def test_the_server_is_not_asked_for_its_status_where_the_site_says_nothing() -> None:
    pbx = playing("06-forward-no-answer")
    asyncio.run(followed(pbx))

    assert "SystemRegister" not in pbx.names()


@pytest.mark.parametrize(
    ("session", "error", "retryable"),
    [
        ("explicit", "invalidPassword", False),
        ("explicit", "tooManySessions", True),
        ("explicit", "error17", False),
        ("auto", "invalidPassword", False),
    ],
)
@pytest.mark.parametrize("closes", [False, True])
def test_a_session_that_is_refused_says_who_can_fix_it(
    session: str, error: str, *, retryable: bool, closes: bool
) -> None:
    """Also where the server closes the link with the same breath."""

    def refuse(_: Any) -> None:
        pbx.say(refusal, 1)
        if closes:
            pbx.hang_up()

    refusal = xml("StartApplicationSessionNegResponse", f"<errorCode><definedError>{error}</definedError></errorCode>")
    pbx = Pbx({"StartApplicationSession": refuse})
    with pytest.raises(LinkError, match=error) as caught:
        asyncio.run(followed(pbx, options={"session": session}))

    assert caught.value.retryable is retryable
    assert isinstance(caught.value, LoginRefused) is not retryable
    assert retryable or "Correct the user name" in str(caught.value)


def test_a_server_that_answers_nothing_but_events_is_heard() -> None:
    async def speak(pbx: Pbx) -> None:
        await pbx.until_heard("StartApplicationSession")
        pbx.send(event_frames("06-forward-no-answer"))
        await pbx.until_heard("MonitorStart", 3)
        pbx.send(event_frames("10-agent-session"))

    async def all_told(listener: Listener) -> None:
        await until(lambda: len(live(listener)) == 16, "the events")
        await until(lambda: len(listener.refusals) == 3, "the refusals")

    listener = asyncio.run(followed(Pbx(script=speak), all_told, options={"retry_seconds": 60, "request_seconds": 0.3}))

    assert {device for device, _ in listener.refusals} == {"2001", "2002", "5000"}
    assert {one and one.reason for _, one in listener.refusals} == {"no answer within 0.3 s"}


def test_a_session_is_renewed_at_half_its_life_and_ended_in_order() -> None:
    session = only("00-session", "StartApplicationSessionPosResponse").replace(">180<", ">1<")
    renewal = only("00-session", "ResetApplicationSessionTimerPosResponse").replace(">180<", ">1<")
    at: list[float] = []

    def timed(answer: str) -> Any:
        def tell(_: Any) -> str:
            at.append(asyncio.get_running_loop().time())
            return answer

        return tell

    answers = {"StartApplicationSession": timed(session), "ResetApplicationSessionTimer": timed(renewal)}
    pbx = Pbx({**WILLING, **answers})
    asyncio.run(followed(pbx, lambda _: pbx.until_heard("ResetApplicationSessionTimer", 2)))

    assert all(later - before < 0.95 for before, later in itertools.pairwise(at))
    assert pbx.names()[-1] == "StopApplicationSession"
    assert "<sessionID>S-000417</sessionID>" in pbx.heard[-1][2]


def test_a_session_that_is_not_prolonged_is_a_broken_link() -> None:
    session = only("00-session", "StartApplicationSessionPosResponse").replace(">180<", ">1<")
    refusal = xml("ResetApplicationSessionTimerNegResponse", "<errorCode>gone</errorCode>")
    pbx = Pbx({**WILLING, "StartApplicationSession": session, "ResetApplicationSessionTimer": refusal})

    with pytest.raises(LinkError, match="does not prolong the session: errorCode: gone"):
        asyncio.run(followed(pbx))


def test_a_session_that_the_server_terminates_is_a_broken_link() -> None:
    async def terminate(pbx: Pbx) -> None:
        await pbx.until_heard("MonitorStart", 3)
        pbx.send(event_frames("06-forward-no-answer"))
        pbx.say(xml("ApplicationSessionTerminated", "<sessionID>S</sessionID>"))

    with pytest.raises(LinkError, match="the server ended the session"):
        asyncio.run(followed(Pbx(dict(WILLING), script=terminate)))


def test_a_refused_device_is_reported_asked_for_again_and_reported_when_it_is_granted() -> None:
    refusals = ["2002", "2002"]

    def answer(root: Any) -> str | None:
        return monitored([refusals.pop()] if text_of(root) == "2002" and refusals else [])(root)

    async def granted(listener: Listener) -> None:
        await until(lambda: ("2002", None) in listener.refusals, "the monitor")
        await until(lambda: listener.types().count("Ended") == 2, "the second snapshot")

    pbx = Pbx({**WILLING, "MonitorStart": answer})
    listener = asyncio.run(followed(pbx, granted))

    *refused, last = listener.refusals
    assert last == ("2002", None)
    assert [(device, one.reason) for device, one in refused if one] == [("2002", "operation: invalidDeviceID")] * 2
    first_try, second_try = [one.again_at for _, one in refused if one and one.again_at]
    assert first_try < second_try
    first, second = [event for event in listener.events if type_name(event) == "gateway.snapshot.Began"]
    assert isinstance(first, LinkEvent)
    assert isinstance(second, LinkEvent)
    assert (first.data.devices, second.data.devices) == (("2001", "5000"), ("2002",))


def test_a_monitor_that_the_server_ends_is_answered_and_begun_again() -> None:
    async def end(pbx: Pbx) -> None:
        await pbx.until_heard("MonitorStart", 3)
        pbx.say(xml("MonitorStop", "<monitorCrossRefID>7001</monitorCrossRefID>"), 41)

    pbx = Pbx(dict(WILLING), script=end)
    listener = asyncio.run(followed(pbx, lambda _: pbx.until_heard("MonitorStart", 4)))

    assert ("MonitorStopResponse", 41) in [(name, invoke) for name, invoke, _ in pbx.heard]
    device, refusal = listener.refusals[0]
    assert (device, refusal and refusal.reason) == ("2001", "the server ended the monitor")


def test_a_server_that_lost_messages_is_asked_what_is_in_progress() -> None:
    pbx = Pbx(dict(WILLING))

    async def asked(listener: Listener) -> None:
        await until(lambda: "Ended" in listener.types(), "the end of the first snapshot")
        pbx.say(xml("SystemStatus", "<systemStatus>messagesLost</systemStatus>"), 7)
        await until(lambda: "Restored" in listener.types(), "the end of the gap")

    listener = asyncio.run(followed(pbx, asked))
    lost = next(event for event in listener.events if isinstance(event, LinkLost))

    assert listener.types() == ["Began", "Ended", "Lost", "Began", "Ended", "Restored"]
    assert lost.data.reason == "3 devices: the server lost messages"


def test_a_doubt_that_comes_while_stock_is_taken_has_it_taken_once_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cti.sources.csta_xml.resynchronisation.MINIMUM_INTERVAL", 0.0)

    async def garble(pbx: Pbx) -> None:
        await pbx.until_heard("SnapshotDevice", 3)
        pbx.say("<EstablishedEvent><a>")
        await pbx.until_heard("SnapshotDevice", 4)
        pbx.say("<EstablishedEvent><a>")

    async def asked(listener: Listener) -> None:
        await until(lambda: listener.types().count("Restored") == 2, "the end of the second gap")

    listener = asyncio.run(followed(Pbx(dict(WILLING), script=garble), asked))

    assert listener.types().count("Lost") == 2


def test_a_device_that_is_refused_is_in_a_gap_from_the_begin_of_the_session_until_it_is_granted() -> None:
    refusals = ["2002"]

    def answer(root: Any) -> str | None:
        return monitored([refusals.pop()] if text_of(root) == "2002" and refusals else [])(root)

    async def granted(listener: Listener) -> None:
        await until(lambda: "Restored" in listener.types(), "the end of the gap")

    listener = asyncio.run(followed(Pbx({**WILLING, "MonitorStart": answer}), granted))
    lost, restored = [event for event in listener.events if isinstance(event, LinkLost | LinkRestored)]

    assert listener.types() == ["Began", "Ended", "Lost", "Began", "Ended", "Restored"]
    assert lost.data.devices == restored.data.devices == ("2002",)
    assert lost.data.reason == "2002: not monitored: operation: invalidDeviceID"
    assert lost.time <= listener.events[0].time <= restored.time


def test_a_device_whose_monitor_the_server_ends_is_in_a_gap_until_it_is_monitored_again() -> None:
    pbx = Pbx(dict(WILLING))

    async def granted(listener: Listener) -> None:
        await until(lambda: "Ended" in listener.types(), "the end of the first snapshot")
        pbx.say(xml("MonitorStop", "<monitorCrossRefID>7001</monitorCrossRefID>"), 41)
        await until(lambda: "Restored" in listener.types(), "the end of the gap")

    listener = asyncio.run(followed(pbx, granted))

    assert listener.types() == ["Began", "Ended", "Lost", "Began", "Ended", "Restored"]
    lost = next(event for event in listener.events if isinstance(event, LinkLost))
    assert (lost.data.devices, lost.data.reason) == (("2001",), "2001: the server ended the monitor")


def test_nothing_is_read_while_the_listener_takes_no_more_and_all_of_it_comes_after() -> None:
    async def play_held(pbx: Pbx) -> None:
        await pbx.until_first_snapshot()
        assert pbx.listener is not None
        pbx.listener.is_held = True
        pbx.send(event_frames("01-acd-queue-call"))
        await until(lambda: pbx.listener is not None and pbx.listener.holds > 0, "the hold")
        pbx.send(event_frames("10-agent-session"))
        pbx.hang_up()
        holds = pbx.listener.holds
        await until(lambda: pbx.listener is not None and pbx.listener.holds > holds + 3, "a longer hold")
        pbx.listener.is_held = False

    listener = asyncio.run(followed(Pbx(WILLING, script=play_held)))

    assert (listener.came_while_held, listener.paced > 0) == (0, True)
    assert {"WorkingAfterCall", "LoggedOn"} <= set(listener.types())


def test_a_source_without_devices_listens_and_asks_nothing() -> None:
    async def speak(pbx: Pbx) -> None:
        await pbx.until_heard("RequestSystemStatus")
        pbx.send(event_frames("02-single-step-transfer"))
        pbx.hang_up()

    pbx = Pbx(dict(WILLING), script=speak)
    listener = asyncio.run(followed(pbx, devices=(), queues={}))

    assert len(listener.events) == 6
    assert "MonitorStart" not in pbx.names()
