"""Backups: the database, the declaration, on request the keys; and putting one back, with all that follows from it."""
