"""British English, the gateway's only language."""
