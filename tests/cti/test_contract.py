"""Our vocabulary and the contract's schema accept the same events."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from cti import events
from cti.events import AgentEvent, CallEvent, EventError, camel, decode, type_name, type_names

SCHEMA: dict[str, Any] = json.loads((Path(events.__file__).parent / "schema" / "cti-event.schema.json").read_text())
DEFS: dict[str, Any] = SCHEMA["$defs"]
VALIDATOR = Draft202012Validator(SCHEMA)
CALLS = [one for one in events.EVENT_TYPES if issubclass(one, CallEvent)]
AGENTS = [one for one in events.EVENT_TYPES if issubclass(one, AgentEvent)]

# Lengths beyond the limits too; hypothesis' text has no surrogates, which JSON in UTF-8 cannot carry either.
texts = st.one_of(st.text(max_size=12), st.sampled_from(["x" * 255, "x" * 256, "0123", ""]))
anything = st.one_of(st.none(), st.booleans(), st.integers(), texts, st.lists(st.integers(), max_size=2))


def valid(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Make values of the few forms that the contract's schema uses."""
    if "$ref" in schema:
        return valid(DEFS[schema["$ref"].rsplit("/", 1)[1]])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if schema["type"] == "string":
        return st.text(max_size=min(schema.get("maxLength", 40), 40))
    if schema["type"] == "array":
        return st.lists(valid(schema["items"]), max_size=3)
    if "additionalProperties" in schema:
        return st.dictionaries(st.text(max_size=8), valid(schema["additionalProperties"]), max_size=3)
    required = set(schema.get("required", ()))
    members = {name: valid(member) for name, member in schema["properties"].items()}
    return st.fixed_dictionaries(
        {name: members[name] for name in members if name in required},
        optional={name: members[name] for name in members if name not in required} | {"unknown": anything},
    )


def event(kind: type[events.Event], data: dict[str, Any]) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": "1",
        "source": "web",
        "type": type_name(kind),
        "time": "2026-03-02T09:30:00+01:00",
        "data": data,
    }


def schema_accepts(value: Any) -> bool:
    return bool(VALIDATOR.is_valid(value))


def we_accept(value: Any) -> bool:
    try:
        decode(json.dumps(value))
    except EventError:
        return False
    return True


def test_the_types_are_the_contracts_in_its_order() -> None:
    assert type_names() == SCHEMA["properties"]["type"]["enum"]


@given(kind=st.sampled_from(CALLS), data=valid(DEFS["call"]))
def test_what_the_schema_accepts_of_a_call_is_decoded(kind: type[CallEvent], data: dict[str, Any]) -> None:
    # Which members a type requires stands in the schema's prose.
    value = event(kind, {camel(name): "1" for name in kind.required} | data)

    assert schema_accepts(value)
    assert we_accept(value)


@given(kind=st.sampled_from(AGENTS), data=valid(DEFS["agent"]))
def test_what_the_schema_accepts_of_an_agent_is_decoded(kind: type[AgentEvent], data: dict[str, Any]) -> None:
    value = event(kind, {"deviceId": "2001"} | data)

    assert schema_accepts(value)
    assert we_accept(value)


@given(
    kind=st.sampled_from([*CALLS, *AGENTS]),
    name=st.sampled_from([*DEFS["call"]["properties"], *DEFS["agent"]["properties"]]),
    value=st.one_of(anything, texts, st.dictionaries(st.text(max_size=4), texts, max_size=2)),
)
def test_a_member_that_the_schema_refuses_is_refused(kind: type[events.Event], name: str, value: Any) -> None:
    members = ("callId", "deviceId", "primaryOldCallId", "agentId")
    given_event = event(kind, dict.fromkeys(members, "1") | {name: value})

    if not schema_accepts(given_event):
        # null is how many clients write an absent member; it is taken as such where the member is not required.
        assert not we_accept(given_event) or value is None
    else:
        assert we_accept(given_event)


@pytest.mark.parametrize("name", ["specversion", "id", "source", "type", "time", "data"])
@given(value=anything)
def test_an_envelope_that_the_schema_refuses_is_refused(name: str, value: Any) -> None:
    whole = event(events.CallCleared, {"callId": "1"})
    without = {member: one for member, one in whole.items() if member != name}

    assert not schema_accepts(without)
    assert not we_accept(without)
    changed = without | {name: value}
    if not schema_accepts(changed):
        assert not we_accept(changed)


@pytest.mark.parametrize("kind", CALLS)
def test_each_member_that_a_type_requires_is_named_when_it_is_missing(kind: type[CallEvent]) -> None:
    every = {camel(name): "1" for name in kind.required}
    assert we_accept(event(kind, every))
    for name in every:
        with pytest.raises(EventError, match=name):
            decode(json.dumps(event(kind, {member: one for member, one in every.items() if member != name})))


@pytest.mark.parametrize(
    ("data", "fits"),
    [
        ({"connections": [{"new": {"callId": "1", "deviceId": "2"}}] * 64}, True),
        ({"connections": [{"new": {"callId": "1", "deviceId": "2"}}] * 65}, False),
        ({"queryData": {str(number): "x" for number in range(64)}}, True),
        ({"queryData": {str(number): "x" for number in range(65)}}, False),
        ({"queryData": {"a": "x" * 4096}}, True),
        ({"queryData": {"a": "x" * 4097}}, False),
        ({"callerName": "x" * 1024}, True),
        ({"callerName": "x" * 1025}, False),
    ],
)
def test_limits_are_the_contracts(data: dict[str, Any], fits: bool) -> None:
    value = event(events.CallInformation, {"callId": "1"} | data)

    assert (schema_accepts(value), we_accept(value)) == (fits, fits)
