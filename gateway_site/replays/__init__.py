"""Replay a period by today's settings or others, and say what would be different."""
