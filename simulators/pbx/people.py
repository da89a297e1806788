"""Who works at the simulated site and who calls it: the same index gives the same person as in the simulated QMS."""

from dataclasses import dataclass
from random import Random
from typing import Literal

# fmt: off
FIRST = (
    "Alice", "Bob", "Carol", "David", "Erin", "Frank", "Grace", "Hugo", "Irene", "Jack",
    "Karla", "Liam", "Mona", "Nils", "Olga", "Paul", "Quinn", "Rosa", "Sven", "Tina",
)
LAST = (
    "Archer", "Baker", "Chen", "Dunn", "Evans", "Fuller", "Gomez", "Hart", "Ito", "Jensen",
    "Klein", "Lopez", "Meyer", "Novak", "Olsen", "Price", "Quist", "Reyes", "Stone", "Turner",
)
CALLER_FIRST = ("Ada", "Ben", "Chloé", "Dilip", "Ewa", "Finn", "Gül", "Hana", "Ivo", "Jörg", "Kim", "Lucía")
CALLER_LAST = ("Abbott", "Brown & Sons", "Çelik", "D'Arcy", "Eriksson", "Fischer", "Green", "Hoà", "Iyer", "Łaski")
# fmt: on

PhonebookName = Literal["global_phonebook", "external_phonebook", "isdn", "personal", "unknown"]
SOURCES: tuple[tuple[PhonebookName | None, int], ...] = (
    ("global_phonebook", 35),
    ("external_phonebook", 20),
    ("isdn", 20),
    ("personal", 8),
    ("unknown", 2),
    (None, 15),
)

FIRST_EXTENSION, FIRST_AGENT_ID = 2001, 9101
#: Supervisors have an extension at the PBX and no user in QMS.
SUPERVISORS = 5
FIRST_SUPERVISOR, FIRST_SUPERVISOR_OF_LARGE_SITES = 2900, 8900
#: Maximum number of agents: the extensions between the other numbers.
MAXIMUM_AGENTS = FIRST_SUPERVISOR_OF_LARGE_SITES - FIRST_EXTENSION - 10

#: A phone for canary calls: nobody is logged on there, no queue rings it, and it answers by itself.
TEST_PHONE = "8999"

AgentStateName = Literal["agentReady", "agentNotReady", "agentBusy", "agentWorkingAfterCall"]


@dataclass(frozen=True, slots=True)
class AcdGroup:
    """An ACD group; ``dialled`` is the number that callers dial to reach it."""

    device: str
    name: str
    dialled: str
    wrapups: tuple[str, ...]


QUEUES = (
    AcdGroup("5000", "Sales", "+442079460500", ("Sold", "No sale", "Call back")),
    AcdGroup("5001", "Support", "+442079460501", ("Solved", "Second level", "Call back")),
    AcdGroup("5002", "Billing", "+442079460502", ("Paid", "Disputed", "Instalments")),
)


@dataclass(slots=True)
class SimulatedAgent:
    """An agent at an extension, and what the agent is doing."""

    extension: str
    agent_id: str
    name: str
    queue: AcdGroup
    is_in_qms: bool = True
    state: AgentStateName = "agentReady"


@dataclass(frozen=True, slots=True)
class Contact:
    """A customer as the PBX knows it; ``name`` None: the PBX has no name for the number."""

    number: str
    name: str | None
    source: PhonebookName | None

    @property
    def writable_name(self) -> str | None:
        """Return the name as a recording may carry it: a personal one never."""
        return None if self.source == "personal" else self.name


def agent_name(index: int) -> str:
    """Return the name of the agent of this index."""
    return f"{FIRST[index % 20]} {LAST[(index // 20 + index) % 20]}"


def make_agents(count: int) -> list[SimulatedAgent]:
    """Return ``count`` agents, spread over the queues. An extension that is a queue's or a supervisor's is left out."""
    taken = {queue.device for queue in QUEUES} | {agent.extension for agent in make_supervisors(count)}
    agents: list[SimulatedAgent] = []
    index = 0
    while len(agents) < count:
        extension = str(FIRST_EXTENSION + index)
        if extension not in taken:
            queue = QUEUES[len(agents) % len(QUEUES)]
            agents.append(SimulatedAgent(extension, str(FIRST_AGENT_ID + index), agent_name(index), queue))
        index += 1
    return agents


def make_supervisors(agent_count: int) -> list[SimulatedAgent]:
    """Return the supervisors, which QMS does not know."""
    is_large = FIRST_EXTENSION + agent_count > FIRST_SUPERVISOR
    first = FIRST_SUPERVISOR_OF_LARGE_SITES if is_large else FIRST_SUPERVISOR
    return [
        SimulatedAgent(str(first + n), f"SV{n + 1}", f"Supervisor {n + 1}", QUEUES[n % len(QUEUES)], is_in_qms=False)
        for n in range(SUPERVISORS)
    ]


def make_test_phone() -> SimulatedAgent:
    """Return the test phone; it is an agent's place where nobody sits."""
    return SimulatedAgent(TEST_PHONE, "", "", QUEUES[0])


def contact(rng: Random) -> Contact:
    """Draw a customer."""
    number = f"+44207946{rng.randrange(10_000):04d}"
    source = rng.choices([one for one, _ in SOURCES], [weight for _, weight in SOURCES])[0]
    name = f"{rng.choice(CALLER_FIRST)} {rng.choice(CALLER_LAST)}" if source else None
    return Contact(number, name, source)
