"""Worlds: an independent judge of the gateway (``judge``), and who plays its worlds (``players``)."""
