"""Try a recorded trace: play it through decoder and core with an ideal QMS, and write nothing."""
