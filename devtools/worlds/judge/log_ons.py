"""Who is logged on where: log-on, log-off, free seating, and two agents who are both logged on at one phone."""

from __future__ import annotations

from .people import Agent
from .stage import Seat, Stage


def sit(stage: Stage, phone: str, agent: Agent, at: float) -> None:
    """Log an agent on at a phone where nobody is."""
    stage.say(at, "LoggedOn", agentId=agent.id, agentName=agent.name, deviceId=phone)
    stage.seats.setdefault(phone, []).append(Seat(at, agent.id, agent.name, True))


def leave(stage: Stage, phone: str, at: float) -> None:
    """Log off whoever sits at a phone."""
    seat = stage.seat(phone, at)
    device = phone if stage.rng.random() < 0.6 else ""
    stage.say(at, "LoggedOff", agentId=seat.agent, deviceId=device)
    stage.seats[phone].append(Seat(at, "", "", True))


def overlap(stage: Stage, phone: str, agent: Agent, at: float) -> None:
    """Log a second agent on: which of the two speaks from then on, nobody can know, so the truth is chance."""
    first = stage.seat(phone, at)
    stage.say(at, "LoggedOn", agentId=agent.id, agentName=agent.name, deviceId=phone)
    for k in range(8):
        who = stage.rng.choice(((first.agent, first.name), (agent.id, agent.name)))
        stage.seats[phone].append(Seat(at + 25.0 * k, *who, sure=False))


def move(stage: Stage, phone: str, other: str, at: float) -> None:
    """Let an agent log on at another phone without a log-off: nobody is known to sit at the first one."""
    seat = stage.seat(phone, at)
    stage.say(at, "LoggedOn", agentId=seat.agent, agentName=seat.name, deviceId=other)
    stage.seats[phone].append(Seat(at, "", "", False))
    stage.seats.setdefault(other, []).append(Seat(at, seat.agent, seat.name, True))


def seat_all(stage: Stage, horizon: float) -> None:
    """Seat agents before the first call and let some of them change later; a phone changes once at most."""
    agents, rng = list(stage.site.agents), stage.rng
    empty = []
    for phone in stage.site.phones:
        if rng.random() < 0.85:
            sit(stage, phone, agents.pop(0), -60.0)
        else:
            empty.append(phone)
    for phone in [x for x in stage.site.phones if x not in empty]:
        if rng.random() < 0.25:
            _change(stage, phone, round(rng.uniform(0, horizon), 3), agents, empty)


def _change(stage: Stage, phone: str, at: float, agents: list[Agent], empty: list[str]) -> None:
    kind = stage.rng.choice(("leave", "swap", "overlap", "move"))
    if kind == "move" and empty:
        move(stage, phone, empty.pop(), at)
    elif kind == "overlap" and agents:
        overlap(stage, phone, agents.pop(0), at)
    else:
        leave(stage, phone, at)
        if kind == "swap" and agents:
            sit(stage, phone, agents.pop(0), at + stage.rng.choice((0.2, 3.0, 20.0)))
