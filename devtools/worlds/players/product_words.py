"""A scenario in the product's words: its events as the journal has them, the source's settings, the QMS users."""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from agents.core.matching import Directory, Instance, Listed, MatchVerdict
from calls.core.source_state import SiteSettings
from cti.events import AnyEvent, from_mapping
from devtools.worlds.judge.http import full_type
from devtools.worlds.judge.scenario import Event, Scenario, Site, User
from devtools.worlds.players.recorder import moment

SERVICE = 1


class ProductCast(Struct, frozen=True):
    """Say how the source is set up, and which QMS users there are."""

    site: SiteSettings
    directory: Directory

    def verdict(self, extension: str, agent_id: str = "", agent_name: str = "") -> MatchVerdict:
        """Match an extension with a QMS user."""
        return self.directory.verdict(extension, agent_id, agent_name)


def events_of(scenario: Scenario) -> list[AnyEvent]:
    """Return a scenario's events as the journal has them: in the order of hearing, each id once."""
    return [_event(event) for event in first_of_each_id(scenario)]


def first_of_each_id(scenario: Scenario) -> list[Event]:
    """Return the events without those whose id was heard before: the intake drops them."""
    known: dict[str, Event] = {}
    for event in scenario.events:
        known.setdefault(event.id, event)
    return list(known.values())


def partition_of(scenario: Scenario, partition: Sequence[int]) -> list[int]:
    """Return the sizes of batches without the events that the intake drops."""
    sizes, start, known = [], 0, set[str]()
    for size in partition:
        fresh = {x.id for x in scenario.events[start : start + size]} - known
        known |= fresh
        start += size
        sizes.append(len(fresh))
    return sizes


def _event(event: Event) -> AnyEvent:
    mapping: dict[str, Any] = {
        "specversion": "1.0",
        "id": event.id,
        "source": "worlds",
        "type": full_type(event.type),
        "time": moment(event.at),
        "gatewaytime": moment(event.heard),
        "data": event.data,
    }
    return from_mapping(mapping)


def cast_of(scenario: Scenario, *, has_source_times: bool = True) -> ProductCast:
    """Return the source's settings and the QMS users of a scenario."""
    users = scenario.users or [User(one) for one in scenario.site.devices]
    listed = [
        Listed(
            service_id=SERVICE,
            user_id=str(number),
            extension=one.extension,
            agent_id=one.agent_id,
            name=one.name,
            active=one.active,
            licensed=one.licensed,
        )
        for number, one in enumerate(users)
    ]
    return ProductCast(_site(scenario.site, has_source_times), Directory(listed, [Instance(SERVICE)]))


def _site(site: Site, has_source_times: bool) -> SiteSettings:
    return SiteSettings(
        has_source_times=has_source_times,
        devices=frozenset(site.devices),
        queues=frozenset(site.queues),
        ignored=frozenset(site.ignored),
        settle_seconds=site.settle_seconds,
        wrapup_wait_seconds=site.wrapup_wait_seconds,
        agents_calls_only=site.agents_calls_only,
        stale_hours=site.stale_hours,
        has_free_seating=site.has_free_seating,
    )
