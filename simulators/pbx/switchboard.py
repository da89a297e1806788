"""The switchboard: calls, connections and legs as they truly are, and what the switch reports of each change.

Every operation changes the state first and then reports it at the monitor of every device concerned, each with its own
``localConnectionInfo``, in the order that ECMA-269 gives.
"""

from itertools import count

from simulators.pbx.call import SimulatedCall, SimulatedDirection
from simulators.pbx.call_references import CallReferences
from simulators.pbx.messages import connection, device, hex_text, moved, private, redirection
from simulators.pbx.people import AcdGroup, Contact, SimulatedAgent
from simulators.pbx.reports import SwitchMessage, SwitchReport, TapReport, TrueLeg, UnansweredCall

FIRST_TRUNK, TRUNKS, CHANNELS = 17, 8, 120


class Numbers:
    """Call references, ids of calls and interactions, trunk channels: all in order, none by chance."""

    def __init__(self, domain: str, calls: CallReferences) -> None:
        self._domain, self.calls, self._ids, self._channels = domain, calls, count(1), count(0)

    def unique(self) -> str:
        """Return an id that no other call or interaction has."""
        return f"{self._domain:.8}{next(self._ids):024X}"

    def trunk(self) -> str:
        """Return the connection device of a trunk's channel."""
        channel = next(self._channels)
        return f"T{FIRST_TRUNK + channel % TRUNKS}:{1 + channel // TRUNKS % CHANNELS}"


class Switchboard:
    """What stands on the switch now. ``fact`` collects what is reported until it is taken."""

    def __init__(self, numbers: Numbers, agents: dict[str, SimulatedAgent], *, splits_transfers: bool = False) -> None:
        self._numbers, self._agents, self._splits_transfers = numbers, agents, splits_transfers
        self._leg_numbers = count(1)
        #: Number of interactions that have begun.
        self.begun = 0
        self.calls: dict[str, SimulatedCall] = {}
        self.at_device: dict[str, dict[str, SimulatedCall]] = {}
        self.legs: dict[tuple[str, str], TrueLeg] = {}
        self.now = 0.0
        self.fact = SwitchReport(0.0)

    # How calls begin.

    def incoming(self, contact: Contact, called: str, queue: AcdGroup | None = None) -> SimulatedCall:
        """Let a customer's call arrive from outside; nothing is reported yet."""
        trunk = self._numbers.trunk()
        call = self._new("inbound", contact.number, called, trunk=trunk, queue=queue, contact=contact)
        self._put(call, trunk, "connected")
        return call

    def outgoing(self, extension: str, contact: Contact) -> SimulatedCall:
        """Let an extension go off-hook to call a customer."""
        call = self._new("outbound", extension, contact.number, trunk=self._numbers.trunk(), contact=contact)
        self._initiate(call, extension, "newCall")
        return call

    def internal(self, extension: str, called: str, interaction: str = "") -> SimulatedCall:
        """Let an extension go off-hook to call another; with an interaction it is a consultation in it."""
        call = self._new("internal", extension, called, interaction=interaction)
        self._initiate(call, extension, "consultation" if interaction else "newCall")
        return call

    # What happens in a call.

    def originate(self, call: SimulatedCall, extension: str, cause: str) -> None:
        """Report that an extension has dialled."""
        self._put(call, extension, "connected")
        head = f"<originatedConnection>{call.at(extension)}</originatedConnection>{call.ends}"
        self._report(call, "OriginatedEvent", head, f"<cause>{cause}</cause>{call.shared}")

    def reach_network(self, call: SimulatedCall) -> None:
        """Report that a call left on its trunk."""
        self._put(call, call.trunk, "connected")
        head = (
            f"<outboundConnection>{call.at(call.trunk)}</outboundConnection>"
            f"{device('networkInterfaceUsed', call.trunk_group)}{call.ends}{redirection('')}"
        )
        tail = f"<cause>normal</cause>{call.traits}<callLinkageData>{call.linkage}</callLinkageData>"
        self._report(call, "NetworkReachedEvent", head, tail)

    def alert(self, call: SimulatedCall, where: str, cause: str) -> None:
        """Let a device ring: an extension, a queue's group, or the trunk for the party outside."""
        self._put(call, where, "alerting")
        number = call.number_of(where)
        head = f"<connection>{call.at(where)}</connection>{device('alertingDevice', number)}{call.ends}"
        self._report(call, "DeliveredEvent", head + redirection(call.last), self._named(call, cause))

    def queue(self, call: SimulatedCall, group: str, in_front: int) -> None:
        """Let a call wait at its queue's group."""
        self._put(call, group, "queued")
        head = (
            f"<queuedConnection>{call.at(group)}</queuedConnection>{device('queue', group)}{call.ends}"
            f"{redirection(call.last)}<numberQueued>{in_front + 1}</numberQueued>"
            f"<callsInFront>{in_front}</callsInFront>"
        )
        self._report(call, "QueuedEvent", head, f"<cause>noAvailableAgents</cause>{call.shared}")

    def divert(self, call: SimulatedCall, old: str, new: str, cause: str) -> None:
        """Let a call leave a device unanswered for another; only the device that it leaves gets an event."""
        self._drop(call, old)
        body = (
            f"<connection>{call.at(old)}</connection>{device('divertingDevice', old)}{device('newDestination', new)}"
            f"{call.ends}{redirection(call.last)}<localConnectionInfo>null</localConnectionInfo><cause>{cause}</cause>"
            f"{call.traits}{call.network}<callLinkageData>{call.linkage}</callLinkageData>"
        )
        self.fact.messages.append(SwitchMessage(old, "DivertedEvent", body))
        call.last = old

    def answer(self, call: SimulatedCall, where: str, cause: str = "normal") -> None:
        """Let a device answer: a conversation begins at every extension that is connected now."""
        self._put(call, where, "connected")
        call.is_answered = True
        number = call.number_of(where)
        head = f"<establishedConnection>{call.at(where)}</establishedConnection>{device('answeringDevice', number)}"
        self._report(call, "EstablishedEvent", head + call.ends + redirection(call.last), self._named(call, cause))
        self.converse(call)

    def converse(self, call: SimulatedCall) -> None:
        """Begin a leg at every extension that is connected and has none in this call."""
        for extension in call.inside:
            if call.parties[extension] == "connected" and (call.id, extension) not in self.legs:
                self._open(call, extension)

    def fail(self, call: SimulatedCall, cause: str) -> None:
        """Let a call not come about; the extension that called hears a tone."""
        self._put(call, call.trunk, "fail")
        number = call.number_of(call.trunk)
        head = f"<failedConnection>{call.at(call.trunk)}</failedConnection>{device('failingDevice', number)}{call.ends}"
        self._report(call, "FailedEvent", head + redirection(""), f"<cause>{cause}</cause>{call.shared}")

    def hold(self, call: SimulatedCall, extension: str, cause: str = "normal") -> None:
        """Let an extension put the call on hold."""
        self._put(call, extension, "hold")
        head = f"<heldConnection>{call.at(extension)}</heldConnection>{device('holdingDevice', extension)}"
        self._report(call, "HeldEvent", head, f"<cause>{cause}</cause>{self._brief(call)}")

    def retrieve(self, call: SimulatedCall, extension: str) -> None:
        """Let an extension take the call back."""
        self._put(call, extension, "connected")
        head = f"<retrievedConnection>{call.at(extension)}</retrievedConnection>{device('retrievingDevice', extension)}"
        self._report(call, "RetrievedEvent", head, f"<cause>normal</cause>{self._brief(call)}")

    def clear(self, call: SimulatedCall, who: str, ended: str, cause: str = "normalClearing") -> None:
        """Let a party leave; the others see it, and the party itself. A call without extensions is over."""
        call.parties[who] = "null"
        head = f"<droppedConnection>{call.at(who)}</droppedConnection>{device('releasingDevice', call.number_of(who))}"
        self._report(call, "ConnectionClearedEvent", head, f"<cause>{cause}</cause>{self._brief(call)}")
        self._drop(call, who)
        self._close(call, who, ended)
        if not call.inside:
            self._end(call, ended)

    # Calls that become another.

    def transfer_blind(self, call: SimulatedCall, leaving: str, target: str) -> SimulatedCall:
        """Hand a call on unannounced: a new call goes to the target, which does not ring yet."""
        new = self._resulting(call)
        new.last = leaving
        items = self._items(new, {call.trunk: call}) + moved(new.at(target), "", target, "")
        head = self._merging(call, leaving, "transferring", "transferredTo", target, "transferred", items)
        tail = self._merged("singleStepTransfer", call, new)
        state = "<localConnectionInfo>null</localConnectionInfo>"
        self.fact.messages.append(SwitchMessage(leaving, "TransferredEvent", head + state + tail))
        self._close(call, leaving, "transferred")
        self._replace([call], new, {call.trunk: call})
        return new

    def transfer(self, held: SimulatedCall, consulted: SimulatedCall, leaving: str, target: str) -> SimulatedCall:
        """Hand a call on to the consulted party, which has answered or still rings."""
        new = self._resulting(held)
        staying = {held.trunk: held, target: consulted}
        items = self._items(new, staying)
        tail = self._merged("transfer", held, new)
        for where, state, old, second in (
            (leaving, "null", held, consulted),
            (target, consulted.parties[target], consulted, None),
        ):
            head = self._merging(old, leaving, "transferring", "transferredTo", target, "transferred", items, second)
            body = f"{head}<localConnectionInfo>{state}</localConnectionInfo>{tail}"
            self.fact.messages.append(SwitchMessage(where, "TransferedEvent", body))
        self._close(consulted, leaving, "transferred")
        self._close(held, leaving, "transferred")
        self._replace([held, consulted], new, staying)
        if self._splits_transfers and (new.id, target) in self.legs:
            asked = self.legs[new.id, target]
            self._close(new, target, "consult_over", tap=False)
            self.fact.settled.append(asked)
            self._open(new, target)
        return new

    def conference(self, held: SimulatedCall, consulted: SimulatedCall, host: str, added: str) -> SimulatedCall:
        """Make one call of both, with the customer, the host and the consulted party."""
        new = self._resulting(held)
        staying = {host: held, held.trunk: held, added: consulted}
        items = self._items(new, staying)
        tail = self._merged("conference", held, new)
        for where, old, second in ((host, held, consulted), (added, consulted, None)):
            head = self._merging(old, host, "conferencing", "", added, "conference", items, second)
            body = f"{head}<localConnectionInfo>connected</localConnectionInfo>{tail}"
            self.fact.messages.append(SwitchMessage(where, "ConferencedEvent", body))
        self._close(consulted, host, "consult_over", tap=False)
        self._replace([held, consulted], new, staying)
        for party in staying:
            new.parties[party] = "connected"
        return new

    # What is said about a call and its agents.

    def inform(self, leg: TrueLeg, correlator: str, user: str) -> None:
        """Report data about the call of a leg."""
        self._inform(leg, hex_text("correlatorData", correlator) + hex_text("userData", user) + _linked(leg))

    def wrap_up(self, leg: TrueLeg, template: str, result: str) -> None:
        """Report the wrap-up of a leg's agent."""
        self._inform(leg, _linked(leg) + private(wrapupTemplate=template, wrapupResult=result))

    def report_agent(self, agent: SimulatedAgent, name: str, body: str) -> None:
        """Report what an agent does."""
        self.fact.messages.append(SwitchMessage(agent.extension, name, body))

    def take(self) -> SwitchReport:
        """Return what was reported since the last call."""
        report, self.fact = self.fact, SwitchReport(self.now)
        return report

    def _inform(self, leg: TrueLeg, content: str) -> None:
        extension, reference = leg.agent.extension, leg.call_refs[-1]
        body = f"<connection>{connection(reference, extension)}</connection>{device('device', extension)}{content}"
        self.fact.messages.append(SwitchMessage(extension, "CallInformationEvent", body))

    def _new(
        self,
        direction: SimulatedDirection,
        calling: str,
        called: str,
        *,
        interaction: str = "",
        trunk: str = "",
        queue: AcdGroup | None = None,
        contact: Contact | None = None,
    ) -> SimulatedCall:
        unique = self._numbers.unique()
        self.begun += not interaction
        call = SimulatedCall(
            self._numbers.calls.take(self.now),
            unique,
            interaction or unique,
            direction=direction,
            calling=calling,
            called=called,
            began_at=self.now,
            trunk=trunk,
            queue=queue,
            contact=contact,
        )
        self.calls[call.id] = call
        return call

    def _resulting(self, old: SimulatedCall) -> SimulatedCall:
        """Make the call that takes an old one's place, with all that is known of it."""
        new = self._new(
            old.direction,
            old.calling,
            old.called,
            interaction=old.interaction,
            trunk=old.trunk,
            queue=old.queue,
            contact=old.contact,
        )
        new.is_answered, new.last, new.began_at = old.is_answered, old.last, old.began_at
        return new

    def _initiate(self, call: SimulatedCall, extension: str, cause: str) -> None:
        self._put(call, extension, "initiated")
        head = f"<initiatedConnection>{call.at(extension)}</initiatedConnection>{device('initiatingDevice', extension)}"
        self._report(call, "ServiceInitiatedEvent", head, f"<cause>{cause}</cause>{self._brief(call)}")

    def _named(self, call: SimulatedCall, cause: str) -> str:
        return f"<cause>{cause}</cause>{call.shared}{call.shown_caller}"

    def _brief(self, call: SimulatedCall) -> str:
        return f"{call.traits}<callLinkageData>{call.linkage}</callLinkageData>"

    def _report(self, call: SimulatedCall, name: str, head: str, tail: str) -> None:
        messages_out = self.fact.messages
        for where, state in call.parties.items():
            if where != call.trunk:
                body = f"{head}<localConnectionInfo>{state}</localConnectionInfo>{tail}"
                messages_out.append(SwitchMessage(where, name, body))

    def _items(self, new: SimulatedCall, staying: dict[str, SimulatedCall]) -> str:
        return "".join(
            moved(new.at(party), old.at(party), new.number_of(party), new.trunk_group if party == new.trunk else "")
            for party, old in staying.items()
        )

    def _merging(
        self,
        old: SimulatedCall,
        actor: str,
        role: str,
        to: str,
        target: str,
        listed: str,
        items: str,
        second: SimulatedCall | None = None,
    ) -> str:
        secondary = f"<secondaryOldCall>{second.at(actor)}</secondaryOldCall>" if second else ""
        return (
            f"<primaryOldCall>{old.at(actor)}</primaryOldCall>{secondary}{device(role + 'Device', actor)}"
            f"{device(to + 'Device' if to else 'addedParty', target)}<{listed}Connections>{items}</{listed}Connections>"
        )

    def _merged(self, cause: str, old: SimulatedCall, new: SimulatedCall) -> str:
        return (
            f"<cause>{cause}</cause>{new.traits}<callLinkageDataList><newCallLinkageData>{new.linkage}"
            f"</newCallLinkageData><oldCallLinkageData>{old.linkage}</oldCallLinkageData></callLinkageDataList>"
        )

    def _put(self, call: SimulatedCall, where: str, state: str) -> None:
        call.parties[where] = state
        if where != call.trunk:
            self.at_device.setdefault(where, {})[call.id] = call

    def _drop(self, call: SimulatedCall, where: str) -> None:
        del call.parties[where]
        if where != call.trunk:
            del self.at_device[where][call.id]

    def _replace(self, olds: list[SimulatedCall], new: SimulatedCall, staying: dict[str, SimulatedCall]) -> None:
        """Move the parties that stay, and their legs, to the new call, and drop the old calls."""
        for party, old in staying.items():
            self._put(new, party, old.parties[party])
            leg = self.legs.pop((old.id, party), None)
            if leg is not None:
                leg.call_refs.append(new.id)
                self.legs[new.id, party] = leg
        for old in olds:
            self._forget(old)

    def _forget(self, call: SimulatedCall) -> None:
        for party in list(call.parties):
            self._drop(call, party)
        del self.calls[call.id]
        self._numbers.calls.free(call.id, self.now)

    def _end(self, call: SimulatedCall, ended: str) -> None:
        if not call.is_answered:
            name = call.queue.name if call.queue else None
            self.fact.unanswered.append(
                UnansweredCall(call.id, call.interaction, name, call.calling, call.began_at, self.now, ended)
            )
        self._forget(call)

    def _open(self, call: SimulatedCall, extension: str) -> None:
        leg = TrueLeg(next(self._leg_numbers), self._agents[extension], call.id, call.interaction, self.now)
        leg.linkage = call.linkage
        self.legs[call.id, extension] = leg
        self.fact.taps.append(TapReport(extension, True))

    def _close(self, call: SimulatedCall, who: str, ended: str, *, tap: bool = True) -> None:
        """End a leg with what is known of its call now."""
        leg = self.legs.pop((call.id, who), None)
        if leg is None:
            return
        leg.disconnected_at, leg.ended = self.now, ended
        describe(leg, call)
        self.fact.closed.append(leg)
        if tap:
            self.fact.taps.append(TapReport(who, False))


def _linked(leg: TrueLeg) -> str:
    new, old = (f"<{age}CallLinkageData>{leg.linkage}</{age}CallLinkageData>" for age in ("new", "old"))
    return f"<callLinkageDataList>{new}{old}</callLinkageDataList>"


def describe(leg: TrueLeg, call: SimulatedCall) -> None:
    """Let a leg know what is known of its call now."""
    leg.direction, leg.calling, leg.called = call.direction, call.calling, call.called
    leg.queue_name = call.queue.name if call.queue else None
    leg.contact = call.contact if call.direction == "inbound" else None
