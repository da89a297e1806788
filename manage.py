#!/usr/bin/env python
"""Run a management command of the QMS Gateway."""

import os
import sys

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line

SETTINGS_ERROR = 3


def main() -> None:
    """Check the settings, then run the command; settings that cannot be used are named in sentences."""
    os.umask(0o077)  # What a command writes is its user's alone.
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gateway_site.settings")
    try:
        _ = settings.INSTALLED_APPS  # The first look reads them all.
    except ImproperlyConfigured as error:
        sys.stderr.write(f"gateway: {error}\n")
        sys.exit(SETTINGS_ERROR)
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
