"""Who changed what in the configuration, when, from what to what: kept in Django's own admin log."""
