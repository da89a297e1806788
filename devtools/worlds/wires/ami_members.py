"""The members of an Asterisk's queues: each agent is one of every queue, by an interface of the phone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from devtools.worlds.judge.people import QUEUES


class Members:
    """Hold who is a member at each phone; `agents`: the names there, the first by the phone's own interface."""

    def __init__(self) -> None:
        self.agents: dict[str, list[str]] = {}

    def name(self, phone: str) -> str:
        """Return the name by which a queue calls a phone: of a member without one, the interface."""
        return next((name for name in self.agents.get(phone, ()) if name), f"PJSIP/{phone}")

    def join(self, phone: str, name: str) -> Iterator[dict[str, Any]]:
        """Add an agent, and yield what is said of each membership."""
        agents = self.agents.setdefault(phone, [])
        agents.append(name)
        return self._memberships(phone, len(agents) - 1)

    def leave(self, phone: str) -> Iterator[dict[str, Any]]:
        """Remove the agent of a phone, and yield what is said of each membership."""
        said = list(self._memberships(phone, 0)) if self.agents.get(phone) else []
        self.agents.pop(phone, None)
        return iter(said)

    def listed(self) -> Iterator[dict[str, Any]]:
        """Yield the members as an answer to QueueStatus lists them."""
        for phone, agents in self.agents.items():
            for number in range(len(agents)):
                for one in self._memberships(phone, number):
                    names = {"Queue": one["Queue"], "Name": one["MemberName"], "Location": one["Interface"]}
                    yield names | {key: one[key] for key in ("StateInterface", "Membership", "Paused", "PausedReason")}

    def _memberships(self, phone: str, number: int) -> Iterator[dict[str, Any]]:
        interface = f"Local/{phone}@from-queue/n" if number else f"PJSIP/{phone}"
        name = self.agents[phone][number]
        for queue in QUEUES:
            yield {
                "Queue": queue,
                "MemberName": name or interface,
                "Interface": interface,
                "StateInterface": f"PJSIP/{phone}",
                "Membership": "dynamic",
                "Paused": 0,
                "PausedReason": "",
            }
