"""The door to this app for the calls: who sits where, whose recording is made at an extension, what that costs."""

from agents.find import FoundPerson, find_agents, find_users
from agents.sessions.agent_names import KnownAgents
from agents.sessions.session_store import load_seats, save_seats, who_sat_at
from agents.unmatched_calls import UnmatchedCalls, note_calls_at_risk
from agents.users.directories import forget_directories, load_directory
from agents.users.teams import NO_TEAM, SEVERAL_TEAMS, Teams, load_teams

__all__ = [
    "NO_TEAM",
    "SEVERAL_TEAMS",
    "FoundPerson",
    "KnownAgents",
    "Teams",
    "UnmatchedCalls",
    "find_agents",
    "find_users",
    "forget_directories",
    "load_directory",
    "load_seats",
    "load_teams",
    "note_calls_at_risk",
    "save_seats",
    "who_sat_at",
]
