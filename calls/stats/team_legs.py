"""The legs of a team, as a condition on legs and on counts alike."""

from django.db.models import Q

from agents.api import NO_TEAM, Teams

_NOTHING = Q(pk__in=[])


def team_condition(teams: Teams, team: str) -> Q:
    """Return the condition of a team: its extensions, and the agents mapped to its users wherever they are."""
    mapped = own = _NOTHING
    for source_id, agent_id in teams.by_agent:
        mapped |= Q(source_id=source_id, agent_id=agent_id)
    for source_id, agent_id in teams.agents(team):
        own |= Q(source_id=source_id, agent_id=agent_id)
    devices = ~Q(device_id__in=list(teams.by_device)) if team == NO_TEAM else Q(device_id__in=teams.devices(team))
    return own | (devices & ~mapped)
