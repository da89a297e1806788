"""The site as a Django app: its commands, checks and roles."""

from django.apps import AppConfig, apps
from django.db.models.signals import post_migrate

from gateway_site.ops import postgresql_datetimes


class GatewaySiteConfig(AppConfig):
    """Hold the commands that concern the whole gateway."""

    name = "gateway_site"
    verbose_name = "QMS Gateway"

    def ready(self) -> None:
        """Have each ``migrate`` make the roles, and moments of PostgreSQL read quickly."""
        from gateway_site.ops import session_limits  # noqa: F401, PLC0415  (registers its check)
        from gateway_site.roles import make_roles  # noqa: PLC0415  (models are there only now)

        postgresql_datetimes.install()

        # Not of this app: one without models gets no such signal.
        post_migrate.connect(make_roles, sender=apps.get_app_config("auth"), dispatch_uid="roles")
