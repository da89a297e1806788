"""A deterministic simulation of the whole gateway: the real consumer, searches and outbox, with time in its hand.

As TigerBeetle and FoundationDB test their databases: one thread, one seed. Clock, wake-ups, QMS and the moments of
crashes are the simulation's; the database is a real SQLite and the journal a real Redis, both empty at each world.
"""
