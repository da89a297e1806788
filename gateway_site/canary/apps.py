"""The canary as a Django app."""

from django.apps import AppConfig


class CanaryConfig(AppConfig):
    """Canary calls and what they found."""

    name = "gateway_site.canary"
    label = "canary"
    verbose_name = "Canary"
