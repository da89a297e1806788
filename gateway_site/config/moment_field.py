"""A form's field for a date and a time by the site's clock."""

from datetime import datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from gateway_site.config.moments import NoSuchMoment, by_sites_clock


class SiteMomentField(forms.SplitDateTimeField):
    """Reads a time as the commands do, on the days when the clocks change too."""

    def compress(self, data_list: Any) -> datetime | None:
        """Return the moment; None where nothing was entered."""
        if not data_list or None in data_list or "" in data_list:
            return super().compress(data_list)  # It says which part is missing.
        try:
            return by_sites_clock(datetime.combine(*data_list))
        except NoSuchMoment as error:
            raise ValidationError(str(error)) from error
