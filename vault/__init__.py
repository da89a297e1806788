"""Credentials at rest: the lowest layer, which knows nothing of the gateway."""
