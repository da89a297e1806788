"""The catalogue of Flags: pure."""
