"""The Django project: settings, urls, Celery, admin site, health, metrics."""

from gateway_site.celery import app as celery_app

__all__ = ["celery_app"]
