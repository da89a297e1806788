"""The core against a simple model: a small PBX sends its events late (under a second), twice, and in any order."""

import heapq
from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from calls.core.reducer import fold
from calls.core.state import LegPhase
from cti.events import AnyEvent
from tests.calls.switchboard import Everybody, Switchboard, event, moment

EXTENSIONS = ["2001", "2002", "2003", "2004"]


@dataclass
class TrueLeg:
    """What truly happened at one extension."""

    device_id: str
    connected: float
    agent: str
    queue: str
    ended: float | None = None


@dataclass
class TrueCall:
    """A call as the model knows it: who rings, who talks (as which leg)."""

    call_id: str
    queue: str
    ringing: set[str] = field(default_factory=set)
    talking: dict[str, TrueLeg] = field(default_factory=dict)
    was_there: set[str] = field(default_factory=set)
    #: Nobody hands a call on twice within a second.
    moved: float = -10.0


class Pbx(RuleBasedStateMachine):
    """Rules are what people do; each sends events, which arrive up to a second later, some of them twice."""

    def __init__(self) -> None:
        super().__init__()
        self.clock, self.serial = 0.0, 0
        self.calls: list[TrueCall] = []
        self.legs: list[TrueLeg] = []
        self.sessions: dict[str, str] = {}
        self.on_the_way: list[tuple[float, int, AnyEvent]] = []
        self.arrived: list[AnyEvent] = []
        self.board = Switchboard(Everybody())

    def tell(self, delay: float, kind: str, *, again: bool = False, **data: Any) -> None:
        """Send an event on its way, perhaps twice."""
        one = event(kind, self.clock, name=f"e{self.serial}", **data)
        for late in (delay, 0.99 - delay)[: 2 if again else 1]:
            self.serial += 1
            heapq.heappush(self.on_the_way, (self.clock + late, self.serial, one))

    def passes(self, seconds: float) -> None:
        """Let time pass: what is due arrives."""
        self.clock = round(self.clock + seconds, 3)
        while self.on_the_way and self.on_the_way[0][0] <= self.clock:
            self.arrive()

    def arrive(self) -> None:
        """Hand the next event to the core."""
        _, _, one = heapq.heappop(self.on_the_way)
        self.arrived.append(one)
        self.board.hears(one)

    def free(self) -> list[str]:
        """Extensions that neither ring nor talk."""
        busy = {device for call in self.calls for device in (*call.ringing, *call.talking)}
        return [device for device in EXTENSIONS if device not in busy]

    def movable(self) -> list[tuple[TrueCall, str]]:
        """Calls with one extension that were not handed on a moment ago."""
        calm = [call for call in self.calls if len(call.talking) == 1 and self.clock - call.moved > 1]
        return [(call, device) for call in calm for device in call.talking]

    def answer(self, call: TrueCall, device: str) -> None:
        """Open the true leg."""
        leg = TrueLeg(device, self.clock, self.sessions.get(device, ""), call.queue)
        call.ringing.discard(device)
        call.talking[device] = leg
        call.was_there.add(device)
        self.legs.append(leg)

    def leave(self, call: TrueCall, device: str) -> None:
        """Close the true leg."""
        leg = call.talking.pop(device)
        leg.ended, leg.queue = self.clock, call.queue

    delays = st.sampled_from([0, 0.1, 0.4, 0.7, 0.9])
    steps = st.sampled_from([0.1, 0.2, 0.5, 0.9, 1.5, 3])

    @rule(step=steps, delay=delays, again=st.booleans(), queue=st.sampled_from(["Sales", "Support"]))
    def queue_call(self, step: float, delay: float, again: bool, queue: str) -> None:
        """A customer comes into a queue."""
        self.passes(step)
        call = TrueCall(f"C{self.serial}", queue)
        self.calls.append(call)
        self.tell(
            delay,
            "Queued",
            again=again,
            callId=call.call_id,
            deviceId="5000",
            queueName=queue,
            interactionId=f"I-{call.call_id}",
        )

    @precondition(lambda self: self.calls and self.free())
    @rule(step=steps, delay=delays, again=st.booleans(), pick=st.data())
    def ring(self, step: float, delay: float, again: bool, pick: st.DataObject) -> None:
        """A call rings at a free extension that has not been in it."""
        self.passes(step)
        call = pick.draw(st.sampled_from(self.calls))
        free = [device for device in self.free() if device not in call.was_there]
        if free and not call.talking:
            device = pick.draw(st.sampled_from(free))
            call.ringing.add(device)
            self.tell(delay, "Delivered", again=again, callId=call.call_id, deviceId=device)

    @rule(step=steps, delay=delays, again=st.booleans(), pick=st.data())
    def pick_up(self, step: float, delay: float, again: bool, pick: st.DataObject) -> None:
        """Somebody answers."""
        self.passes(step)
        ringing = [(call, device) for call in self.calls for device in sorted(call.ringing)]
        if ringing:
            call, device = pick.draw(st.sampled_from(ringing))
            self.answer(call, device)
            self.tell(delay, "Established", again=again, callId=call.call_id, deviceId=device)

    @rule(step=steps, delay=delays, again=st.booleans(), pick=st.data(), kind=st.sampled_from(["Held", "Retrieved"]))
    def hold(self, step: float, delay: float, again: bool, pick: st.DataObject, kind: str) -> None:
        """Somebody puts the call on hold, or takes it back."""
        self.passes(step)
        talking = [(call, device) for call in self.calls for device in sorted(call.talking)]
        if talking:
            call, device = pick.draw(st.sampled_from(talking))
            self.tell(delay, kind, again=again, callId=call.call_id, deviceId=device)

    @rule(step=steps, delay=delays, again=st.booleans(), pick=st.data())
    def hang_up(self, step: float, delay: float, again: bool, pick: st.DataObject) -> None:
        """Somebody leaves; with the last one the call is over."""
        self.passes(step)
        talking = [(call, device) for call in self.calls for device in sorted(call.talking)]
        if talking:
            call, device = pick.draw(st.sampled_from(talking))
            self.leave(call, device)
            self.tell(delay, "ConnectionCleared", again=again, callId=call.call_id, deviceId=device)
            if not call.talking:  # Where it rang beside the one that answered, that need not be reported to be over.
                self.calls.remove(call)

    @rule(step=steps, delay=delays, again=st.booleans(), pick=st.data())
    def blind_transfer(self, step: float, delay: float, again: bool, pick: st.DataObject) -> None:
        """Somebody hands the customer over and leaves; the call goes on under another id."""
        self.passes(step)
        talking = self.movable()
        if talking:
            call, device = pick.draw(st.sampled_from(talking))
            self.leave(call, device)
            old, call.call_id, call.moved = call.call_id, f"C{self.serial}", self.clock
            self.tell(
                delay,
                "Transferred",
                again=again,
                primaryOldCallId=old,
                transferringDeviceId=device,
                resultingCallId=call.call_id,
            )

    @precondition(lambda self: self.free())
    @rule(step=steps, delay=delays, again=st.booleans(), pick=st.data())
    def consult_and_transfer(self, step: float, delay: float, again: bool, pick: st.DataObject) -> None:
        """Somebody asks a colleague and hands the customer over; the colleague's leg goes on in the resulting call."""
        self.passes(step)
        talking = self.movable()
        colleagues = [device for device in self.free() if all(device not in call.was_there for call, _ in talking)]
        if not talking or not colleagues:
            return
        call, device = pick.draw(st.sampled_from(talking))
        colleague = pick.draw(st.sampled_from(colleagues))
        consult = TrueCall(f"C{self.serial}", "")
        self.tell(delay, "Held", callId=call.call_id, deviceId=device)
        self.tell(delay, "Originated", again=again, callId=consult.call_id, deviceId=device, cause="consultation")
        self.tell(delay, "Delivered", callId=consult.call_id, deviceId=colleague)
        self.passes(2)
        self.answer(consult, colleague)
        self.answer(consult, device)
        self.tell(delay, "Established", again=again, callId=consult.call_id, deviceId=colleague)
        self.passes(step)
        self.leave(call, device)
        self.leave(consult, device)
        old, call.call_id, call.moved = call.call_id, f"C{self.serial}", self.clock
        connection = {
            "old": {"callId": consult.call_id, "deviceId": colleague},
            "new": {"callId": call.call_id, "deviceId": colleague},
        }
        self.tell(
            delay,
            "Transferred",
            again=again,
            primaryOldCallId=old,
            secondaryOldCallId=consult.call_id,
            transferringDeviceId=device,
            resultingCallId=call.call_id,
            connections=[connection],
        )
        call.talking[colleague] = consult.talking.pop(colleague)
        call.was_there.add(colleague)

    @rule(step=steps, device=st.sampled_from(EXTENSIONS), agent=st.sampled_from(["9101", "9102", "9103"]))
    def log_on(self, step: float, device: str, agent: str) -> None:
        """An agent sits down; agent events keep their order (one monitor reports them)."""
        self.passes(step + 1)
        self.sessions = {place: one for place, one in self.sessions.items() if one != agent}
        if device in self.sessions:
            self.tell(0, "LoggedOff", family="agent", agentId=self.sessions[device], deviceId=device)
        self.sessions[device] = agent
        self.tell(0, "LoggedOn", family="agent", agentId=agent, deviceId=device)
        self.passes(1.1)

    @invariant()
    def no_leg_is_invented(self) -> None:
        """At no moment are there more legs of an extension than truly were."""
        for device in EXTENSIONS:
            known = sum(leg.device_id == device for leg in self.board.legs)
            assert known <= sum(leg.device_id == device for leg in self.legs)

    def teardown(self) -> None:
        """When all has arrived, the core knows exactly what truly happened."""
        while self.on_the_way:
            self.arrive()
        self.board.waits(self.clock + 3)
        reported = {
            (leg.device_id, leg.connected_source_at, leg.disconnected_source_at, leg.agent_id, leg.facts.queue_name)
            for leg in self.board.legs
            if not leg.is_joined_late
        }
        true = {
            (
                leg.device_id,
                moment(leg.connected),
                moment(leg.ended) if leg.ended is not None else None,
                leg.agent,
                self._queue(leg),
            )
            for leg in self.legs
        }
        assert true == reported
        assert len(self.legs) == len(self.board.legs)
        assert all(leg.phase is not LegPhase.OPEN for leg in self.board.legs if leg.disconnected_source_at)
        self._folds_alike_in_batches()

    def _queue(self, leg: TrueLeg) -> str:
        current = next((call.queue for call in self.calls if leg in call.talking.values()), leg.queue)
        return current if leg.ended is None else leg.queue

    def _folds_alike_in_batches(self) -> None:
        fresh = Switchboard(Everybody()).state
        for place in range(0, len(self.arrived), 7):
            fresh = fold(self.arrived[place : place + 7], fresh, self.board.context).state()
        spans = [
            (leg.number, leg.device_id, leg.connected_source_at, leg.disconnected_source_at)
            for leg in fresh.legs.values()
        ]
        assert spans == [
            (leg.number, leg.device_id, leg.connected_source_at, leg.disconnected_source_at) for leg in self.board.legs
        ]


TestPbx = Pbx.TestCase
TestPbx.settings = settings(
    max_examples=200, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
