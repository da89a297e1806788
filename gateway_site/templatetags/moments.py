"""Moments in templates, written as everywhere else."""

from datetime import datetime

from django import template

import clock
from clock import text

register = template.Library()


@register.filter
def exact(moment: datetime | None) -> str:
    """Write a moment to the millisecond, with the zone's name."""
    return text.exact(moment)


@register.filter
def ago(moment: datetime | None) -> str:
    """Write how long ago a moment was, with the exact time for who points at it."""
    return text.ago(moment, clock.now())
