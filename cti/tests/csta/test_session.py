"""A session with a real server over TCP: begun, monitored, kept alive, and ended with a reason."""

import asyncio
import itertools
import ssl
import time
from pathlib import Path
from typing import Any

import pytest

from cti.events import CallEvent, Event, LinkEvent, type_name
from cti.sources.csta_xml import CstaSession
from cti.sources.csta_xml.framing import framed
from cti.sources.csta_xml.parsing import text_of
from cti.sources.port import LinkError, Stamp
from cti.tests.csta.certificates import make_certificates
from cti.tests.csta.pbx import (
    WILLING,
    Listener,
    Pbx,
    config,
    event_frames,
    followed,
    monitored,
    only,
    sample,
    until,
    xml,
)

SESSION_ONLY = {name: WILLING[name] for name in ("StartApplicationSession", "MonitorStart")}


async def play(pbx: Pbx, scenario: str, after: int = 3) -> None:
    """Say a scenario's events once the monitors are up, and hang up."""
    await pbx.until_heard("MonitorStart", after)
    pbx.send(event_frames(scenario))
    pbx.writer.write_eof()


def playing(scenario: str, **answers: Any) -> Pbx:
    return Pbx({**WILLING, **answers}, script=lambda pbx: play(pbx, scenario))


def live(listener: Listener) -> list[Event]:
    return [event for event in listener.events if not isinstance(event, LinkEvent)]


def test_a_session_is_begun_each_device_monitored_and_its_calls_told_in_order() -> None:
    pbx = playing("01-acd-queue-call")
    listener = asyncio.run(followed(pbx))

    assert listener.links == 1
    assert [type_name(event).rpartition(".")[2] for event in live(listener)] == [
        "Delivered", "Queued", "Diverted", "Delivered", "Established", "Busy", "ConnectionCleared",
        "ConnectionCleared", "WorkingAfterCall", "Ready",
    ]  # fmt: skip
    assert [event.id for event in listener.events] == [f"1-{n}" for n in range(1, len(listener.events) + 1)]
    assert [(name, invoke) for name, invoke, _ in pbx.heard[:5]] == [
        ("StartApplicationSession", 1), ("RequestSystemStatus", 2), ("MonitorStart", 3), ("MonitorStart", 4),
        ("MonitorStart", 5),
    ]  # fmt: skip
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


@pytest.mark.parametrize(("error", "retryable"), [("invalidPassword", False), ("tooManySessions", True)])
def test_an_explicit_session_that_is_refused_says_who_can_mend_it(error: str, *, retryable: bool) -> None:
    refusal = xml("StartApplicationSessionNegResponse", f"<errorCode><definedError>{error}</definedError></errorCode>")
    with pytest.raises(LinkError, match=error) as caught:
        asyncio.run(followed(Pbx({"StartApplicationSession": refusal}), options={"session": "explicit"}))

    assert caught.value.retryable is retryable


def test_a_server_that_answers_nothing_but_events_is_heard() -> None:
    async def speak(pbx: Pbx) -> None:
        await pbx.until_heard("StartApplicationSession")
        pbx.send(event_frames("06-forward-no-answer"))
        await pbx.until_heard("MonitorStart", 3)
        pbx.send(event_frames("10-agent-session"))

    async def all_told(listener: Listener) -> None:
        await until(lambda: len(live(listener)) == 16, "the events")
        await until(lambda: len(listener.refusals) == 3, "the refusals")

    listener = asyncio.run(followed(Pbx(script=speak), all_told, options={"retry_seconds": 60}))

    assert set(listener.refusals) == {(device, "no answer within 0.3 s") for device in ("2001", "2002", "5000")}


def test_a_session_is_renewed_at_half_its_life_and_ended_in_order() -> None:
    session = only("00-session", "StartApplicationSessionPosResponse").replace(">180<", ">1<")
    renewal = only("00-session", "ResetApplicationSessionTimerPosResponse").replace(">180<", ">1<")
    at: list[float] = []

    def timed(answer: str) -> Any:
        def tell(_: Any) -> str:
            at.append(time.monotonic())
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


def test_a_refused_device_is_told_asked_for_again_and_told_when_it_is_granted() -> None:
    refusals = ["2002", "2002"]

    def answer(root: Any) -> str | None:
        return monitored([refusals.pop()] if text_of(root) == "2002" and refusals else [])(root)

    async def granted(listener: Listener) -> None:
        await until(lambda: ("2002", None) in listener.refusals, "the monitor")
        await until(lambda: listener.types().count("Ended") == 2, "the second snapshot")

    pbx = Pbx({**WILLING, "MonitorStart": answer})
    listener = asyncio.run(followed(pbx, granted))

    assert listener.refusals == [("2002", "operation: invalidDeviceID"), ("2002", None)]
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
    assert listener.refusals[0] == ("2001", "the server ended the monitor")


def test_the_servers_sign_of_life_is_answered_under_its_own_invoke_id() -> None:
    async def live_on(pbx: Pbx) -> None:
        await pbx.until_heard("MonitorStart", 3)
        pbx.say(only("00-session", "SystemStatus"), 1)

    pbx = Pbx(dict(WILLING), script=live_on)
    asyncio.run(followed(pbx, lambda _: pbx.until_heard("SystemStatusResponse")))

    assert ("SystemStatusResponse", 1) in [(name, invoke) for name, invoke, _ in pbx.heard]


def test_a_silent_server_is_asked_and_dead_after_the_third_silence() -> None:
    pbx = Pbx(SESSION_ONLY)
    with pytest.raises(LinkError, match=r"silent for 0\.6 s"):
        asyncio.run(followed(pbx, options={"heartbeat_seconds": 0.2, "request_seconds": 0.1}))

    assert pbx.names().count("RequestSystemStatus") >= 2


def test_a_quiet_server_that_answers_is_alive() -> None:
    pbx = Pbx(dict(WILLING))
    asyncio.run(followed(pbx, lambda _: pbx.until_heard("RequestSystemStatus", 8), options={"heartbeat_seconds": 0.05}))


def test_a_server_that_lost_messages_is_asked_what_is_in_progress() -> None:
    async def lose(pbx: Pbx) -> None:
        await pbx.until_heard("SnapshotDevice", 3)
        pbx.say(xml("SystemStatus", "<systemStatus>messagesLost</systemStatus>"), 7)

    async def asked(listener: Listener) -> None:
        await until(lambda: listener.types().count("Ended") == 2, "the second snapshot")

    listener = asyncio.run(followed(Pbx(dict(WILLING), script=lose), asked))
    again = [event for event in listener.events if type_name(event) == "gateway.snapshot.Began"][1]

    assert isinstance(again, LinkEvent)
    assert again.data.reason == "the server lost messages"


def test_after_messages_that_cannot_be_read_the_server_is_asked_once_what_is_in_progress() -> None:
    async def garble(pbx: Pbx) -> None:
        await pbx.until_heard("SnapshotDevice", 3)
        for _ in range(3):
            pbx.say("<EstablishedEvent><a>")

    async def asked(listener: Listener) -> None:
        await until(lambda: listener.types().count("Ended") == 2, "the second snapshot")

    listener = asyncio.run(followed(Pbx(dict(WILLING), script=garble), asked))
    began = [event for event in listener.events if type_name(event) == "gateway.snapshot.Began"]
    reasons = [event.data.reason for event in began if isinstance(event, LinkEvent)]

    assert reasons == [None, "a message could not be read"]


DTD = '<!DOCTYPE a [<!ENTITY b "ha">]><EstablishedEvent>&b;</EstablishedEvent>'


def test_what_cannot_be_read_is_kept_with_its_place_and_the_next_message_is_told() -> None:
    async def speak(pbx: Pbx) -> None:
        await pbx.until_heard("SnapshotDevice", 3)
        for text in ("<EstablishedEvent><a>", DTD, xml("UnheardOfEvent"), xml("EstablishedEvent")):
            pbx.say(text)
        pbx.send(event_frames("06-forward-no-answer"))
        pbx.writer.write_eof()

    listener = asyncio.run(followed(Pbx(dict(WILLING), script=speak)))

    assert [(one.kind, one.error.partition(":")[0]) for one in listener.broken] == [
        ("message", "no well-formed XML"),
        ("message", "the message has a DTD, which is never read"),
        ("message", "the message UnheardOfEvent is unknown"),
        ("event", "establishedConnection/callID is missing"),
    ]
    assert all(one.place.startswith("frame ") for one in listener.broken)
    assert listener.broken[1].raw == DTD.encode()
    assert len([event for event in live(listener) if isinstance(event, CallEvent)]) == 5


@pytest.mark.parametrize(
    ("raw", "error"),
    [
        (b"\x00\x00\x00\x049999", "the length is 4"),
        (b"\x00\xa0\x00\x00" + b"9999" + b"<" * 1000, "the format is 0x00a0"),
        (b"HTTP/1.1 400 Bad Request\r\n", "the format is 0x4854"),
    ],
)
def test_a_false_header_is_kept_and_the_link_given_up_after_what_came_before(raw: bytes, error: str) -> None:
    listener = Listener()

    async def speak(pbx: Pbx) -> None:
        await pbx.until_heard("SnapshotDevice", 3)
        pbx.send(event_frames("06-forward-no-answer") + raw)

    async def run() -> None:
        pbx = Pbx(dict(WILLING), script=speak)
        server = await pbx.serve()
        async with asyncio.timeout(10):
            await CstaSession(config(pbx.port), Stamp("pbx", "1")).run(listener)
        server.close()

    with pytest.raises(LinkError, match=error) as caught:
        asyncio.run(run())

    assert caught.value.retryable
    assert [one.kind for one in listener.broken] == ["frame"]
    assert len([event for event in live(listener) if isinstance(event, CallEvent)]) == 5


def test_a_link_that_ends_within_a_frame_is_broken() -> None:
    async def cut(pbx: Pbx) -> None:
        await pbx.until_heard("SnapshotDevice", 3)
        pbx.send(event_frames("06-forward-no-answer")[:-5])
        pbx.writer.write_eof()

    with pytest.raises(LinkError, match="within a frame"):
        asyncio.run(followed(Pbx(dict(WILLING), script=cut)))


def test_a_link_that_ends_before_the_session_begins_is_broken() -> None:
    async def hang_up(pbx: Pbx) -> None:
        pbx.writer.write_eof()

    with pytest.raises(LinkError, match="before a session began"):
        asyncio.run(followed(Pbx(script=hang_up)))


def test_events_of_several_monitors_are_told_as_they_come_in_whatever_order() -> None:
    frames = [framed(9999, frame.xml) for frame in sample("03-two-step-transfer")]

    async def disorder(pbx: Pbx) -> None:
        await pbx.until_heard("SnapshotDevice", 3)
        for frame in reversed(frames):
            pbx.send(frame)
            await asyncio.sleep(0)
        pbx.writer.write_eof()

    listener = asyncio.run(followed(Pbx(dict(WILLING), script=disorder)))
    told = [event for event in listener.events if isinstance(event, CallEvent)]

    assert len(told) == 13
    assert told[0].data.call_id == "4C03"


def test_a_source_without_devices_listens_and_asks_nothing() -> None:
    async def speak(pbx: Pbx) -> None:
        await pbx.until_heard("RequestSystemStatus")
        pbx.send(event_frames("02-single-step-transfer"))
        pbx.writer.write_eof()

    pbx = Pbx(dict(WILLING), script=speak)
    listener = asyncio.run(followed(pbx, devices=(), queues={}))

    assert len(listener.events) == 6
    assert "MonitorStart" not in pbx.names()


def test_an_outlet_that_hangs_ends_the_session() -> None:
    class Hanging(Listener):
        async def linked(self) -> None:
            await asyncio.Event().wait()

    async def run() -> None:
        pbx = Pbx(dict(WILLING))
        server = await pbx.serve()
        site = config(pbx.port, options={"outlet_seconds": 0.1})
        async with asyncio.timeout(10):
            await CstaSession(site, Stamp("pbx", "1")).run(Hanging())
        server.close()

    with pytest.raises(LinkError, match="could not be kept"):
        asyncio.run(run())


def test_wrong_options_and_a_dead_port_are_link_errors() -> None:
    async def run(**changes: Any) -> None:
        await CstaSession(config(1, **changes), Stamp("pbx", "1")).run(Listener())

    with pytest.raises(LinkError, match="no connection") as caught:
        asyncio.run(run())
    assert caught.value.retryable
    with pytest.raises(LinkError, match="heartbeat_seconds") as caught:
        asyncio.run(run(options={"heartbeat_seconds": -1}))
    assert not caught.value.retryable
    with pytest.raises(LinkError, match="CA file cannot be read") as caught:
        asyncio.run(run(tls=True, ca_file="missing.pem"))
    assert not caught.value.retryable


def test_tls_trusts_its_own_ca_and_checks_the_hosts_name(tmp_path: Path) -> None:
    make_certificates(tmp_path)

    async def run(host: str, certificate: str) -> Listener:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(tmp_path / f"{certificate}.pem", tmp_path / f"{certificate}.key")
        pbx, listener = playing("06-forward-no-answer"), Listener()
        pbx.script = None
        server = await pbx.serve(ssl=context)
        site = config(pbx.port, tls=True, ca_file=str(tmp_path / "ca.pem"))
        running = asyncio.create_task(CstaSession(site, Stamp("pbx", "1")).run(listener))
        try:
            await asyncio.wait(
                {running, asyncio.create_task(until(lambda: listener.links == 1, host))},
                return_when=asyncio.FIRST_COMPLETED, timeout=10,
            )  # fmt: skip
            if running.done():
                await running
        finally:
            running.cancel()
            await asyncio.wait({running})
            server.close()
        return listener

    assert asyncio.run(run("127.0.0.1", "right")).links == 1
    with pytest.raises(LinkError, match="not trusted") as caught:
        asyncio.run(run("127.0.0.1", "wrong"))
    assert not caught.value.retryable
