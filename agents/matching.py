"""Match agents with QMS users: pure."""
