"""The switch's side of the wire, seen by a client that is not the gateway's."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from simulators.pbx.people import QUEUES
from simulators.pbx.plan import Plan
from simulators.pbx.reports import SwitchReport
from simulators.pbx.scenarios import day
from simulators.pbx.server import PbxServer
from simulators.pbx.switch import Switch
from simulators.pbx.world import World
from tests.simulators.pbx.client import SESSION, Client, Said, all_text, connected

OFFER = "<requestedProtocolVersions><protocolVersion>{}</protocolVersion></requestedProtocolVersions>"
ED4 = "http://www.ecma-international.org/standards/ecma-323/csta/ed4"
ED5 = ED4.replace("ed4", "ed5")


class Site:
    """A switch that listens, and whose world goes on when a test says so."""

    def __init__(self, plan: Plan, heartbeat_seconds: float = 60) -> None:
        self.world: World = day(plan, 1)
        self.switch = Switch(self.world, heartbeat_seconds)
        self.server = PbxServer(self.switch)
        self._now = 0.0

    def pass_seconds(self, seconds: float) -> None:
        self.facts_in(seconds)
        self.switch.flush()

    def facts_in(self, seconds: float) -> list[SwitchReport]:
        """Let this many seconds pass and return what happened in them."""
        self._now += seconds
        facts = list(self.world.run(self._now))
        for fact in facts:
            self.switch.publish(fact)
        return facts

    def until_connected(self, extension: str) -> str:
        """Let the world go on until somebody talks at the extension; return the call."""
        while not (call := self._talking(extension)):
            self.pass_seconds(0.2)
        return call

    def _talking(self, extension: str) -> str:
        calls = self.world.switchboard.at_device.get(extension, {})
        return next((one for one, call in calls.items() if call.parties[extension] == "connected"), "")


@contextlib.asynccontextmanager
async def site(plan: Plan | None = None, heartbeat_seconds: float = 60) -> AsyncIterator[tuple[Site, Client]]:
    one = Site(plan or Plan(agents=3, mix={"queue": 1}), heartbeat_seconds)
    async with one.server.listening(), connected(one.server.port) as client:
        yield one, client


async def sync(client: Client) -> None:
    """Make sure that all that was sent has been read."""
    await client.ask("RequestSystemStatus")


def test_an_explicit_session_begins_lives_on_and_ends() -> None:
    async def scene() -> None:
        async with site() as (_, client):
            begun = await client.ask("StartApplicationSession", OFFER.format(f"{ED5}/priv1"), SESSION)
            session = f"<sessionID>{begun.text('sessionID')}</sessionID>"
            prolonged = await client.ask("ResetApplicationSessionTimer", session, SESSION)
            device = "<monitorObject><deviceObject>2001</deviceObject></monitorObject>"
            monitor = await client.ask("MonitorStart", device, ED5)
            ended = await client.ask("StopApplicationSession", session, SESSION)

            assert begun.text("actualProtocolVersion") == ED5
            assert prolonged.text("actualSessionDuration") == "180"
            assert monitor.root.tag == f"{{{ED5}}}MonitorStartResponse"
            assert ended.name == "StopApplicationSessionPosResponse"
            with pytest.raises(asyncio.IncompleteReadError):
                await client.hear_until(lambda _: False)

    asyncio.run(scene())


def test_a_session_that_nobody_prolongs_is_ended() -> None:
    async def scene() -> None:
        async with site() as (_, client):
            asked = f"{OFFER.format(ED4)}<requestedSessionDuration>1</requestedSessionDuration>"
            await client.ask("StartApplicationSession", asked, SESSION)
            with pytest.raises(asyncio.IncompleteReadError):
                await client.hear_until(lambda _: False)

            assert [said.name for said in client.asked] == ["ApplicationSessionTerminated"]

    asyncio.run(scene())


def test_a_client_of_an_unknown_edition_is_refused() -> None:
    async def scene() -> Said:
        async with site() as (_, client):
            return await client.ask("StartApplicationSession", OFFER.format("urn:other"), SESSION)

    assert asyncio.run(scene()).name == "StartApplicationSessionNegResponse"


def test_a_new_monitor_hears_who_is_logged_on_there_and_what_happens_there_and_nowhere_else() -> None:
    async def scene() -> None:
        async with site() as (one, client):
            reference = await client.monitor("2002")
            one.pass_seconds(60)
            await sync(client)

            names = [said.name for said in client.events]
            assert names[:2] == ["AgentLoggedOnEvent", "AgentReadyEvent"]
            assert (
                client.events[0].text("extensions", "privateData", "private", "simulated", "agentName") == "Bob Baker"
            )
            assert "EstablishedEvent" in names
            assert {said.text("monitorCrossRefID") for said in client.events} == {reference}
            assert {said.text("alertingDevice") for said in client.events} == {"", "2002"}

    asyncio.run(scene())


def test_each_client_has_its_own_monitors_and_hears_no_more_when_it_stops_one() -> None:
    async def scene() -> None:
        async with site() as (one, client), connected(one.server.port) as other:
            first, second = await client.monitor("2001"), await client.monitor("2001")
            elsewhere = await other.monitor("5000")
            stopped = await client.ask("MonitorStop", f"<monitorCrossRefID>{first}</monitorCrossRefID>")
            begun = len(client.events)
            one.pass_seconds(30)
            await sync(client)
            await sync(other)

            assert stopped.name == "MonitorStopResponse"
            assert {said.text("monitorCrossRefID") for said in client.events[begun:]} == {second}
            assert {said.text("monitorCrossRefID") for said in other.events} == {elsewhere}
            assert {said.text("alertingDevice") for said in other.events} == {"", "5000"}

    asyncio.run(scene())


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("MonitorStart", "<monitorObject><deviceObject>7777</deviceObject></monitorObject>", "invalidDeviceID"),
        ("SnapshotDevice", "<snapshotObject>7777</snapshotObject>", "invalidDeviceID"),
        ("SnapshotCall", "<snapshotObject><callID>0</callID></snapshotObject>", "invalidCallID"),
        ("MonitorStop", "<monitorCrossRefID>99</monitorCrossRefID>", "invalidCrossRefID"),
        ("MakeTea", "", "the switch has no such service"),
    ],
)
def test_what_cannot_be_is_refused_with_a_reason_and_the_link_goes_on(name: str, content: str, reason: str) -> None:
    async def scene() -> None:
        async with site() as (_, client):
            refused = await client.ask(name, content)

            assert refused.name == "CSTAErrorCode"
            assert all_text(refused.root) == reason
            assert await client.monitor("2001")

    asyncio.run(scene())


def test_snapshots_say_what_truly_stands() -> None:
    async def scene() -> None:
        async with site() as (one, client):
            call_id = one.until_connected("2001")
            at_device = await client.ask("SnapshotDevice", "<snapshotObject>2001</snapshotObject>")
            of_call = await client.ask("SnapshotCall", f"<snapshotObject><callID>{call_id}</callID></snapshotObject>")
            agent = await client.ask("GetAgentState", "<device>2001</device>")
            everybody = await client.ask("GetAgentState")

            info = ("crossRefIDorSnapshotData", "snapshotData", "snapshotDeviceResponseInfo")
            assert at_device.text(*info, "connectionIdentifier", "callID") == call_id
            assert at_device.text(*info, "localCallState", "compoundCallState") == "connectedconnected"
            assert of_call.text("callingDevice") == one.world.switchboard.calls[call_id].calling
            assert of_call.text("calledDevice") in {queue.device for queue in QUEUES}
            assert agent.text("agentStateList") == "9101true5000agentBusy"
            assert len(everybody.root[0]) == 3 + 5

    asyncio.run(scene())


def test_a_connection_that_is_over_is_not_in_the_snapshot() -> None:
    async def scene() -> str:
        async with site() as (one, client):
            one.until_connected("2001")
            one.world.close()
            one.pass_seconds(1000)
            said = await client.ask("SnapshotDevice", "<snapshotObject>2001</snapshotObject>")
            return all_text(said.root)

    assert asyncio.run(scene()) == ""


def test_a_client_that_answers_the_heartbeat_stays_and_a_silent_one_is_cut_off() -> None:
    async def scene() -> tuple[int, int]:
        async with site(heartbeat_seconds=0.1) as (one, client), connected(one.server.port) as silent:
            while len(client.asked) < 6:
                said = await client.hear_until(lambda said: said.name == "SystemStatus")
                client.send(said.invoke, f'<SystemStatusResponse xmlns="{ED4}"/>'.encode())
            with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
                await silent.hear_until(lambda _: False)
            await sync(client)
            return len(client.asked), len(silent.asked)

    answered, ignored = asyncio.run(scene())
    assert answered >= 6
    assert ignored == 3


def test_a_broken_message_is_refused_and_a_broken_frame_ends_the_link() -> None:
    async def scene() -> None:
        async with site() as (_, client):
            client.send(b"0007", b"<MonitorStart>")
            assert (await client.hear()).name == "CSTAErrorCode"
            client.send_raw(b"GET / HTTP/1.1\r\n\r\n")
            with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
                await client.hear_until(lambda _: False)

    asyncio.run(scene())


def test_what_happens_while_nobody_listens_is_not_reported_later_and_the_legs_are_marked() -> None:
    async def scene() -> None:
        async with site() as (one, client):
            one.pass_seconds(60)
            unheard = one.switch.unheard
            await client.monitor("2001")
            await sync(client)
            closed = [leg for fact in one.facts_in(100) for leg in fact.closed]

            assert unheard
            assert client.events[0].name == "AgentLoggedOnEvent"
            assert len(client.events) == 2
            assert any(leg.heard for leg in closed)
            assert all(leg.agent.extension == "2001" for leg in closed if leg.heard)

    asyncio.run(scene())
