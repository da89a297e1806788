"""``python -m tests.cti.run_listener SLUG``: the command ``listen``, with the tests' own kind of source."""

import sys

import django
from django.core.management import call_command

from cti.sources.registry import SESSIONS

if __name__ == "__main__":
    SESSIONS["csta_xml"] = "tests.cti.line_session:LineSession"
    django.setup()
    call_command("listen", sys.argv[1])
