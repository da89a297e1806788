"""A naive gateway that sees the whole scenario at once, and the same with faults that the judge must catch.

It sorts all events by the source's clock, which a real gateway cannot; it shows that the judge asks for nothing that
cannot be known. `faults` switches single rules off.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from devtools.worlds.judge.player import Leg, Observed, Write
from devtools.worlds.judge.scenario import Event, Recording, Scenario
from tests.devtools.worlds.naive_calls import Inc, Part, frozen

BEGINS = ("Queued", "Originated", "ServiceInitiated")
TRAILS = ("ConnectionCleared", "CallCleared", "Retrieved", "Held", "CallInformation")


class Naive:
    """Play scenarios; `faults` names the rules that are broken."""

    def __init__(self, *faults: str) -> None:
        self.faults = frozenset(faults)

    def play(self, scenario: Scenario, partition: Sequence[int] | None) -> Observed:
        """Play a scenario."""
        return _Run(scenario, self.faults, partition).observed()


class _Run:
    def __init__(self, scenario: Scenario, faults: frozenset[str], partition: Sequence[int] | None) -> None:
        self.scenario, self.faults, self.partition = scenario, faults, partition
        self.calls: dict[str, list[Inc]] = {}
        self.parts: list[Part] = []
        self.seats: dict[str, list[str]] = {}
        self.torn: set[str] = set()
        self.names: dict[str, str] = {}
        self.count = 0
        self.lost: float | None = None
        self.snapshot: set[tuple[int, str]] | None = None
        self.reported: set[str] = set()
        self.missed: list[str] = []
        self.offered: dict[str, str] = {}

    def observed(self) -> Observed:
        seen: dict[str, Event] = {}
        for event in self.scenario.events:
            seen.setdefault(event.id, event)
        rows = list(seen.values())
        if "order" not in self.faults:
            rows.sort(key=lambda x: x.at)
        for event in rows:
            self.take(event)
        legs, writes = [], []
        for part in self.parts:
            made, sent = self.close(part)
            legs += made
            writes += sent
        if "twice" in self.faults:
            writes = [x for x in writes for _ in range(2 if x.flag == "AgentId" and len(writes) > 8 else 1)]
        if "batch" in self.faults and self.partition and len(self.partition) == 1:
            writes = writes[:-1]
        if "unexplained" in self.faults:
            legs = [x for x in legs if x.outcome == "flagged" or x.end is None or x.end - x.start > 1]
        if "reasonless" in self.faults:
            legs = [replace(x, reason="") for x in legs]
        if "shown" in self.faults and writes:
            writes = writes[1:]
        return Observed(tuple(legs), tuple(writes))

    # --- calls

    def inc(self, event: Event) -> Inc | None:
        name, data = str(event.data["callId"]), event.data
        name = name.lstrip("0").lower() if "digits" in self.faults else name
        old = self.calls.get(name, [None])[-1]
        if old is None:
            return self.new(name, event.at) if event.type not in TRAILS else None
        if "crosses" in self.faults:
            return old
        if self.snapshot is not None and not any(
            x.phone == data.get("deviceId") and x.end is None and x.inc is old for x in old.legs
        ):
            return self.new(name, event.at) if (old.key, "") not in self.snapshot else old
        reported, known = data.get("interactionId"), old.contact[0]
        if event.type in TRAILS:
            return self.trailing(event, name)
        differs = bool(reported and known and reported != known)
        begins = event.type == "ServiceInitiated" and event.at > old.begun + 0.001
        begins = begins or (
            event.type == "Originated" and (old.progressed or bool(old.legs)) and event.at > old.dialled
        )
        begins = begins or (event.type == "Queued" and bool(old.legs))
        return self.new(name, event.at) if old.over or differs or begins else old

    def trailing(self, event: Event, name: str) -> Inc | None:
        reported, phone = event.data.get("interactionId"), event.data.get("deviceId")
        fit = [x for x in self.calls[name] if not reported or not x.contact[0] or x.contact[0] == reported]
        if event.type == "CallInformation":
            # A life of which neither an answer nor an end was reported may have been at any phone.
            fit = [x for x in fit if not phone or x.ended > 1e8 or any(y.phone == phone for y in x.legs)]
            near = [x for x in fit if event.at - x.ended <= 120]
            if "wrapup" in self.faults:
                return near[0] if near else None
            # One that vanished in a gap is none to give it to: its id may have come back in the gap.
            known = len(near) == 1 and not (near[0].over and near[0].ended > 1e8)
            return near[0] if known and (not phone or any(y.phone == phone for y in near[0].legs)) else None
        return fit[-1] if fit and not fit[-1].over else None

    def new(self, name: str, at: float) -> Inc:
        self.count += 1
        if self.snapshot is not None:
            self.snapshot.add((self.count, ""))
        made = Inc(self.count, name, at, ["", f"own-{self.count}"])
        self.calls.setdefault(name, []).append(made)
        return made

    def take(self, event: Event) -> None:
        data, kind = event.data, event.type
        if kind in ("LoggedOn", "LoggedOff"):
            self.seat(kind, data)
        elif kind.startswith(("link.", "snapshot.")):
            self.link(event)
        elif kind in ("Transferred", "Conferenced"):
            self.move(event)
        elif "callId" in data:
            inc = self.inc(event)
            if inc:
                self.fact(inc, event)
                self.state(inc, event)

    def fact(self, inc: Inc, event: Event) -> None:
        data = event.data
        if data.get("interactionId") and not inc.contact[0]:
            inc.contact[0] = str(data["interactionId"])
        if data.get("callerName"):
            name = "" if data.get("callerNameSource") == "personal" else str(data["callerName"])
            inc.facts.append((event.at, "CallerName", name))
        if data.get("queueName"):
            inc.facts.append((event.at, "QueueName", str(data["queueName"])))
        inc.wrapup = data.get("wrapup", {}).get("result", "") or inc.wrapup
        inc.query = str(data["queryData"]) if data.get("queryData") else inc.query

    def state(self, inc: Inc, event: Event) -> None:  # noqa: C901  (one branch a type of event)
        phone, kind = str(event.data.get("deviceId", "")), event.type
        if kind == "Originated":
            inc.originator, inc.progressed, inc.dialled = inc.originator or phone, True, event.at
            held = [x for x in self.parts if x.phone == phone and x.end is None and x.held and x.inc is not inc]
            if held and not inc.contact[0]:
                inc.contact = held[-1].inc.contact
        elif kind == "Established":
            if "colleague" in self.faults:
                held = [x for x in self.parts if x.phone == phone and x.end is None and x.held and x.inc is not inc]
                inc.contact = held[-1].inc.contact if held else inc.contact
            self.connect(inc, phone, event)
            if inc.originator:
                self.connect(inc, inc.originator, event)
        elif kind in ("Held", "Retrieved"):
            for part in inc.legs:
                part.held = kind == "Held" if part.phone == phone and part.end is None else part.held
        elif kind in ("Queued", "Delivered"):
            self.offered[phone] = str(event.data.get("agentId", ""))
            inc.queued, inc.progressed = inc.queued or kind == "Queued", True
            inc.rung.add(phone)
        elif kind == "ConnectionCleared":
            self.clear(inc, phone, event.at)
            # It rang and was given up; only a call that waits in a queue goes on.
            if not inc.legs and not inc.queued and (phone in inc.rung or phone == inc.originator):
                inc.over, inc.ended = True, event.at
        elif kind == "CallCleared":
            for part in list(inc.legs):
                self.clear(inc, part.phone, event.at)
            inc.over, inc.ended = True, min(inc.ended, event.at)
        elif kind == "Diverted" and event.data.get("cause") == "queueCleared":
            if "queue" not in self.faults:
                inc.facts.append((event.at, "QueueName", ""))
            if not event.data.get("newDestination"):
                inc.over, inc.ended = not any(x.end is None for x in inc.legs), event.at

    def connect(self, inc: Inc, phone: str, event: Event) -> None:
        if phone not in self.scenario.site.devices:
            return
        if self.snapshot is not None:
            self.snapshot.add((inc.key, phone))
        if any(x.phone == phone and x.end is None for x in inc.legs):
            return
        part = Part(inc, phone, event.at, event.heard, self.agent(phone, event), late=self.snapshot is not None)
        inc.legs.append(part)
        self.parts.append(part)

    def clear(self, inc: Inc, phone: str, at: float) -> None:
        ended = [x for x in inc.legs if x.phone == phone and x.end is None]
        for part in ended:
            part.end, part.ref = at, inc.id
        if ended and all(x.end is not None for x in inc.legs) and not inc.over:
            inc.over, inc.ended = True, at

    def move(self, event: Event) -> None:  # noqa: C901  (naive on purpose: all of it in one place)
        data, at = event.data, event.at
        last = self.calls.get(str(data["resultingCallId"]), [None])[-1]
        if last is not None and at == last.moved:
            return  # another monitor's word of the same transfer
        named = [data[x] for x in ("primaryOldCallId", "secondaryOldCallId") if data.get(x) in self.calls]
        olds = [self.calls[x][-1] for x in named if "crosses" in self.faults or not self.calls[x][-1].over]
        if not olds or olds[0].id != str(data["primaryOldCallId"]):
            return
        first, name = olds[0], str(data["resultingCallId"])
        result = next((x for x in olds if x.id == name), None) or self.new(name, at)
        result.moved = at
        facts = list(first.facts) if result is not first else result.facts
        leaver = str(data.get("transferringDeviceId", ""))
        stays = [x for old in olds for x in old.legs if x.end is None and x.phone != leaver]
        for old in olds:
            for part in old.legs:
                if part.end is None and part.phone == leaver:
                    part.end, part.ref = at, old.id
                    part.inc = frozen(old, at) if old is result else old
            if old is not result:
                old.over, old.ended = True, at
        if olds[-1].contact is not first.contact:
            first.contact[0] = first.contact[0] or olds[-1].contact[0]
        kept: dict[str, Part] = {}
        for part in stays:
            if part.inc is not first and part.before is None and event.type == "Transferred":
                past = frozen(part.inc, at)
                part.before, part.asked_from = (past, at, part.start), event.heard
            kept[part.phone] = kept.get(part.phone, part)
        for part in stays:
            if kept[part.phone] is not part:
                part.end, part.ref = at, part.inc.id
                part.inc = frozen(part.inc, at)
        result.facts = facts
        result.contact = first.contact
        result.legs = list(kept.values())
        result.rung.discard(leaver)
        for part in kept.values():
            part.inc = result
        result.over, result.ended, result.originator, result.queued = False, 1e9, "", False

    # --- seats and links

    def seat(self, kind: str, data: dict[str, Any]) -> None:
        agent, phone = data["agentId"], str(data.get("deviceId", ""))
        self.names[agent] = data.get("agentName") or self.names.get(agent, "")
        for there, sitting in self.seats.items():
            if agent in sitting and (kind == "LoggedOff" or there != phone):
                sitting.remove(agent)
        if kind == "LoggedOn":
            sitting = self.seats.setdefault(phone, [])
            if agent not in sitting:
                sitting.append(agent)
            if len(sitting) > 1 and self.snapshot is None:
                self.torn.add(phone)
            self.reported.add(agent)

    def agent(self, phone: str, event: Event) -> tuple[str, str]:
        word, sitting = str(event.data.get("agentId", "")), self.seats.get(phone, [])
        if "offered" in self.faults and self.offered.get(phone):
            return self.offered[phone], ""
        if word and event.data.get("deviceId") == phone:
            return word, self.names.get(word, "")
        if not sitting or (phone in self.torn and "agent" not in self.faults):
            return "", ""
        return sitting[-1], self.names.get(sitting[-1], "")

    def link(self, event: Event) -> None:
        if event.type == "link.Lost":
            self.lost, self.missed = event.at, event.data.get("devices") or list(self.scenario.site.devices)
        elif event.type == "snapshot.Began":
            self.snapshot, self.reported = set(), set()
        elif event.type == "snapshot.Ended" and self.snapshot is not None and self.lost is not None:
            for incs in self.calls.values():
                for inc in incs:
                    for part in inc.legs:
                        missed = part.inc is inc and part.end is None and part.phone in self.missed
                        if missed and (inc.key, part.phone) not in self.snapshot:
                            part.end, part.ref = self.lost, inc.id
                    inc.over = inc.over or not any(x.end is None for x in inc.legs)
            if event.data.get("agentsTold"):
                self.seats = {p: [a for a in s if a in self.reported] for p, s in self.seats.items()}
            self.snapshot = self.lost = None

    # --- recordings

    def ask(self, phone: str, at: float) -> tuple[bool, Recording | None]:
        qms = self.scenario.qms
        pause = next((x[2] for x in qms.slow if x[0] <= at <= x[1]), qms.answer_seconds)
        if any(a <= at <= b or a <= at + pause <= b for a, b in qms.away):
            return False, None
        live = [x for x in qms.recordings if x.extension == phone and x.start <= at < x.end]
        return True, live[0] if live else None

    def times(self, heard: float, since: float, end: float) -> list[float]:
        qms = self.scenario.qms
        out, at = [], heard
        while at < min(since + qms.window_seconds, end):
            out.append(at)
            at += qms.interval_seconds
        return out

    def search(self, part: Part, end: float) -> str | None:
        answered = False
        for at in self.times(part.heard, part.start, end):
            ok, found = self.ask(part.phone, at)
            answered |= ok
            if found and ("owner" in self.faults or self.owns(part, found)):
                return found.guid
        part.state = "not_recorded" if answered else "window_missed"
        return None

    def owns(self, part: Part, found: Recording) -> bool:
        """A recording is of the leg that started last before it at that phone."""
        near = [x.start for x in self.parts if x.phone == part.phone and x.start <= found.start + 0.001]
        soon = found.start <= part.start + 2  # later it is of something that was not reported
        return soon and bool(near) and part.start == max(near) and (part.end is None or found.start < part.end)

    def close(self, part: Part) -> tuple[list[Leg], list[Write]]:
        end = part.end if part.end is not None else 1e9
        if part.late:
            return [Leg(part.phone, part.start, part.end, part.inc.id, None, "joined_late", "in progress", {})], []
        if part.before is None:
            return self.finish(part, part.inc, part.start, end, self.search(part, end))
        past, moved, start = part.before
        guid = self.search(part, end)
        made = next((x for x in self.scenario.qms.recordings if x.guid == guid), None)
        guid = None if made and made.start >= moved - 0.01 else guid
        verdict, other = self.transfer(part, guid, moved, end)
        if verdict == "same":
            return self.finish(part, part.inc, start, end, guid)
        one = self.finish(part, past, start, moved, guid)
        part.state = "window_missed" if verdict == "unknown" else "not_recorded"
        two = self.finish(part, part.inc, moved, end, other)
        return one[0] + two[0], one[1] + two[1]

    def transfer(self, part: Part, guid: str | None, moved: float, end: float) -> tuple[str, str | None]:
        same = False
        for at in self.times(part.asked_from or moved, moved, end):
            ok, found = self.ask(part.phone, at)
            if ok and found and found.guid != guid and found.start >= moved - 0.05:
                return "split", found.guid
            same |= ok and found is not None and found.guid == guid
        return ("same" if same or guid is None or "silence" in self.faults else "unknown"), None

    def finish(self, part: Part, inc: Inc, start: float, end: float, guid: str | None) -> tuple[list[Leg], list[Write]]:
        shown = None if end > 1e8 else end
        ref = inc.id
        if guid is None:
            return [Leg(part.phone, start, shown, ref, None, part.state or "not_recorded", "no GUID", {})], []
        if "short" in self.faults and end - start < 1:
            return [Leg(part.phone, start, shown, ref, None, "window_missed", "too short", {})], []
        flags = {"AgentId": part.agent[0], "AgentName": part.agent[1], "CTICallRef": ref}
        flags["InteractionGuid"] = inc.contact[0] or inc.contact[1]
        flags |= {name: value for at, name, value in inc.facts if at <= end + 0.001}
        flags |= {"CTIWrapup": inc.wrapup, "CTI QueryData": inc.query}
        flags = {k: v for k, v in flags.items() if v}
        leg = Leg(part.phone, start, shown, ref, guid, "flagged", "", flags)
        return [leg], [Write(guid, k, v, end + 1) for k, v in flags.items()]
