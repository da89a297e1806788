"""Bring a stack's database to what a site has after its installation."""

import io
from pathlib import Path

from django.core.management import call_command

from gateway_site.config.apply import apply
from gateway_site.config.declaration import Declaration


def set_up(declaration: Declaration, log: Path) -> None:
    """Apply a declaration, create its flags in QMS and load its users; what the commands say goes to the log."""
    apply(declaration)
    said = io.StringIO()
    for command in ("create_flags", "sync_users"):
        call_command(command, stdout=said, stderr=said)
    log.write_text(said.getvalue())
