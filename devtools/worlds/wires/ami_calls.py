"""A world's calls as the channels, bridges and queues of an Asterisk: what it says on its Manager Interface."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from devtools.worlds.judge.scenario import Event

from .ami_lines import RING, RINGING, UP, Line, Saying, place, uniqueid_seconds
from .ami_members import Members

#: The trunk's number.
DIALLED = "441632960100"
#: The serial number of the first channel.
FIRST_SERIAL = 16


@dataclass(eq=False)
class AmiCall:
    """Hold one call: the channel that began it, who else is in it, and its bridge.

    `first` is the customer's channel, or that of the phone that dialled; `partner` the other end of its bridge.
    """

    first: Line
    phones: dict[str, Line] = field(default_factory=dict)
    queue: str = ""
    served: str = ""
    bridge: str = ""
    trunk: Line | None = None
    inside: list[Line] = field(default_factory=list)


class AmiCalls:
    """Say what a world says, as Asterisk does; `epoch` is second 0 by the PBX's clock."""

    def __init__(self, epoch: float) -> None:
        self._epoch, self._serial, self._born = epoch, count(FIRST_SERIAL), 0
        self._bridges, self._used = count(1), set[str]()
        self._calls: dict[str, AmiCall] = {}
        self._lines: dict[str, Line] = {}
        self.members = Members()
        self.out = Saying()

    @property
    def calls(self) -> Iterable[AmiCall]:
        """Return the calls in progress."""
        return self._calls.values()

    @property
    def lines(self) -> Iterable[Line]:
        """Return the channels in the order of their birth."""
        return self._lines.values()

    def restart(self) -> None:
        """Forget all channels, as a restart of Asterisk does: serial numbers of channels come back, members stay."""
        self._serial, self._born = count(FIRST_SERIAL), 0
        self._calls.clear()
        self._lines.clear()

    def begin(self, epoch: float) -> None:
        """Set second 0 by the PBX's clock."""
        self._epoch = epoch

    def say(self, event: Event) -> bytes:
        """Return the events that Asterisk sends for one of the world's."""
        self.out.at(self._epoch + event.at)
        getattr(self, f"_{event.type.lower()}", self._nothing)(event.data)
        return self.out.taken()

    def _nothing(self, data: dict[str, Any]) -> None:
        """Say nothing: Asterisk has no word for it."""

    # Who is logged on.

    def _loggedon(self, data: dict[str, Any]) -> None:
        for fields in self.members.join(data["deviceId"], data.get("agentName", "")):
            self.out.says("QueueMemberAdded", fields)

    def _loggedoff(self, data: dict[str, Any]) -> None:
        for fields in self.members.leave(data["deviceId"]):
            self.out.says("QueueMemberRemoved", fields)

    # Channels.

    def _line(self, peer: str, uid: str = "", like: Line | None = None, **known: Any) -> Line:
        uid = uid or self._uniqueid()
        self._born = int(uid.rpartition(".")[2])
        self._used.add(uid)
        line = Line(f"PJSIP/{peer}-{next(self._serial):08x}", uid, like.linked if like else uid, **known)
        self._lines[uid] = line
        self.out.says("Newchannel", line.block())
        return line

    def _uniqueid(self) -> str:
        """Return an id that no channel had; of worlds side by side, each counts its calls alone."""
        numbers = (f"{uniqueid_seconds(self.out.now - self._epoch)}.{number}" for number in count(self._born + 1))
        return next(one for one in numbers if one not in self._used)

    def _state(self, line: Line, state: int) -> None:
        line.state = state
        self.out.says("Newstate", line.block())

    def _gone(self, *lines: Line) -> None:
        for line in lines:
            self._lines.pop(line.uid, None)
            self.out.says("Hangup", line.block(), Cause=16, **{"Cause-txt": "Normal Clearing"})

    def _enter(self, call: AmiCall, *lines: Line) -> None:
        for line in lines:
            call.inside.append(line)
            self.out.says("BridgeEnter", place(call.bridge), {"BridgeNumChannels": len(call.inside)}, line.block())

    def _leave(self, call: AmiCall, *lines: Line) -> None:
        for line in lines:
            if line in call.inside:
                call.inside.remove(line)
                there = {"BridgeNumChannels": len(call.inside)}
                self.out.says("BridgeLeave", place(call.bridge), there, line.block())

    # How calls begin.

    def _customer(self, data: dict[str, Any]) -> AmiCall:
        known = {"number": data.get("callingNumber", ""), "caller": data.get("callerName", "")}
        line = self._line("trunk", data["callId"], context="from-trunk", exten=DIALLED, state=RING,
                          **{k: v for k, v in known.items() if v})  # fmt: skip
        return self._calls.setdefault(data["callId"], AmiCall(line))

    def _queued(self, data: dict[str, Any]) -> None:
        call = self._calls.get(data["callId"]) or self._customer(data)
        if call.queue:
            self._leaves_queue(call)
        elif call.first.state != UP:
            self._state(call.first, UP)
        call.queue = data["queueName"]
        call.first.runs("Queue", f"{call.queue},t")
        self.out.says("QueueCallerJoin", call.first.block(), Queue=call.queue, Position=1, Count=1)

    def _leaves_queue(self, call: AmiCall) -> None:
        self.out.says("QueueCallerLeave", call.first.block(), Queue=call.queue, Position=1, Count=0)
        call.queue = ""

    def _originated(self, data: dict[str, Any]) -> None:
        phone = data["deviceId"]
        is_outbound = data.get("direction") == "outbound"
        exten = "00447700900100" if is_outbound else "s"
        line = self._line(phone, data["callId"], number=phone, exten=exten, state=RING)
        call = self._calls[data["callId"]] = AmiCall(line, {phone: line})
        if is_outbound:
            call.trunk = self._line("trunk", like=line, number=exten, context="from-trunk")
            self._dials(line, call.trunk, f"{exten}@trunk")

    def _dials(self, caller: Line, called: Line, string: str) -> None:
        if not called.application:
            caller.runs("Dial", string)
            called.runs("AppDial", "(Outgoing Line)")
        self.out.says("DialBegin", caller.block(), called.block("Dest"), DialString=string)

    def _delivered(self, data: dict[str, Any]) -> None:
        self._ring(self._calls.get(data["callId"]) or self._customer(data), data["deviceId"])

    def _ring(self, call: AmiCall, phone: str) -> Line:
        if phone in call.phones:
            return call.phones[phone]
        line = call.phones[phone] = self._line(phone, like=call.first, number=phone)
        if call.queue:
            line.runs("AppQueue", "(Outgoing Line)")
            self.out.says("AgentCalled", call.first.block(), line.block("Dest"), self._offer(call.queue, phone))
        self._dials(call.first, line, f"PJSIP/{phone}")
        self._state(line, RINGING)
        return line

    def _offer(self, queue: str, phone: str) -> dict[str, Any]:
        return {"Queue": queue, "Interface": f"PJSIP/{phone}", "MemberName": self.members.name(phone)}

    def _established(self, data: dict[str, Any]) -> None:
        call = self._calls.get(data["callId"]) or self._customer(data)
        phone = data["deviceId"]
        line = call.trunk if call.trunk and call.phones.get(phone) is call.first else self._ring(call, phone)
        assert line is not None
        self._state(line, UP)
        self.out.says("DialEnd", call.first.block(), line.block("Dest"), DialStatus="ANSWER")
        if call.queue:
            call.served = call.queue
            self._leaves_queue(call)
            self.out.says("AgentConnect", call.first.block(), line.block("Dest"), self._offer(call.served, phone),
                          HoldTime=1, RingTime=1)  # fmt: skip
        if call.first.state != UP:
            self._state(call.first, UP)
        if not call.bridge or not call.inside:
            call.bridge = f"bridge-{next(self._bridges)}"
            self.out.says("BridgeCreate", place(call.bridge), BridgeNumChannels=0)
        self._enter(call, line)
        if call.first not in call.inside:
            self._enter(call, call.first)

    # What happens in a call.

    def _held(self, data: dict[str, Any]) -> None:
        self.out.says("Hold", self._calls[data["callId"]].phones[data["deviceId"]].block(), MusicClass="default")

    def _retrieved(self, data: dict[str, Any]) -> None:
        self.out.says("Unhold", self._calls[data["callId"]].phones[data["deviceId"]].block())

    def _transferred(self, data: dict[str, Any]) -> None:
        call, phone = self._calls[data["primaryOldCallId"]], data["transferringDeviceId"]
        talk = self._calls.pop(data.get("secondaryOldCallId", ""), None)
        agent = call.phones.pop(phone)
        if talk is None:
            self._blind(call, agent, data["transferredToDeviceId"])
        else:
            self._attended(call, agent, talk, data["transferredToDeviceId"])

    def _blind(self, call: AmiCall, agent: Line, target: str) -> None:
        self.out.says("BlindTransfer", {"Result": "Success"}, agent.block("Transferer"), call.first.block("Transferee"),
                      place(call.bridge), IsExternal="Yes", Context="internal", Extension=target)  # fmt: skip
        self._complete(call, agent, "transfer")
        self._leave(call, agent, call.first)
        self._gone(agent)

    def _attended(self, call: AmiCall, agent: Line, talk: AmiCall, target: str) -> None:
        third, second = talk.phones[target], talk.first
        self.out.says("Unhold", agent.block())
        self._leave(talk, third)
        third.linked = call.first.linked
        call.inside.append(third)
        there = {"BridgeNumChannels": len(call.inside)}
        self.out.says("BridgeEnter", place(call.bridge), there, third.block(), SwapUniqueid=agent.uid)
        self._leave(call, agent)
        self.out.says("AttendedTransfer", {"Result": "Success"}, agent.block("OrigTransferer"),
                      second.block("SecondTransferer"), DestType="Bridge", DestBridgeUniqueid=call.bridge)  # fmt: skip
        self._complete(call, agent, "transfer")
        self._leave(talk, second)
        self._gone(agent, second)
        call.phones[target] = third

    def _complete(self, call: AmiCall, agent: Line, reason: str) -> None:
        if call.served:
            offer = self._offer(call.served, agent.number)
            self.out.says("AgentComplete", call.first.block(), agent.block("Dest"), offer, Reason=reason, HoldTime=1,
                          TalkTime=1)  # fmt: skip
            call.served = ""

    # How calls end.

    def _connectioncleared(self, data: dict[str, Any]) -> None:
        """Let a phone leave; who stays behind alone leaves with it."""
        call = self._calls.get(data["callId"])
        line = call.phones.pop(data["deviceId"], None) if call else None
        if call is None or line is None:
            return
        if line.state != UP and line is not call.first:
            self.out.says("DialEnd", call.first.block(), line.block("Dest"), DialStatus="CANCEL")
            self._gone(line)
        elif line is not call.first:
            self._complete(call, line, "agent")
            self._leave(call, line)
            self._gone(line)
        if not call.phones or line is call.first:
            self._over(data["callId"], call)

    def _over(self, name: str, call: AmiCall) -> None:
        if call.queue:  # An agent's phone only stopped ringing.
            return
        rest = [one for one in (call.trunk, call.first) if one is not None]
        self._leave(call, *call.phones.values(), *rest)
        self._gone(*[one for one in call.phones.values() if one is not call.first], *rest)
        del self._calls[name]

    def _callcleared(self, data: dict[str, Any]) -> None:
        call = self._calls.get(data["callId"])
        if call is None:
            return
        if call.queue:
            self.out.says("QueueCallerAbandon", call.first.block(), Queue=call.queue, Position=1, OriginalPosition=1,
                          HoldTime=2)  # fmt: skip
            self._leaves_queue(call)
        self._over(data["callId"], call)
