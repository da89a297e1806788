"""What other apps may use: who is logged on where, whose recording is made at an extension, calls at risk."""

from agents.find import FoundPerson, find_agents, find_users, suggest_agents, suggest_extensions
from agents.sessions.agent_names import KnownAgents
from agents.sessions.session_store import load_sessions, logged_on_at, save_sessions, sessions_at
from agents.unmatched_calls import UnmatchedCalls, note_calls_at_risk
from agents.users.directories import NEWEST_USERS, forget_directories, load_directory
from agents.users.teams import NO_TEAM, SEVERAL_TEAMS, Teams, load_teams

__all__ = [
    "NEWEST_USERS",
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
    "load_sessions",
    "load_teams",
    "logged_on_at",
    "note_calls_at_risk",
    "save_sessions",
    "sessions_at",
    "suggest_agents",
    "suggest_extensions",
]
