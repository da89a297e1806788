"""A source whose link was lost names the interaction in a wrap-up whose id was used again, as the contract asks."""

from __future__ import annotations

from devtools.worlds.judge.generate import Ways, generate
from devtools.worlds.judge.people import Style
from devtools.worlds.judge.world import Said, World

KINDS = ("late_wrapup", "conference_wrapup", "gap")


def used_again(world: World, one: Said) -> bool:
    """Say whether another life of a wrap-up's id began between the gap and it."""
    assert world.gap
    lives = {x.key: x for x in world.lives}
    own = lives[one.call]
    since, until = world.gap[0], one.event.at
    return any(x.id == own.id and x.contact != own.contact and since <= x.start <= until for x in world.lives)


def doubtful(interaction: str) -> list[Said]:
    """Return the reported wrap-ups of calls that ended before the end of a gap, and whose id was used again."""
    rows = list[Said]()
    for seed in range(700):
        world = generate(seed, KINDS, ways=Ways(style=Style(interaction=interaction, silences=False)))  # type: ignore[arg-type]
        wrapups = [x for x in world.said if "wrapup" in x.event.data and not x.lost] if world.gap else []
        ended = {x.key for x in world.lives if world.gap and x.end < world.gap[1]}
        rows += [x for x in wrapups if x.call in ended and used_again(world, x)]
    return rows


def test_a_wrapup_names_its_interaction_where_its_id_was_used_again_after_a_gap() -> None:
    rows = doubtful("first")
    assert rows
    assert all(x.event.data.get("interactionId") for x in rows)


def test_a_source_without_interactions_leaves_such_a_wrapup_out() -> None:
    assert doubtful("never") == []
