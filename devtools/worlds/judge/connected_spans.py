"""Which extension was connected in which call from when to when, replayed from what truly happened."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from .world import Said


class Stay(Struct):
    """Hold one extension's part in one life of a call id; `end` is 1e9 while it lasts."""

    key: int
    phone: str
    start: float
    id: str
    group: int
    end: float = 1e9
    moved_from: int = 0
    held: bool = False


class Replay:
    """Replay events in the order of their times; `stays` then holds every connection."""

    def __init__(self, phones: Iterable[str]) -> None:
        self.phones = frozenset(phones)
        self.stays: list[Stay] = []
        self.open: dict[tuple[int, str], Stay] = {}
        self.dialled: dict[int, str] = {}
        self.lives: dict[tuple[int, str], int] = {}
        self.moved: dict[tuple[int, str], list[tuple[float, int]]] = {}

    def run(self, said: Iterable[Said]) -> list[Stay]:
        """Replay all events and return the connections."""
        for one in sorted(said, key=lambda x: x.event.at):
            if one.call:
                self.take(one)
        return self.stays

    def take(self, one: Said) -> None:
        """Replay one event."""
        data, kind, at = one.event.data, one.event.type, one.event.at
        if kind not in ("Transferred", "Conferenced"):
            self.lives[one.group, data["callId"]] = one.call
        if kind == "Originated":
            self.dialled[one.call] = data["deviceId"]
        elif kind == "Established":
            self._connect(one, data["deviceId"], data["callId"])
            if one.call in self.dialled:
                self._connect(one, self.dialled[one.call], data["callId"])
        elif kind == "ConnectionCleared":
            self._end(one.call, data["deviceId"], at)
            if self.dialled.get(one.call) == data["deviceId"]:
                del self.dialled[one.call]
        elif kind in ("Transferred", "Conferenced"):
            self._move(one)

    def _connect(self, one: Said, phone: str, name: str) -> None:
        if phone in self.phones and (one.call, phone) not in self.open:
            stay = Stay(one.call, phone, one.event.at, name, one.group)
            self.open[one.call, phone] = stay
            self.stays.append(stay)

    def _end(self, key: int, phone: str, at: float) -> None:
        stay = self.open.pop((key, phone), None)
        if stay:
            stay.end = at

    def _move(self, one: Said) -> None:
        data, at = one.event.data, one.event.at
        names = [data[x] for x in ("primaryOldCallId", "secondaryOldCallId") if data.get(x)]
        old = [self.lives.get((one.group, x), 0) for x in names]
        # Another report of the same move: the id that goes on is known already as what it has become.
        old += [key for x in names for moment, key in self.moved.get((one.group, x), ()) if moment == at]
        leaver = data.get("transferringDeviceId")
        # Who dialled the consultation has left it: a later answer connects the customer, not the dialling phone.
        for key in (*old, one.call):
            self.dialled.pop(key, None)
        for key, phone in [x for x in self.open if x[0] in old]:
            stay = self.open[key, phone]
            self._end(key, phone, at)
            if phone != leaver and (one.call, phone) not in self.open:
                new = Stay(one.call, phone, at, data["resultingCallId"], one.group, moved_from=key)
                new.moved_from = stay.key
                self.open[one.call, phone] = new
                self.stays.append(new)
        result = (one.group, data["resultingCallId"])
        self.moved.setdefault(result, []).append((at, self.lives.get(result, 0)))
        self.lives[result] = one.call
