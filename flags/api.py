"""The door to this app for the calls."""

from flags.specs import hash_key, load_specs

__all__ = ["hash_key", "load_specs"]
