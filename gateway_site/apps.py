"""The front door as a Django app: its commands and checks."""

from django.apps import AppConfig


class GatewaySiteConfig(AppConfig):
    """Hold the commands that concern the whole gateway."""

    name = "gateway_site"
    verbose_name = "QMS Gateway"
