"""A consumer as a process of its own, to be killed: folds a source at a standing time until it is ended."""

import os
import sys
import time
from datetime import datetime

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gateway_site.settings")
django.setup()

from calls.pipeline import consumer  # noqa: E402  (Django first)
from cti.models import CtiSource  # noqa: E402

#: A small slice, so that there are many moments between two commits to be killed at.
SLICE = 20

if __name__ == "__main__":
    now = datetime.fromisoformat(sys.argv[2])
    folding = consumer.Consumer(CtiSource.objects.get(slug=sys.argv[1]), lambda: now)
    while True:
        try:
            if folding.fold_once(limit=SLICE) is None:
                time.sleep(0.01)
        except consumer.Overtaken:
            continue
