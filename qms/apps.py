"""This app's configuration."""

from django.apps import AppConfig


class QmsConfig(AppConfig):
    """Hold the Recording Services and Data Servers of QMS."""

    name = "qms"
    verbose_name = "QMS"
