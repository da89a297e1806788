"""The words that code, manual and pages avoid, and the check that finds them."""
