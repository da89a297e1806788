"""Benchmarks on real servers: ``./gateway bench``. Each bench runs in a process and on servers of its own."""
