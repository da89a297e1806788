"""Fuzzing of what reads foreign bytes: ``./gateway fuzz``."""
