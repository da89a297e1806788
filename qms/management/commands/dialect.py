"""``./gateway manage dialect WSDL``: draft a dialect file."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from qms import api
from qms.port import QmsError


class Command(BaseCommand):
    """Draft the dialect of another WSDL."""

    help = "Draft a dialect file from a WSDL (a file or an address), and say what could not be mapped."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the WSDL and what cannot be guessed."""
        parser.add_argument("wsdl", help="a file, or an address such as http://host/Vault.svc?singleWsdl")
        parser.add_argument("--port", default="", help="the WSDL's port, where it has several")
        parser.add_argument("--ca-file", default="", help="the authority that signed the server's certificate")
        parser.add_argument("--output", help="write to this file instead of the terminal")

    def handle(self, *args: Any, **options: Any) -> None:
        """Write the draft."""
        try:
            text = api.draft_dialect(options["wsdl"], options["port"], options["ca_file"])
        except QmsError as error:
            raise CommandError(str(error)) from error
        if not options["output"]:
            self.stdout.write(text, ending="")
            return
        try:
            with open(options["output"], "x", encoding="utf-8") as file:  # noqa: PTH123  (a mode that Path lacks)
                file.write(text)
        except OSError as error:
            raise CommandError(f"{options['output']} cannot be written: {error.strerror}.") from error
        self.stdout.write(f"Written to {options['output']}.")
