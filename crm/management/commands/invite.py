"""The first administrator's way in, and anybody's when mail is down: prints an invitation link."""

from argparse import ArgumentParser
from typing import Any

from django.core.management import BaseCommand, CommandError

from crm.accounts import services
from crm.accounts.rules import Role
from crm.errors import DomainError


class Command(BaseCommand):
    help = "Invites somebody and prints the link, which works once: manage.py invite ana@example.org --role planner"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email")
        parser.add_argument("--name", default="")
        parser.add_argument("--role", default=Role.ADMIN.value, choices=Role.values)

    def handle(self, *args: Any, email: str, name: str, role: str, **options: Any) -> None:
        try:
            _, link = services.invite(email=email, name=name or email.partition("@")[0], role=role, actor=None)
        except DomainError as error:
            raise CommandError(error.message) from error
        self.stdout.write(link)
