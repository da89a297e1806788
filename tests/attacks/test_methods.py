"""Methods that no page has."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE", "PROPFIND"])
@pytest.mark.parametrize("path", ["/admin/", "/admin/auth/user/", "/admin/live/", "/admin/installation/"])
def test_the_admin_answers_405_to_methods_that_it_does_not_have(method: str, path: str) -> None:
    """Before: PUT and DELETE got the page with 200, as if they had been GET."""
    client = Client()
    client.force_login(User.objects.create_superuser("root"), backend="django.contrib.auth.backends.ModelBackend")

    answer = client.generic(method, path)

    assert answer.status_code == 405
    assert answer.headers["Allow"] == "GET, HEAD, POST, OPTIONS"
