"""The people of the simulated site: the same index gives the same person here and in the simulated contact centre."""

from qms.port import Licence
from simulators.qms.records import ANY, SimulatedUser

# fmt: off
FIRST = (
    "Alice", "Bob", "Carol", "David", "Erin", "Frank", "Grace", "Hugo", "Irene", "Jack",
    "Karla", "Liam", "Mona", "Nils", "Olga", "Paul", "Quinn", "Rosa", "Sven", "Tina",
)
LAST = (
    "Archer", "Baker", "Chen", "Dunn", "Evans", "Fuller", "Gomez", "Hart", "Ito", "Jensen",
    "Klein", "Lopez", "Meyer", "Novak", "Olsen", "Price", "Quist", "Reyes", "Stone", "Turner",
)
# fmt: on


def person(index: int, recording_service: str = ANY) -> SimulatedUser:
    """Return the person of this index as a QMS user: extension 2001 + index, agent id 9101 + index."""
    first, last = FIRST[index % 20], LAST[(index // 20 + index) % 20]
    return SimulatedUser(
        extension=str(2001 + index),
        user_id=str(1001 + index),
        user_name=f"{first}.{last}.{2001 + index}".lower(),
        first_name=first,
        last_name=last,
        agent_id=str(9101 + index),
        department_name="Contact Centre",
        recording_service=recording_service,
        licence=Licence.UNLIMITED,
    )
