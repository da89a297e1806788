"""Try a recorded trace: play it through decoder and core with a QMS by the book, and write nothing."""
