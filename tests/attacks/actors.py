"""Who attacks, and from where: people of each role in a browser of their own."""

from django.contrib.auth.models import Group, User
from django.test import Client

from gateway_site.roles import ADMINISTRATOR, AUDITOR, OPERATOR, SUPERVISOR

ROLES = (ADMINISTRATOR, OPERATOR, SUPERVISOR, AUDITOR)
PASSWORD = "a-long-pass-phrase"


def person(role: str, name: str = "") -> User:
    """Return somebody of a role, who has a password."""
    user = User.objects.create_user(name or role.lower(), password=PASSWORD, is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    return user


def browser_of(role: str, name: str = "") -> Client:
    """Return a browser in which somebody of a role is logged in."""
    client = Client()
    client.force_login(person(role, name), backend="django.contrib.auth.backends.ModelBackend")
    return client
