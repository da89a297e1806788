"""The intake keeps to its OpenAPI document, whatever is sent."""

import json
from typing import Any

import pytest
import schemathesis
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pytest_django.live_server_helper import LiveServer
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from cti.http_intake.openapi import document
from cti.http_intake.tokens import mint_token
from tests.cti.examples import cloud_event, source

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.urls("cti.urls"),
    pytest.mark.usefixtures("redis"),
    pytest.mark.one_database,
]

#: The contract requires members by type in its prose, so what its schema accepts may be rejected with a reason; and a
#: batch is taken in part, or refused by 413, where a schema knows only right and wrong. Members: see the contract test.
NOT_FOR_BATCHES = [positive_data_acceptance, negative_data_rejection]


@pytest.fixture
def token() -> str:
    return mint_token(source()).text


post_events = schemathesis.openapi.from_dict(json.loads(document()))["/api/events"]["POST"]
cases = st.one_of(*(post_events.as_strategy(generation_mode=mode) for mode in GenerationMode))


@given(case=cases)
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_answer_is_in_the_document(case: Any, live_server: LiveServer, token: str) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    case.call_and_validate(base_url=live_server.url, headers=headers, excluded_checks=NOT_FOR_BATCHES)


def test_the_document_is_served(client: Client) -> None:
    answer = client.get("/api/openapi.json")

    assert answer.status_code == 200
    assert set(json.loads(answer.content)["paths"]) == {"/api/events", "/api/legs"}


def test_the_documents_event_is_the_contracts() -> None:
    whole = json.loads(document())
    validator = Draft202012Validator({"$ref": "#/components/schemas/Event", "components": whole["components"]})

    assert validator.is_valid(cloud_event("1"))
    assert not validator.is_valid(cloud_event("1", data={"callId": 7}))
    assert not validator.is_valid(cloud_event("1", type="csta.agent.Ready", data={}))
