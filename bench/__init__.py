"""Benchmarks on real servers. Importing the package starts them, empty and for this run only, and loads Django."""

import django

import tests.environment  # noqa: F401  (starts Redis and, where asked for, PostgreSQL)

django.setup()
