"""``check_installation`` takes another gateway's web server, at the same address, not for its own."""

from typing import Any

import pytest
from django.test import Client

from gateway_site.installation import steps
from gateway_site.installation.steps import StepState
from gateway_site.ops.health import INSTALLATION


class Answer:
    """Stand for what a web server answered."""

    def __init__(self, name: str) -> None:
        self.status, self.headers = 200, {INSTALLATION: name} if name else {}

    def __enter__(self) -> "Answer":
        return self

    def __exit__(self, *_: object) -> None:
        pass


@pytest.mark.parametrize("whose", ["", "of another SECRET_KEY", "own"])
def test_another_gateways_web_is_a_failure(whose: str, monkeypatch: pytest.MonkeyPatch) -> None:
    own = Client().get("/health/live").headers[INSTALLATION]
    monkeypatch.setattr("urllib.request.urlopen", lambda *_, **__: Answer(own if whose == "own" else whose))
    step: Any = steps._web()  # The other steps need a whole gateway.

    assert step.state is (StepState.PASS if whose == "own" else StepState.FAIL)
    assert ("another gateway" in step.seen) == (whose != "own")
