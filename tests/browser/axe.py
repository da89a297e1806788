"""What axe-core says of a page; the script is bundled with axe-playwright-python, so nothing is fetched."""

from typing import Any

import msgspec
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

#: How grave a violation must be to count; none of these is let pass, unfold's own neither.
GRAVE = ("serious", "critical")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]
RUN = "rules => axe.run(document, {resultTypes: ['violations'], runOnly: rules})"


class Violation(msgspec.Struct, frozen=True):
    """A rule that a page breaks, and where."""

    rule: str
    target: str
    html: str
    why: str


def violations(page: Page) -> list[Violation]:
    """Return what is grave on the page."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    found: dict[str, Any] = page.evaluate(RUN, RULES)
    return [
        Violation(rule["id"], str(node["target"][-1]), node["html"][:160], node["failureSummary"][:240])
        for rule in found["violations"]
        for node in rule["nodes"]
        if node["impact"] in GRAVE
    ]
