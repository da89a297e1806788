"""The replays as a Django app."""

from django.apps import AppConfig


class ReplaysConfig(AppConfig):
    """Replays that were asked for, and what they came to."""

    name = "gateway_site.replays"
    label = "replays"
    verbose_name = "Replays"
