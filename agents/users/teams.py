"""Which team handles a call: the department of the QMS user, as QMS lists the users now."""

from collections import defaultdict
from collections.abc import Mapping

import msgspec

from agents.manual_mappings import standing_acts
from agents.models import QmsUser
from cti.models import CtiSource

#: Shown for an extension without a user or department, and for one whose users are of several departments.
NO_TEAM, SEVERAL_TEAMS = "no team", "several teams"


class Teams(msgspec.Struct, frozen=True):
    """Departments by extension, and of manually mapped agents by source and agent id, which decide first."""

    by_device: Mapping[str, str]
    by_agent: Mapping[tuple[int, str], str]

    def of(self, source_id: int, agent_id: str, device_id: str) -> str:
        """Return the team of an agent at an extension."""
        return self.by_agent.get((source_id, agent_id)) or self.by_device.get(device_id, NO_TEAM)

    @property
    def names(self) -> list[str]:
        """Return all teams, sorted."""
        return sorted({*self.by_device.values(), *self.by_agent.values()})

    def devices(self, team: str) -> list[str]:
        """Return the extensions of a team."""
        return [device for device, name in self.by_device.items() if name == team]

    def agents(self, team: str) -> list[tuple[int, str]]:
        """Return the manually mapped agents of a team, as source and agent id."""
        return [key for key, name in self.by_agent.items() if name == team]


def load_teams() -> Teams:
    """Read the departments of the listed users; two queries and one a source."""
    departments: defaultdict[str, set[str]] = defaultdict(set)
    users = QmsUser.objects.filter(gone_at=None).exclude(extension="").exclude(department_name="")
    for extension, department in users.order_by().values_list("extension", "department_name"):
        departments[extension].add(department)
    mapped = {
        (source_id, act.agent.agent_id): act.after.department_name or NO_TEAM
        for source_id in CtiSource.objects.values_list("pk", flat=True)
        for act in standing_acts(source_id)
        if act.after
    }
    return Teams({one: name.pop() if len(name) == 1 else SEVERAL_TEAMS for one, name in departments.items()}, mapped)
