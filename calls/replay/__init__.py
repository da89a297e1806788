"""Fold a period again by today's code and settings, writing nothing, and name what would be different."""
