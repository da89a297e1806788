"""The four roles, as groups: each ``migrate`` sets them to what stands here, so an upgrade brings what is new.

Who wants another division makes a group of their own; the gateway leaves all others alone.
"""

from typing import Any

from django.apps import apps
from django.contrib.auth.management import create_permissions
from django.contrib.auth.models import Group, Permission
from django.db.models import Q, QuerySet

ADMINISTRATOR, OPERATOR, SUPERVISOR, AUDITOR = "Administrator", "Operator", "Supervisor", "Auditor"
OWN_APPS = ("calls", "agents", "flags", "qms", "cti", "alarms", "reconciliation", "replays", "canary", "evidence")
SEE_CALLERS = "calls.view_caller"

#: What an operator may do beside looking: the acts that keep calls being flagged, and no change of the configuration.
OPERATORS_ACTS = (
    "calls.change_causedecision",
    "flags.change_flagwrite",
    "flags.add_flagonserver",
    "agents.add_userrefresh",
    "agents.change_userrefresh",
    "agents.add_shiftcheck",
    "agents.add_mappingact",
    "cti.change_quarantinedmessage",
    "reconciliation.add_reconciliationrun",
    "reconciliation.repair_finding",
    "replays.add_replayrun",
    "canary.make_canarycall",
)
#: What a supervisor of agents looks at: people and their calls, nothing technical.
SUPERVISORS_VIEWS = (
    "calls.view_leg",
    "calls.view_gap",
    "calls.view_recordingsearch",
    "calls.view_queuename",
    "agents.view_agent",
    "agents.view_agentsessionrecord",
    "agents.view_presence",  # The former name: programs of an earlier release ask for it in an upgrade.
    "agents.view_qmsuser",
    "agents.view_mappingact",
)


def make_roles(**_: Any) -> None:
    """Make the groups, or set them right. A receiver of ``post_migrate``: permissions are rows that it must find."""
    for label in (*OWN_APPS, "auth", "admin"):
        create_permissions(apps.get_app_config(label), verbosity=0)
    own = Permission.objects.filter(content_type__app_label__in=OWN_APPS)
    looking = own.filter(codename__startswith="view_").exclude(codename__in=("view_caller", "view_callerview"))
    _set(ADMINISTRATOR, Permission.objects.filter(content_type__app_label__in=(*OWN_APPS, "auth", "admin")))
    _set(OPERATOR, looking | _named(SEE_CALLERS, *OPERATORS_ACTS))
    _set(SUPERVISOR, _named(SEE_CALLERS, *SUPERVISORS_VIEWS))
    _set(AUDITOR, looking | _named("admin.view_logentry", "calls.view_callerview"))


def _set(role: str, permissions: QuerySet[Permission]) -> None:
    Group.objects.get_or_create(name=role)[0].permissions.set(permissions)


def _named(*names: str) -> QuerySet[Permission]:
    wanted = Q(pk__in=[])
    for name in names:
        label, codename = name.split(".")
        wanted |= Q(content_type__app_label=label, codename=codename)
    return Permission.objects.filter(wanted)
