"""The simulated QMS."""
