"""Relatives of known faults: small cases, written from the design and the contracts, not from the code."""
