"""The link under a session over real TCP: signs of life, what cannot be read, certificates, and how it ends."""

import asyncio
import ssl
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from cti.events import CallEvent, LinkLost
from cti.sources.csta_xml import CstaSession
from cti.sources.csta_xml.framing import framed
from cti.sources.port import CertificateUntrusted, LinkError, Stamp
from tests.cti.csta.certificates import make_certificates
from tests.cti.csta.pbx import WILLING, Listener, Pbx, config, event_frames, followed, only, sample, until, xml

SESSION_ONLY = {name: WILLING[name] for name in ("StartApplicationSession", "MonitorStart")}


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


def test_after_messages_that_cannot_be_read_the_server_is_asked_once_what_is_in_progress() -> None:
    pbx = Pbx(dict(WILLING))

    async def asked(listener: Listener) -> None:
        await until(lambda: "Ended" in listener.types(), "the first snapshot")
        for _ in range(3):
            pbx.say("<EstablishedEvent><a>")
        await until(lambda: "Restored" in listener.types(), "the second snapshot")

    listener = asyncio.run(followed(pbx, asked))
    assert listener.types() == ["Began", "Ended", "Lost", "Began", "Ended", "Restored"]
    lost = [event for event in listener.events if isinstance(event, LinkLost)]

    assert [event.data.reason for event in lost] == ["3 devices: a message could not be read"]
    assert lost[0].data.devices == ("2001", "2002", "5000")


CALL = "<connection><callID>C1</callID><deviceID>2001</deviceID></connection>"


@pytest.mark.parametrize(
    ("messages", "surveys"),
    [
        ([xml("UnheardOf", CALL), xml("UnheardOfEvent"), xml("LampEvent", "<device>2001</device>")], 0),
        ([xml("UnheardOfEvent", CALL)] * 2, 1),
        ([xml("UnheardOfEvent", CALL), xml("AgentUnheardOfEvent", "<agentID>9101</agentID>")], 2),
    ],
)
def test_a_message_of_an_unknown_kind_is_kept_and_at_most_once_a_reason_to_take_stock(
    messages: list[str], surveys: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stock of a large site is no small matter, and a PBX that speaks a kind of its own speaks it all day."""
    monkeypatch.setattr("cti.sources.csta_xml.resynchronisation.MINIMUM_INTERVAL", 0.0)

    async def speak(pbx: Pbx) -> None:
        await pbx.until_first_snapshot()
        for number, text in enumerate(messages):
            await until(partial(is_told, number, min(surveys, number)), "what came before")
            pbx.say(text)
        await until(partial(is_told, len(messages), surveys), "what came last")
        pbx.say(xml("SystemStatus", "<systemStatus>messagesLost</systemStatus>"), 7)

    def is_told(kept: int, snapshots: int) -> bool:
        return len(reported[0].broken) == kept and reported[0].types().count("Ended") > snapshots

    async def asked(listener: Listener) -> None:
        reported.append(listener)
        await until(lambda: "3 devices: the server lost messages" in reasons(listener), "the last snapshot")

    reported: list[Listener] = []
    listener = asyncio.run(followed(Pbx(dict(WILLING), script=speak), asked))

    doubted, lost = "3 devices: a message could not be read", "3 devices: the server lost messages"
    assert reasons(listener) == [*[doubted] * surveys, lost]


def reasons(listener: Listener) -> list[str | None]:
    return [event.data.reason for event in listener.events if isinstance(event, LinkLost)]


DTD = '<!DOCTYPE a [<!ENTITY b "ha">]><EstablishedEvent>&b;</EstablishedEvent>'


def test_what_cannot_be_read_is_kept_with_its_place_and_the_next_message_is_reported() -> None:
    async def speak(pbx: Pbx) -> None:
        await pbx.until_first_snapshot()
        for text in ("<EstablishedEvent><a>", DTD, xml("UnheardOfEvent"), xml("EstablishedEvent")):
            pbx.say(text)
        pbx.send(event_frames("06-forward-no-answer"))
        pbx.hang_up()

    listener = asyncio.run(followed(Pbx(dict(WILLING), script=speak)))

    assert [(one.kind, one.error.partition(":")[0]) for one in listener.broken] == [
        ("message", "not well-formed XML"),
        ("message", "the message has a DTD, which is never read"),
        ("message", "the message UnheardOfEvent is unknown"),
        ("event", "establishedConnection/callID is missing"),
    ]
    assert all(one.place.startswith("frame ") for one in listener.broken)
    assert listener.broken[1].raw == DTD.encode()
    assert len([event for event in listener.events if isinstance(event, CallEvent)]) == 5


@pytest.mark.parametrize(
    ("raw", "error"),
    [
        (b"\x00\x00\x00\x049999", "the length is 4"),
        (b"\x00\xa0\x00\x00" + b"9999" + b"<" * 1000, "a frame of 10,485,760 bytes with a 32-bit length"),
        (b"HTTP/1.1 400 Bad Request\r\n", "the format is 0x4854"),
    ],
)
def test_a_false_header_is_kept_and_the_link_given_up_after_what_came_before(raw: bytes, error: str) -> None:
    listener = Listener()

    async def speak(pbx: Pbx) -> None:
        await pbx.until_first_snapshot()
        pbx.send(event_frames("06-forward-no-answer") + raw)

    async def run() -> None:
        pbx = Pbx(dict(WILLING), script=speak, listener=listener)
        server = await pbx.serve()
        async with asyncio.timeout(10):
            await CstaSession(config(pbx.port), Stamp("pbx", "1")).run(listener)
        server.close()

    with pytest.raises(LinkError, match=error) as caught:
        asyncio.run(run())

    assert caught.value.retryable
    assert [one.kind for one in listener.broken] == ["frame"]
    assert len([event for event in listener.events if isinstance(event, CallEvent)]) == 5


def test_a_link_that_ends_within_a_frame_is_broken() -> None:
    async def cut(pbx: Pbx) -> None:
        await pbx.until_first_snapshot()
        pbx.send(event_frames("06-forward-no-answer")[:-5])
        pbx.hang_up()

    with pytest.raises(LinkError, match="within a frame"):
        asyncio.run(followed(Pbx(dict(WILLING), script=cut)))


def test_a_link_that_ends_before_the_session_begins_is_broken() -> None:
    async def hang_up(pbx: Pbx) -> None:
        pbx.hang_up()

    with pytest.raises(LinkError, match="before a session began"):
        asyncio.run(followed(Pbx(script=hang_up)))


def test_events_of_several_monitors_are_reported_as_they_come_in_whatever_order() -> None:
    frames = [framed(9999, frame.xml) for frame in sample("03-two-step-transfer")]

    async def disorder(pbx: Pbx) -> None:
        await pbx.until_first_snapshot()
        for frame in reversed(frames):
            pbx.send(frame)
            await asyncio.sleep(0)
        pbx.hang_up()

    listener = asyncio.run(followed(Pbx(dict(WILLING), script=disorder)))
    reported = [event for event in listener.events if isinstance(event, CallEvent)]

    assert len(reported) == 13
    assert reported[0].data.call_id == "4C03"


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
        pbx, listener = Pbx(dict(WILLING)), Listener()
        server = await pbx.serve(ssl=context)
        site = config(pbx.port, tls=True, ca_file=str(tmp_path / "ca.pem"))
        running = asyncio.create_task(CstaSession(site, Stamp("pbx", "1")).run(listener))
        try:
            await asyncio.wait(
                {running, asyncio.create_task(until(lambda: listener.links == 1, host))},
                return_when=asyncio.FIRST_COMPLETED,
                timeout=10,
            )
            if running.done():
                await running
        finally:
            running.cancel()
            await asyncio.wait({running})
            server.close()
        return listener

    assert asyncio.run(run("127.0.0.1", "right")).links == 1
    with pytest.raises(CertificateUntrusted, match=r"not trusted.*Name the CA"):
        asyncio.run(run("127.0.0.1", "wrong"))
