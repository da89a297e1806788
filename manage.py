#!/usr/bin/env python
"""Run a management command of the QMS Gateway."""

import os
import sys

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line

STORE_ERROR, SETTINGS_ERROR, STOPPED = 1, 3, 130


def main() -> None:
    """Check the settings, then run the command; settings and stores that cannot be used are named in sentences."""
    os.umask(0o077)  # What a command writes is its user's alone.
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gateway_site.settings")
    try:
        _ = settings.INSTALLED_APPS  # The first look reads them all.
    except ImproperlyConfigured as error:
        sys.stderr.write(f"gateway: {error}\n")
        sys.exit(SETTINGS_ERROR)
    try:
        execute_from_command_line(sys.argv)
    except KeyboardInterrupt:
        sys.stderr.write("gateway: stopped\n")
        sys.exit(STOPPED)
    except Exception as error:
        from gateway_site.ops.store_refusals import sentence  # noqa: PLC0415  (most commands never need it)

        if "--traceback" in sys.argv or not (said := sentence(error)):
            raise
        sys.stderr.write(f"gateway: {said}\n")
        sys.exit(STORE_ERROR)


if __name__ == "__main__":
    main()
