#!/usr/bin/env python
"""Run a management command of the QMS Gateway."""

import os
import sys

from django.core.management import execute_from_command_line

if __name__ == "__main__":
    os.umask(0o077)  # What a command writes is its user's alone.
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gateway_site.settings")
    execute_from_command_line(sys.argv)
