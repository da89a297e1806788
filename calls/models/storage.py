"""How the rows of this app are stored, where a choice is left."""

from django.db import models


class LegStorage(models.Model):
    """Whether legs are stored compactly, which programs up to 0.2.0 cannot read; one row, of key 1.

    A new database does so at once; one that an earlier release has used, from ``manage compact_legs`` on.
    """

    is_compact = models.BooleanField(default=False)

    def __str__(self) -> str:
        return "compact" if self.is_compact else "as up to 0.2.0"


def are_legs_compact() -> bool:
    """Say whether legs are to be stored compactly."""
    return LegStorage.objects.filter(is_compact=True).exists()
