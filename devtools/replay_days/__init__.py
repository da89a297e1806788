"""A day of the demo's traffic, played through the whole gateway and replayed: nothing may be different."""
