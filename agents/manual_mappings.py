"""Manual mappings: an administrator states which QMS user an agent is. Rows are only ever added."""

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from agents.core.matching import ManualMapping
from agents.models import Agent, MappingAct, QmsUser
from qms.port import Licence


class MappingRefused(ValueError):
    """The act would change nothing or could never be used; the text says what to do instead."""

    retryable = False


def standing_acts(source_id: int) -> list[MappingAct]:
    """Return the act that holds for each agent of a source who has a manual mapping."""
    acts = MappingAct.objects.filter(agent__source_id=source_id).select_related("agent", "after__service")
    last = {act.agent_id: act for act in acts.order_by("agent_id", "number")}
    return [act for act in last.values() if act.after]


def standing_mappings(source_id: int) -> list[ManualMapping]:
    """Return the mappings that hold at a source, as the matching takes them."""
    return [_mapping(act, act.after) for act in standing_acts(source_id) if act.after]


def last_act(agent: Agent) -> MappingAct | None:
    """Return the last act about an agent, also one that ended the mapping."""
    return agent.mapping_acts.select_related("after__service").order_by("-number").first()


def check(agent: Agent, user: QmsUser | None) -> None:
    """Refuse what changes nothing or could never be used. Raises ``MappingRefused``."""
    last = last_act(agent)
    standing = last.after if last else None
    if user is None and standing is None:
        raise MappingRefused("This agent has no manual mapping to end. Choose a QMS user.")
    if user is not None:
        if standing is not None and _identity(standing) == _identity(user):
            raise MappingRefused("This agent is mapped to this user already.")
        if trouble := _trouble(user):
            raise MappingRefused(f"{user.full_name or 'This user'} {trouble}, so the mapping could never be used.")


@transaction.atomic
def map_agent(agent: Agent, user: QmsUser | None, *, reason: str, by: str, now: datetime) -> MappingAct:
    """Say that an agent is a QMS user, or with None that the mapping ends. Raises ``MappingRefused``."""
    agent = Agent.objects.select_for_update().get(pk=agent.pk)  # Two administrators act one after the other.
    if not reason.strip():
        raise MappingRefused("Give a reason: it is shown wherever the mapping is used.")
    check(agent, user)
    last = last_act(agent)
    return MappingAct.objects.create(
        agent=agent,
        number=last.number + 1 if last else 1,
        before=last.after if last else None,
        after=user,
        before_name=last.after_name if last else "",
        after_name=_name(user) if user else "",
        reason=reason.strip(),
        by=by,
        at=now,
    )


def _mapping(act: MappingAct, user: QmsUser) -> ManualMapping:
    return ManualMapping(
        agent_id=act.agent.agent_id,
        data_server_id=user.service.data_server_id,
        user_id=user.user_id,
        user=act.after_name,
        by=act.by,
        on=timezone.localtime(act.at).date(),
        reason=act.reason,
    )


def _identity(user: QmsUser) -> tuple[int, str]:
    """Return a user's identity: the services of a Data Server list the same users."""
    return user.service.data_server_id, user.user_id


def _trouble(user: QmsUser) -> str:
    if user.gone_at:
        return "is no longer listed in QMS"
    if not user.active:
        return "is not active in QMS"
    return "has no recording licence in QMS" if user.licence == Licence.NONE else ""


def _name(user: QmsUser) -> str:
    """Name the user as sentences do; kept with the act, because QMS may rename or forget the user."""
    return f"{user.full_name or 'a user without a name'} (user {user.user_id})"[:255]
