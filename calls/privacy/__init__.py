"""Personal data: who saw callers, erasing a caller, how long everything is kept."""
