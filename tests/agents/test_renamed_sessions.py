"""The agent sessions were called presences: who saw them, kept a list of them or had a link to them still does."""

from importlib import import_module

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, Permission, User
from django.contrib.contenttypes.models import ContentType
from django.test import Client

from agents.models import AgentSessionRecord
from calls.models import SavedList

pytestmark = pytest.mark.django_db

keep_access = import_module("agents.migrations.0013_agent_session_record").keep_access


def test_a_site_s_own_group_and_user_keep_seeing_them(django_user_model: type[User]) -> None:
    content_type = ContentType.objects.get_for_model(AgentSessionRecord)
    old = Permission.objects.create(content_type=content_type, codename="view_presence", name="Can view presence")
    group, user = Group.objects.create(name="Night shift"), django_user_model.objects.create(username="ann")
    group.permissions.add(old)
    user.user_permissions.add(old)

    keep_access(apps, None)

    assert group.permissions.filter(codename="view_agentsessionrecord").count() == 1
    assert user.has_perm("agents.view_agentsessionrecord")


def test_saved_lists_keep_their_page(admin_user: User) -> None:
    saved = SavedList.objects.create(user_id=admin_user.pk, label="agents.presence", name="Mine", query="q=1")

    keep_access(apps, None)
    saved.refresh_from_db()

    assert saved.label == "agents.agentsessionrecord"


def test_a_bookmark_leads_to_the_page_of_now(admin_client: Client) -> None:
    page = admin_client.get("/admin/agents/presence/?q=9101")

    assert page.headers["Location"] == "/admin/agents/agentsessionrecord/?q=9101"
