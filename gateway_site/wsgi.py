"""The WSGI application that the web server serves."""

import os

from django.core.wsgi import get_wsgi_application

from gateway_site.broker.brief_wait import wait_briefly_for_broker

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gateway_site.settings")
wait_briefly_for_broker()
application = get_wsgi_application()
