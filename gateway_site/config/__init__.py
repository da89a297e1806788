"""The site's declaration in TOML: read, apply, export."""
