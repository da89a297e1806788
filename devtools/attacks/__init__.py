"""Attacks on a running gateway, with figures: what the attacker gets, and what it costs the others."""
