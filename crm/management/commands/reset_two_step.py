"""The way back for an administrator who lost the second step, when there is no other one."""

from argparse import ArgumentParser
from typing import Any

from django.core.management import BaseCommand, CommandError

from crm.accounts.models import User
from crm.accounts.two_step_services import reset_two_step


class Command(BaseCommand):
    help = "Takes app, passkeys and recovery codes of an account away and signs it out: manage.py reset_two_step ana@example.org"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email")

    def handle(self, *args: Any, email: str, **options: Any) -> None:
        user = User.objects.filter(email__iexact=email.strip()).first()
        if user is None:
            raise CommandError(f"No account has the address {email}.")
        reset_two_step(user=user, actor=None)
        self.stdout.write(f"Two-step sign-in of {user.email} is reset; the password alone opens the account now.")
