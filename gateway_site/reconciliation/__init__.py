"""Reconciliation: what QMS holds against what the gateway wrote, in both directions."""
