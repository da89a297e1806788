"""Where a world is put together: calls get ids, phones get busy, events are said, recordings are made."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any

from .people import FIRST, LAST, Site
from .scenario import Event
from .world import Before, Born, Incarnation, Said, Truth

FACTS = ("Queued", "Delivered", "Originated", "ServiceInitiated", "Established")


@dataclass
class Contact:
    """Hold one customer contact (an interaction)."""

    key: int
    interaction: str
    name: str
    name_source: str
    number: str


@dataclass
class Call:
    """Hold one life of a call id while the world is made.

    `caller`: who is stated as the caller where that is not the contact's: of a consultation the agent who consults.
    `trunk`: the device of the outside party, where its connection is reported under a name that stays.
    """

    key: int
    id: str
    contact: Contact
    start: float
    named: bool = True
    queue: str = ""
    opened: bool = False
    end: float = 0.0
    silent: bool = False
    caller: Contact | None = None
    trunk: str = ""


@dataclass
class Free:
    """Hold an id that may be used again from `at` on."""

    id: str
    at: float
    silent: bool


@dataclass
class Seat:
    """Hold who sits at a phone from `start` on; `sure` is false where the reports contradict each other."""

    start: float
    agent: str
    name: str
    sure: bool


@dataclass
class Stage:
    """Collect what happens. Every choice comes from `rng`; every verb reports its event and keeps the truth about it.

    `hot`: calls are short and ids come back at once, so that what happens within a second happens often.
    """

    rng: Random
    site: Site
    said: list[Said] = field(default_factory=list)
    truths: list[Truth] = field(default_factory=list)
    lives: list[Call] = field(default_factory=list)
    free: list[Free] = field(default_factory=list)
    busy: dict[str, float] = field(default_factory=dict)
    seats: dict[str, list[Seat]] = field(default_factory=dict)
    group: int = 0
    contacts: int = 0
    hot: bool = False
    reuse: float = 0.7
    recorded: float = 0.93
    renew_hold: float = 0.2
    renew_transfer: float = 0.5

    def contact(self, prefix: str = "I") -> Contact:
        """Make a contact with a caller; some have no name, a personal one, or no number."""
        self.contacts += 1
        source = self.rng.choice(("isdn", "global_phonebook", "external_phonebook", "personal"))
        name = f"{self.rng.choice(FIRST)} {self.rng.choice(LAST)} {self.contacts}" if self.rng.random() < 0.8 else ""
        number = f"+4930{self.contacts:05d}" if self.rng.random() < 0.8 else ""
        return Contact(self.contacts, f"{prefix}{self.contacts}", name, source, number)

    def call(self, at: float, contact: Contact, named: bool = True, is_new: bool = False) -> Call:
        """Begin a call under a free id; `is_new`: its first event shows that a new call begins."""
        call = Call(len(self.lives) + 1, self._id(at, is_new), contact, at, named)
        self.lives.append(call)
        return call

    def goes_on(self, call: Call, at: float) -> Call:
        """Return the next part of a call that goes on under its id: what is said of it is not of the part before."""
        part = Call(len(self.lives) + 1, call.id, call.contact, at, opened=True, trunk=call.trunk)
        self.lives.append(part)
        return part

    def _id(self, at: float, is_new: bool) -> str:
        # An id whose last call ended without a word may only come back where something distinguishes the two:
        # otherwise the stream is the same as that of one call, and no observer could be right in both worlds.
        is_new = is_new or self.site.style.interaction == "always"
        fit = [x for x in self.free if x.at + 0.2 <= at and (is_new or not x.silent)]
        if not fit or self.rng.random() > self.reuse:
            return self._fresh()
        best = max(fit, key=lambda x: x.at) if self.rng.random() < 0.7 else self.rng.choice(fit)
        self.free.remove(best)
        return best.id

    def _fresh(self) -> str:
        # Ids are text: "0100" is not "100", and "100a" is not "100A".
        plain = str(100 + len(self.lives))
        known = {x.id for x in self.lives}
        near = [f"0{x}" for x in known] + [f"{x}a" for x in known] + [x.swapcase() for x in known if not x.isdigit()]
        fit = sorted(x for x in near if x not in known)
        return self.rng.choice(fit) if fit and self.rng.random() < 0.2 else plain

    def over(self, call: Call, at: float, silent: bool = False) -> None:
        """End a call: its id is free from then on."""
        call.end, call.silent = max(at, call.end), silent
        self.free.append(Free(call.id, call.end, silent))

    def say(self, at: float, kind: str, call: Call | None = None, spare: bool = False, **data: Any) -> None:
        """Tell one event, with those facts of the call that this source sends with it."""
        style = self.site.style
        if style.minimal and kind not in ("Established", "ConnectionCleared", "Transferred", "Conferenced") and call:
            return
        body = self._facts(kind, call) | {k: v for k, v in data.items() if v}
        if not style.causes and body.get("cause") not in ("queueCleared", "park", "callPickup", "consultation"):
            body.pop("cause", None)
        at = round(at, 3)
        name = f"g{self.group}-{len(self.said)}"
        self.said.append(Said(Event(at, kind, body, at, name), call.key if call else 0, self.group, spare=spare))
        if call:
            call.opened, call.end = True, max(call.end, at)

    def _facts(self, kind: str, call: Call | None) -> dict[str, Any]:
        if call is None:
            return {}
        style, first, contact, caller = self.site.style, not call.opened, call.contact, call.caller or call.contact
        body: dict[str, Any] = {} if kind in ("Transferred", "Conferenced") else {"callId": call.id}
        if style.interaction == "always" or (style.interaction == "first" and first):
            body["interactionId"] = contact.interaction
        again = kind in FACTS and (first or style.minimal or self.rng.random() < style.repeats)
        if again and call.named and caller.name:
            body |= {"callerName": caller.name, "callerNameSource": caller.name_source}
        if again and call.named and caller.number:
            body["callingNumber"] = caller.number
        if call.queue and (kind == "Queued" or again):
            body["queueName"] = call.queue
        return body

    def take(self, phone: str, until: float) -> None:
        """Keep a phone busy."""
        self.busy[phone] = max(self.busy.get(phone, 0.0), until)

    def seat(self, phone: str, at: float) -> Seat:
        """Return who sits at a phone at a moment."""
        rows = [x for x in self.seats.get(phone, ()) if x.start <= at]
        return rows[-1] if rows else Seat(0, "", "", True)

    def record(self, phone: str, start: float, end: float, calls: list[Call], ref: str, *, seated: float | None = None,
               leg: tuple[float, float] | None = None, born: Born = "connect", before: Before | None = None,
               doubt: str = "", shared: bool = False, crowded: bool = False, wrapup: str = "",
               query: str = "", whole_doubt: str = "") -> None:  # fmt: skip
        """Make a recording of a conversation, or none, by chance; `leg` where that began at another moment."""
        if self.rng.random() > self.recorded:
            return
        seat = self.seat(phone, seated if seated is not None else start)
        late = min(self.rng.choice((0, 0, 0.02, 0.05, 0.2)), (end - start) / 4) if born == "connect" else 0.0
        leg_start, leg_end = leg or (start, end)
        guid = f"{self.rng.getrandbits(32):08x}-0000-4000-8000-{len(self.truths):012x}"
        kin = tuple(x.key for x in self.lives if x.contact.key == calls[0].contact.key)
        self.truths.append(
            Truth(
                guid,
                phone,
                round(start + late, 3),
                round(end, 3),
                round(leg_start, 3),
                round(leg_end, 3),
                (ref,),
                tuple(x.key for x in calls),
                kin,
                calls[0].contact.key,
                calls[0].contact.interaction,
                self.group,
                seat.agent,
                seat.name,
                seat.sure,
                born,
                before,
                doubt,
                shared,
                wrapup,
                query,
                crowded,
                whole_doubt,
            )
        )

    def incarnations(self) -> tuple[Incarnation, ...]:
        """Return every life of every id."""
        return tuple(Incarnation(x.key, x.id, x.start, x.end, x.contact.key, x.silent) for x in self.lives)
