"""Encrypted storage of credentials; imports nothing else of the gateway."""
