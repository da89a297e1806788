"""The form's field for the sources of a replay: boxes to tick, or their names where there are too many boxes."""

from collections.abc import Sequence

from django import forms
from django.core.exceptions import ValidationError
from unfold.widgets import UnfoldAdminTextareaWidget

from cti.models import CtiSource

#: Maximum number of boxes. Django refuses a form of more than a thousand fields, and nobody reads them.
MAXIMUM_BOXES = 50
#: Maximum length of the names typed, in characters, and number of wrong ones in the answer.
MAXIMUM_NAMES_LENGTH, MAXIMUM_WRONG_NAMES = 100_000, 5
NONE_MEANS_ALL = "None ticked: all of them."


class SourceNamesField(forms.CharField):
    """Sources by their slugs, with spaces, commas or new lines between; empty: none is named."""

    widget = UnfoldAdminTextareaWidget

    def __init__(self) -> None:
        super().__init__(
            required=False,
            label="CTI sources",
            max_length=MAXIMUM_NAMES_LENGTH,
            help_text="Their slugs, with spaces, commas or new lines between. Empty: all of them.",
        )

    def clean(self, value: str) -> Sequence[CtiSource]:
        """Return the sources named. Raises ``ValidationError`` with the names that no source has."""
        names = set(super().clean(value).replace(",", " ").split())
        known = {one.slug: one for one in CtiSource.objects.all()} if names else {}
        if wrong := sorted(names - known.keys()):
            more = f" and {len(wrong) - MAXIMUM_WRONG_NAMES} more" if len(wrong) > MAXIMUM_WRONG_NAMES else ""
            raise ValidationError(f"There is no CTI source {', '.join(wrong[:MAXIMUM_WRONG_NAMES])}{more}.")
        return [known[name] for name in sorted(names)]


def is_too_many_for_boxes() -> bool:
    """Say whether the sources are named instead of ticked."""
    return CtiSource.objects.count() > MAXIMUM_BOXES
