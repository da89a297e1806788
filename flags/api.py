"""The door to this app for the calls."""

from flags.creation import Creation, FlagAnswer, check_flags, create_flags
from flags.specs import hash_key, load_specs

__all__ = ["Creation", "FlagAnswer", "check_flags", "create_flags", "hash_key", "load_specs"]
