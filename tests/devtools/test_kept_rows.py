"""What migrations made is there again after a test that emptied every table."""

import pytest
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.db import connection

pytestmark = pytest.mark.django_db(transaction=True)


def test_rows_of_migrations_are_put_back_as_they_were_and_once() -> None:
    before = rows()
    call_command("flush", verbosity=0, interactive=False, inhibit_post_migrate=True)
    assert rows() == [[], [], [], []]

    for _ in range(2):
        connection.creation.deserialize_db_from_string("")

    assert rows() == before
    assert all(before)


def rows() -> list[list[tuple[object, ...]]]:
    """Return what is in some of the tables that migrations fill."""
    queries = (ContentType.objects, Permission.objects, Group.objects, Group.permissions.through.objects)
    return [sorted(one.values_list()) for one in queries]
