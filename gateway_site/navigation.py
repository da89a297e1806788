"""The admin's looks and its navigation by task."""

from typing import Any

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "QMS Gateway",
    "SITE_HEADER": "QMS Gateway",
    "SITE_SYMBOL": "label",
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
}
