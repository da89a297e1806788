"""The demo's login: each start has another password, and with ``--keep`` the user is that of the last one."""

from django.contrib.auth.models import User


def renew(password: str) -> User:
    """Return the administrator with this password. He stays the same user: who saw which caller is kept."""
    rights = {"is_staff": True, "is_superuser": True, "is_active": True}
    user, _ = User.objects.get_or_create(username="admin", defaults=rights)
    user.set_password(password)
    user.save()
    return user
