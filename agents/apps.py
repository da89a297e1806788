"""This app's configuration."""

from django.apps import AppConfig


class AgentsConfig(AppConfig):
    """Hold agents, where they are logged on, and the users of QMS."""

    name = "agents"
    verbose_name = "People"
