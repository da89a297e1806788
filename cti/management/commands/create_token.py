"""``create_token SLUG``: make a bearer token of a source and print it, this once."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from cti.http_intake.tokens import mint_token
from cti.models import CtiSource, Scope
from history.commands import record_command


class Command(BaseCommand):
    """Make a token; the standard output carries nothing else."""

    help = "Make a token for POST /api/events and GET /api/legs. It is printed this once; only its hash is kept."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", help="the CTI source")
        parser.add_argument("--read", action="store_true", help="read legs only, post nothing")
        parser.add_argument("--name", default="", help="who or what it is for")

    def handle(self, *_: Any, **options: Any) -> None:
        source = CtiSource.objects.filter(slug=options["slug"]).first()
        if source is None:
            raise CommandError(f"There is no CTI source {options['slug']}.")
        scope = Scope.READ if options["read"] else Scope.WRITE
        with transaction.atomic():
            token = mint_token(source, scope, options["name"])
            description = f"Added. Source: {source.slug}. Scope: {token.row.get_scope_display()}."
            record_command(token.row, {}, description=description)
        self.stdout.write(token.text)
