"""The door to this app for the calls: who sits where, and whose recording is made at an extension."""

from agents.directories import forget_directories, load_directory
from agents.seats import load_seats, save_seats, who_sat_at

__all__ = ["forget_directories", "load_directory", "load_seats", "save_seats", "who_sat_at"]
