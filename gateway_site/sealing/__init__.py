"""From settled flag writes to entries of the evidence."""
