"""The door to this app for the calls: who sits where, whose recording is made at an extension, what that costs."""

from agents.at_risk import AtRisk, note_calls_at_risk
from agents.directories import forget_directories, load_directory
from agents.seats import load_seats, save_seats, who_sat_at
from agents.sightings import KnownAgents

__all__ = [
    "AtRisk",
    "KnownAgents",
    "forget_directories",
    "load_directory",
    "load_seats",
    "note_calls_at_risk",
    "save_seats",
    "who_sat_at",
]
