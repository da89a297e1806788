"""The site as a Django app: its commands, checks and roles."""

from typing import Any

from django.apps import AppConfig, apps
from django.db.models.signals import post_migrate
from django.http import HttpRequest

from gateway_site.ops import postgresql_datetimes, version_guard


class GatewaySiteConfig(AppConfig):
    """Hold the commands that concern the whole gateway."""

    name = "gateway_site"
    verbose_name = "QMS Gateway"

    def ready(self) -> None:
        """Have each ``migrate`` make the roles, and moments of PostgreSQL read quickly."""
        from gateway_site.ops import session_limits  # noqa: F401, PLC0415  (registers its check)
        from gateway_site.roles import make_roles  # noqa: PLC0415  (models are there only now)

        postgresql_datetimes.install()
        post_migrate.connect(version_guard.note_version, sender=self, dispatch_uid="version")
        _watch_logins()
        apps.get_app_config("auth").verbose_name = "Accounts"  # Django's own is "Authentication and Authorization".

        # Not of this app: one without models gets no such signal.
        post_migrate.connect(make_roles, sender=apps.get_app_config("auth"), dispatch_uid="roles")


def _watch_logins() -> None:
    """Keep log-ins in the history, and count failures by address; the signals are Django's own."""
    from django.contrib.auth.signals import user_login_failed  # noqa: PLC0415  (models are there only now)

    from gateway_site.login.address_throttle import note_failure  # noqa: PLC0415
    from gateway_site.middleware import client_address  # noqa: PLC0415
    from history import logins  # noqa: PLC0415

    def count(request: HttpRequest | None = None, **_: Any) -> None:
        note_failure(request)

    logins.connect_signals(client_address)
    user_login_failed.connect(count, weak=False, dispatch_uid="address-throttle")
